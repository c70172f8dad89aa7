#include "array/codecs/deflate.h"

#include <libdeflate.h>

#include <new>

#include "base/byte_order.h"

namespace colonnade::array::codecs {

void DeflateDecoder::Free::operator()(libdeflate_decompressor* context) const {
  libdeflate_free_decompressor(context);
}

Status DeflateDecoder::DecodeGzip(Bytes encoded, DecodedSize expected, Buffer* out) {
  // A member ends in its decoded length, modulo 2^32.
  const uint64_t claimed =
      encoded.size() >= 4 ? LoadLittle<uint32_t>(encoded.data() + encoded.size() - 4) : 0;
  return Decode(Wrapper::kGzip, encoded, expected, claimed, out);
}

Status DeflateDecoder::DecodeZlib(Bytes encoded, DecodedSize expected, Buffer* out) {
  return Decode(Wrapper::kZlib, encoded, expected, 0, out);
}

Status DeflateDecoder::Decode(Wrapper wrapper, Bytes encoded, DecodedSize expected,
                              uint64_t claimed, Buffer* out) {
  const bool gzip = wrapper == Wrapper::kGzip;
  const char* const name = gzip ? "gzip" : "zlib";
  const auto decompress = gzip ? libdeflate_gzip_decompress_ex : libdeflate_zlib_decompress_ex;
  if (encoded.empty()) return InvalidData(name, ": no data");
  if (context_ == nullptr) {
    context_.reset(libdeflate_alloc_decompressor());
    if (context_ == nullptr) throw std::bad_alloc();
  }
  uint64_t capacity = FirstCapacity(expected, encoded.size(), claimed);
  COLONNADE_RETURN_IF_ERROR(PrepareOutput(out, capacity));
  size_t read = 0;
  size_t written = 0;
  do {
    size_t member_read = 0;
    size_t member_written = 0;
    const libdeflate_result result =
        decompress(context_.get(), encoded.data() + read, encoded.size() - read,
                   out->data() + written, out->size() - written, &member_read, &member_written);
    if (result == LIBDEFLATE_SUCCESS) {
      read += member_read;
      written += member_written;
      if (!gzip && read != encoded.size()) {
        return InvalidData(name, ": ", encoded.size() - read, " bytes after the end of the stream");
      }
    } else if (result == LIBDEFLATE_INSUFFICIENT_SPACE) {
      if (capacity == expected.bytes) return TooLong(name, expected);
      capacity = NextCapacity(expected, capacity);
      // Keeps the members decoded so far; only the current one starts over.
      COLONNADE_RETURN_IF_ERROR(out->Resize(written));
      COLONNADE_RETURN_IF_ERROR(out->Resize(static_cast<size_t>(capacity)));
    } else if (read != 0) {
      return InvalidData(name, ": no valid member after the first ", read, " of ", encoded.size(),
                         " encoded bytes");
    } else {
      return InvalidData(name, ": corrupt or truncated data, in ", encoded.size(),
                         " encoded bytes");
    }
  } while (read < encoded.size());
  COLONNADE_RETURN_IF_ERROR(CheckDecodedSize(name, expected, written));
  return out->Resize(written);
}

}  // namespace colonnade::array::codecs
