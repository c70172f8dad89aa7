#include "array/codecs/fixed_text.h"

#include <cstdio>
#include <new>
#include <string_view>

#include "array/codecs/decoded_size.h"
#include "base/byte_order.h"
#include "base/utf8.h"

namespace colonnade::array::codecs {
namespace {

template <std::endian kEndian>
uint32_t CodePoint(const std::byte* at) {
  const auto value = LoadLittle<uint32_t>(at);
  return kEndian == std::endian::little ? value : __builtin_bswap32(value);
}

bool IsCodePoint(uint32_t value) { return value < 0xD800 || (value > 0xDFFF && value <= 0x10FFFF); }

size_t Utf8Length(uint32_t code) {
  return size_t{1} + (code >= 0x80) + (code >= 0x800) + (code >= 0x10000);
}

char* AppendUtf8(uint32_t code, char* to) {
  const auto continuation = [&](int shift) {
    return static_cast<char>(0x80 | ((code >> shift) & 0x3F));
  };
  if (code < 0x80) {
    *to++ = static_cast<char>(code);
  } else if (code < 0x800) {
    *to++ = static_cast<char>(0xC0 | (code >> 6));
    *to++ = continuation(0);
  } else if (code < 0x10000) {
    *to++ = static_cast<char>(0xE0 | (code >> 12));
    *to++ = continuation(6);
    *to++ = continuation(0);
  } else {
    *to++ = static_cast<char>(0xF0 | (code >> 18));
    *to++ = continuation(12);
    *to++ = continuation(6);
    *to++ = continuation(0);
  }
  return to;
}

// Code points of an element without the padding.
size_t TrimmedLength(const std::byte* element, size_t width) {
  size_t length = width / 4;
  while (length != 0 && LoadLittle<uint32_t>(element + (length - 1) * 4) == 0) --length;
  return length;
}

// Two passes, so that the text takes the room it needs rather than four bytes per code point.
template <std::endian kEndian>
Status Convert(Bytes serialized, size_t width, uint64_t count, Buffer* text, Buffer* elements) {
  uint64_t text_bytes = 0;
  for (uint64_t index = 0; index < count; ++index) {
    const std::byte* const element = serialized.data() + index * width;
    const size_t length = TrimmedLength(element, width);
    for (size_t i = 0; i < length; ++i) {
      const uint32_t code = CodePoint<kEndian>(element + i * 4);
      if (!IsCodePoint(code)) {
        char hex[16];
        std::snprintf(hex, sizeof(hex), "0x%X", code);
        return InvalidData("UTF-32: element ", index, " has ", hex, ", which is no code point");
      }
      text_bytes += Utf8Length(code);
    }
  }
  COLONNADE_RETURN_IF_ERROR(PrepareOutput(text, text_bytes));
  COLONNADE_RETURN_IF_ERROR(PrepareOutput(elements, count * sizeof(std::string_view)));
  char* to = reinterpret_cast<char*>(text->data());
  std::byte* view = elements->data();
  for (uint64_t index = 0; index < count; ++index, view += sizeof(std::string_view)) {
    const std::byte* const element = serialized.data() + index * width;
    const size_t length = TrimmedLength(element, width);
    const char* const begin = to;
    for (size_t i = 0; i < length; ++i) to = AppendUtf8(CodePoint<kEndian>(element + i * 4), to);
    new (view) std::string_view(begin, static_cast<size_t>(to - begin));
  }
  return {};
}

}  // namespace

Status DecodeFixedBytes(Bytes serialized, size_t width, uint64_t count, Buffer* elements) {
  COLONNADE_RETURN_IF_ERROR(PrepareOutput(elements, count * sizeof(std::string_view)));
  const bool ascii = IsAscii(serialized.data(), serialized.size());
  const char* element = reinterpret_cast<const char*>(serialized.data());
  std::byte* view = elements->data();
  for (uint64_t index = 0; index < count; ++index) {
    size_t length = width;
    while (length != 0 && element[length - 1] == '\0') --length;
    const auto* text = new (view) std::string_view(element, length);
    if (!ascii && !IsUtf8(*text)) return InvalidData("text: element ", index, " is not UTF-8");
    element += width;
    view += sizeof(std::string_view);
  }
  return {};
}

Status DecodeFixedUtf32(Bytes serialized, std::endian endian, size_t width, uint64_t count,
                        Buffer* text, Buffer* elements) {
  return endian == std::endian::little
             ? Convert<std::endian::little>(serialized, width, count, text, elements)
             : Convert<std::endian::big>(serialized, width, count, text, elements);
}

}  // namespace colonnade::array::codecs
