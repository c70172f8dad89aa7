// Reading one value of varying length where the caller has it.

#pragma once

#include <cstdint>
#include <string_view>

#include "base/byte_order.h"
#include "questdb/wire/column.h"

namespace colonnade::questdb::wire {

/// The bytes of row `row`. False for offsets that descend and views that lie outside their buffers'
/// number or have negative parts.
inline bool TextAt(const VaryingValues& values, int64_t row, std::string_view* text) {
  const auto* offsets = static_cast<const std::byte*>(values.offsets);
  const auto* data = reinterpret_cast<const char*>(values.data);
  const auto slice = [&](int64_t begin, int64_t end) {
    if (begin < 0 || end < begin) return false;
    *text = begin == end ? std::string_view() : std::string_view(data + begin, end - begin);
    return true;
  };
  switch (values.layout) {
    case VaryingValues::Layout::kOffsets32:
      return slice(LoadLittle<int32_t>(offsets + row * 4),
                   LoadLittle<int32_t>(offsets + row * 4 + 4));
    case VaryingValues::Layout::kOffsets64:
      return slice(LoadLittle<int64_t>(offsets + row * 8),
                   LoadLittle<int64_t>(offsets + row * 8 + 8));
    case VaryingValues::Layout::kFixedWidth:
      return slice(row * values.width, (row + 1) * values.width);
    case VaryingValues::Layout::kViews: {
      // The length; up to 12 bytes in place, or the first four, the buffer, the offset in it.
      constexpr int32_t kInPlace = 12;
      const std::byte* view = offsets + row * 16;
      const auto size = LoadLittle<int32_t>(view);
      if (size < 0) return false;
      if (size <= kInPlace) {
        *text = {reinterpret_cast<const char*>(view + 4), static_cast<size_t>(size)};
        return true;
      }
      const auto buffer = LoadLittle<int32_t>(view + 8);
      const auto offset = LoadLittle<int32_t>(view + 12);
      if (buffer < 0 || buffer >= values.view_buffer_count || offset < 0) return false;
      *text = {static_cast<const char*>(values.view_buffers[buffer]) + offset,
               static_cast<size_t>(size)};
      return true;
    }
  }
  return false;
}

}  // namespace colonnade::questdb::wire
