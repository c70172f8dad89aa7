#include "base/crc32c.h"

#include <array>

#include "base/byte_order.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace colonnade {
namespace {

// Slicing by 8: table[k][b] is the CRC of byte b followed by k zero bytes.
using Tables = std::array<std::array<uint32_t, 256>, 8>;

constexpr Tables MakeTables() {
  constexpr uint32_t kReversedPolynomial = 0x82F63B78;
  Tables tables = {};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kReversedPolynomial : 0);
    tables[0][byte] = crc;
  }
  for (size_t k = 1; k < tables.size(); ++k) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t crc = tables[k - 1][byte];
      tables[k][byte] = (crc >> 8) ^ tables[0][crc & 0xFF];
    }
  }
  return tables;
}

constexpr Tables kTables = MakeTables();

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t Crc32cByInstruction(Bytes bytes) {
  uint64_t crc = 0xFFFFFFFF;
  const std::byte* data = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; data += 8, left -= 8) crc = _mm_crc32_u64(crc, LoadLittle<uint64_t>(data));
  auto crc32 = static_cast<uint32_t>(crc);
  for (; left != 0; ++data, --left) crc32 = _mm_crc32_u8(crc32, std::to_integer<uint8_t>(*data));
  return ~crc32;
}
#endif

}  // namespace

uint32_t Crc32cByTable(Bytes bytes) {
  uint32_t crc = 0xFFFFFFFF;
  const std::byte* data = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; data += 8, left -= 8) {
    const uint64_t word = LoadLittle<uint64_t>(data) ^ crc;
    crc = 0;
    for (size_t k = 0; k < 8; ++k) crc ^= kTables[7 - k][(word >> (8 * k)) & 0xFF];
  }
  for (; left != 0; ++data, --left) {
    crc = (crc >> 8) ^ kTables[0][(crc ^ std::to_integer<uint32_t>(*data)) & 0xFF];
  }
  return ~crc;
}

uint32_t Crc32c(Bytes bytes) {
#if defined(__x86_64__)
  static const bool by_instruction = __builtin_cpu_supports("sse4.2") != 0;
  if (by_instruction) return Crc32cByInstruction(bytes);
#endif
  return Crc32cByTable(bytes);
}

}  // namespace colonnade
