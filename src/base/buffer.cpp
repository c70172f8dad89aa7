#include "base/buffer.h"

#include <cstddef>
#include <cstring>
#include <limits>
#include <utility>

namespace colonnade {

Buffer::Buffer(Buffer&& other) noexcept
    : reservation_(std::move(other.reservation_)),
      data_(std::move(other.data_)),
      size_(std::exchange(other.size_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  if (this != &other) {
    data_ =
        std::move(other.data_);  // before the reservation: never hold bytes that are not counted
    reservation_ = std::move(other.reservation_);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

Status Buffer::Resize(size_t bytes) {
  constexpr size_t kAlignment = 64;
  if (bytes > capacity()) {
    if (bytes > static_cast<size_t>(std::numeric_limits<ptrdiff_t>::max()) - kAlignment) {
      return LimitExceeded("cannot allocate ", bytes, " bytes");
    }
    const size_t new_capacity = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    const size_t old_capacity = capacity();
    COLONNADE_RETURN_IF_ERROR(reservation_.Resize(new_capacity));
    auto* data = static_cast<std::byte*>(std::aligned_alloc(kAlignment, new_capacity));
    if (data == nullptr) {
      COLONNADE_RETURN_IF_ERROR(reservation_.Resize(old_capacity));
      return LimitExceeded("cannot allocate ", bytes, " bytes");
    }
    if (size_ != 0) std::memcpy(data, data_.get(), size_);
    data_.reset(data);
  }
  size_ = bytes;
  return {};
}

void Buffer::Reset() noexcept {
  data_.reset();
  reservation_.Reset();
  size_ = 0;
}

}  // namespace colonnade
