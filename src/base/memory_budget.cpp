#include "base/memory_budget.h"

#include <utility>

namespace colonnade {
namespace {

class Unlimited final : public MemoryBudget {
 public:
  Status Reserve(size_t) override { return {}; }
  void Release(size_t) noexcept override {}
};

}  // namespace

MemoryBudget& UnlimitedMemory() {
  static auto& budget = *new Unlimited;  // never destroyed: buffers of static storage outlive main
  return budget;
}

MemoryReservation::MemoryReservation(MemoryReservation&& other) noexcept
    : budget_(other.budget_), bytes_(std::exchange(other.bytes_, 0)) {}

MemoryReservation& MemoryReservation::operator=(MemoryReservation&& other) noexcept {
  if (this != &other) {
    Reset();
    budget_ = other.budget_;
    bytes_ = std::exchange(other.bytes_, 0);
  }
  return *this;
}

Status MemoryReservation::Resize(size_t bytes) {
  if (budget_ == nullptr) budget_ = &UnlimitedMemory();
  if (bytes > bytes_) {
    COLONNADE_RETURN_IF_ERROR(budget_->Reserve(bytes - bytes_));
  } else if (bytes < bytes_) {
    budget_->Release(bytes_ - bytes);
  }
  bytes_ = bytes;
  return {};
}

void MemoryReservation::Reset() noexcept {
  if (bytes_ != 0) budget_->Release(bytes_);
  bytes_ = 0;
}

}  // namespace colonnade
