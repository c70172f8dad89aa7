// The body of the fuzz targets of single codecs.
//
// Input: one byte of flags (bit 0: the length is exact), two bytes of expected length
// (little-endian), then the encoded bytes.

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "array/codec.h"
#include "base/byte_order.h"
#include "base/memory_budget.h"

namespace colonnade::array {

inline int DecodeFuzzInput(BytesCodec codec, const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  const bool exact = (data[0] & 1) != 0;
  const uint64_t expected = LoadLittle<uint16_t>(data + 1);
  const Bytes encoded = std::as_bytes(std::span(data + 3, size - 3));
  // Kept between inputs, as a scan keeps it: a failure must not spoil the next chunk.
  static CodecScratch scratch(UnlimitedMemory());
  Buffer out(UnlimitedMemory());
  const Status status = DecodeBytes(codec, encoded, expected, exact, scratch, &out);
  if (!status.ok()) {
    if (status.message().empty()) std::abort();
    return 0;
  }
  if (exact ? out.size() != expected : out.size() > expected) std::abort();
  // Decoding is a function of its input.
  Buffer again(UnlimitedMemory());
  if (!DecodeBytes(codec, encoded, expected, exact, scratch, &again).ok()) std::abort();
  if (again.size() != out.size()) std::abort();
  return 0;
}

}  // namespace colonnade::array
