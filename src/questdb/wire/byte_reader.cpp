#include "questdb/wire/byte_reader.h"

#include "base/quote.h"
#include "questdb/wire/utf8_text.h"

namespace colonnade::questdb::wire {

Status ByteReader::Missing(size_t count, const char* what) const {
  return ProtocolError(what, " at byte ", position_, ": needs ", count, " bytes, ", remaining(),
                       " are there");
}

Result<uint64_t> ByteReader::TakeLongVarint(const char* what) {
  uint64_t value = 0;
  for (size_t i = 0; i < 10; ++i) {
    if (position_ + i == bytes_.size())
      return ProtocolError(what, " at byte ", position_, ": the message ends inside of a varint");
    const auto byte = static_cast<uint64_t>(bytes_[position_ + i]);
    // The tenth byte holds the 64th bit.
    if (i == 9 && byte > 1) break;
    value |= (byte & 0x7F) << (7 * i);
    if (byte < 0x80) {
      position_ += i + 1;
      return value;
    }
  }
  return ProtocolError(what, " at byte ", position_, ": a varint of more than 64 bits");
}

Result<std::string_view> ByteReader::TakeString(size_t max_bytes, const char* what) {
  const size_t begin = position_;
  COLONNADE_ASSIGN_OR_RETURN(const uint64_t size, TakeVarint(what));
  if (size > max_bytes) {
    return ProtocolError(what, " at byte ", begin, ": ", size, " bytes, at most ", max_bytes,
                         " are allowed");
  }
  COLONNADE_ASSIGN_OR_RETURN(const Bytes bytes, Take(static_cast<size_t>(size), what));
  const std::string_view text = AsText(bytes);
  if (!IsUtf8Text(text))
    return ProtocolError(what, " at byte ", begin, ": not UTF-8: ", Quote(text));
  return text;
}

Status ByteReader::CheckEnd(const char* what) const {
  if (at_end()) return {};
  return ProtocolError(what, ": ", remaining(), " bytes too many from byte ", position_, " on");
}

}  // namespace colonnade::questdb::wire
