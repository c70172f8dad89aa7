#include "array/codec.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "array/codecs/blosc.h"
#include "array/codecs/crc32c.h"
#include "array/codecs/decoded_size.h"
#include "array/codecs/deflate.h"
#include "array/codecs/fixed_text.h"
#include "array/codecs/lz4.h"
#include "array/codecs/vlen_utf8.h"
#include "array/codecs/zstd.h"
#include "base/byte_order.h"
#include "base/checked.h"

namespace colonnade::array {

struct CodecScratch::Impl {
  explicit Impl(MemoryBudget& memory)
      : budget(memory), steps{Buffer(memory), Buffer(memory)}, serialized(memory) {}

  MemoryBudget& budget;
  codecs::ZstdDecoder zstd;
  codecs::DeflateDecoder deflate;
  Buffer steps[2];    // outputs of all compressors but the last to be undone, in turns
  Buffer serialized;  // elements that need more than a swap to become values
};

CodecScratch::CodecScratch(MemoryBudget& budget) : impl_(std::make_unique<Impl>(budget)) {}
CodecScratch::~CodecScratch() = default;
CodecScratch::CodecScratch(CodecScratch&&) noexcept = default;
CodecScratch& CodecScratch::operator=(CodecScratch&&) noexcept = default;

std::string_view ToString(BytesCodec codec) {
  switch (codec) {
    case BytesCodec::kGzip: return "gzip";
    case BytesCodec::kZlib: return "zlib";
    case BytesCodec::kZstd: return "zstd";
    case BytesCodec::kBlosc: return "blosc";
    case BytesCodec::kLz4: return "lz4";
    case BytesCodec::kCrc32c: return "crc32c";
  }
  return "unknown";
}

namespace {

using codecs::DecodedSize;

Status Copy(Bytes from, Buffer* to) {
  COLONNADE_RETURN_IF_ERROR(codecs::PrepareOutput(to, from.size()));
  if (!from.empty()) std::memcpy(to->data(), from.data(), from.size());
  return {};
}

Result<Bytes> RemoveCrc32c(Bytes encoded, DecodedSize expected) {
  COLONNADE_ASSIGN_OR_RETURN(const Bytes content, codecs::VerifyCrc32c(encoded));
  COLONNADE_RETURN_IF_ERROR(codecs::CheckDecodedSize("crc32c", expected, content.size()));
  return content;
}

Status Decompress(BytesCodec codec, Bytes encoded, DecodedSize expected, CodecScratch::Impl& work,
                  Buffer* out) {
  switch (codec) {
    case BytesCodec::kGzip: return work.deflate.DecodeGzip(encoded, expected, out);
    case BytesCodec::kZlib: return work.deflate.DecodeZlib(encoded, expected, out);
    case BytesCodec::kZstd: return work.zstd.Decode(encoded, expected, out);
    case BytesCodec::kBlosc: return codecs::DecodeBlosc(encoded, expected, work.budget, out);
    case BytesCodec::kLz4: return codecs::DecodeLz4(encoded, expected, out);
    case BytesCodec::kCrc32c: {
      COLONNADE_ASSIGN_OR_RETURN(const Bytes content, RemoveCrc32c(encoded, expected));
      return Copy(content, out);
    }
  }
  return Internal("unknown codec ", static_cast<int>(codec));
}

// What undoing compressors[index] must give. Checksums have a fixed size, so what lies before the
// first real compressor is known exactly if the serialized size is; what lies after is only
// limited.
DecodedSize StepSize(std::span<const BytesCodec> compressors, size_t index, DecodedSize serialized,
                     uint64_t limit) {
  DecodedSize size = serialized;
  for (size_t i = 0; i < index; ++i) {
    if (compressors[i] != BytesCodec::kCrc32c) return {limit, false};
    size.bytes = CheckedAdd(size.bytes, uint64_t{4}).value_or(size.bytes);
  }
  return size;
}

// Undoes all compressors. The result lies in `encoded` if there was nothing but checksums to
// remove, otherwise at the beginning of `out`, which is as long as the result or a checksum longer.
Result<Bytes> UndoCompressors(std::span<const BytesCodec> compressors, Bytes encoded,
                              DecodedSize serialized, uint64_t limit, CodecScratch::Impl& work,
                              Buffer* out) {
  auto to_decompress = static_cast<size_t>(
      std::count_if(compressors.begin(), compressors.end(),
                    [](BytesCodec codec) { return codec != BytesCodec::kCrc32c; }));
  Bytes data = encoded;
  for (size_t index = compressors.size(); index-- > 0;) {
    const DecodedSize expected = StepSize(compressors, index, serialized, limit);
    if (compressors[index] == BytesCodec::kCrc32c) {
      COLONNADE_ASSIGN_OR_RETURN(data, RemoveCrc32c(data, expected));
      continue;
    }
    --to_decompress;
    Buffer* const target = to_decompress == 0 ? out : &work.steps[to_decompress % 2];
    COLONNADE_RETURN_IF_ERROR(Decompress(compressors[index], data, expected, work, target));
    data = target->bytes();
  }
  if (compressors.empty()) {
    COLONNADE_RETURN_IF_ERROR(codecs::CheckDecodedSize("bytes", serialized, data.size()));
  }
  return data;
}

// The same, with the result owned by `out` and `out` as long as the result.
Status UndoCompressorsInto(std::span<const BytesCodec> compressors, Bytes encoded,
                           DecodedSize serialized, uint64_t limit, CodecScratch::Impl& work,
                           Buffer* out) {
  COLONNADE_ASSIGN_OR_RETURN(const Bytes data,
                             UndoCompressors(compressors, encoded, serialized, limit, work, out));
  if (data.data() == out->data()) return out->Resize(data.size());
  return Copy(data, out);
}

// Strides of the chunk's dimensions in the serialized array, whose dimension i is dimension
// order[i].
Status SetStrides(std::span<const size_t> order, std::span<const int64_t> shape,
                  int64_t element_bytes, std::vector<int64_t>* strides) {
  if (order.empty()) {
    *strides = DenseStrides(shape, element_bytes);
    return {};
  }
  if (order.size() != shape.size()) {
    return InvalidArgument("transpose: an order of ", order.size(), " dimensions, the chunk has ",
                           shape.size());
  }
  Shape serialized(shape.size());
  std::vector<bool> seen(shape.size());
  for (size_t i = 0; i < order.size(); ++i) {
    if (order[i] >= shape.size() || seen[order[i]]) {
      return InvalidArgument("transpose: the order is no permutation, at position ", i, ": ",
                             order[i]);
    }
    seen[order[i]] = true;
    serialized[i] = shape[order[i]];
  }
  const std::vector<int64_t> dense = DenseStrides(serialized, element_bytes);
  strides->resize(shape.size());
  for (size_t i = 0; i < order.size(); ++i) (*strides)[order[i]] = dense[i];
  return {};
}

void NormalizeBools(MutableBytes bools) {
  for (std::byte& value : bools) value = static_cast<std::byte>(value != std::byte{0});
}

}  // namespace

Status DecodeBytes(BytesCodec codec, Bytes encoded, uint64_t expected, bool exact,
                   CodecScratch& scratch, Buffer* out) {
  return Decompress(codec, encoded, {expected, exact}, scratch.impl(), out);
}

Status DecodeChunk(const ChunkCodecs& codecs, const ElementType& type,
                   std::span<const int64_t> shape, Bytes encoded, const CodecLimits& limits,
                   CodecScratch& scratch, ChunkElements* out) {
  const bool variable = type.kind == ElementKind::kString;
  if (variable != (codecs.serializer == Serializer::kVlenUtf8)) {
    return InvalidArgument("elements of type ", ToString(type), " cannot be serialized by ",
                           variable ? "bytes" : "vlen-utf8");
  }
  if (type.kind == ElementKind::kFixedUtf32 && type.size % 4 != 0) {
    return InvalidArgument("elements of type ", ToString(type), " are no multiple of 4 bytes");
  }
  const std::optional<int64_t> elements = ElementCount(shape);
  if (!elements) {
    return LimitExceeded("a chunk of shape ", ShapeToString(shape), " has too many elements");
  }
  const auto count = static_cast<uint64_t>(*elements);
  const std::optional<uint64_t> stored_bytes = CheckedMultiply(count, uint64_t{type.size});
  const std::optional<uint64_t> memory_bytes = CheckedMultiply(count, uint64_t{type.memory_size()});
  if (!stored_bytes || !memory_bytes ||
      std::max(*stored_bytes, *memory_bytes) > limits.max_chunk_bytes) {
    return LimitExceeded("a chunk of shape ", ShapeToString(shape), " of ", ToString(type),
                         " exceeds the limit of ", limits.max_chunk_bytes, " bytes");
  }
  COLONNADE_RETURN_IF_ERROR(SetStrides(codecs.order, shape, type.memory_size(), &out->strides));

  // Where the metadata says no size, the encoded size does: nothing reasonable compresses better.
  constexpr uint64_t kAlwaysAllowed = uint64_t{16} << 20;
  const uint64_t expanded =
      CheckedMultiply(uint64_t{encoded.size()}, limits.max_expansion).value_or(UINT64_MAX);
  const uint64_t limit = std::min(limits.max_chunk_bytes, std::max(expanded, kAlwaysAllowed));
  CodecScratch::Impl& work = scratch.impl();
  const DecodedSize exact = {*stored_bytes, true};

  if (variable) {
    COLONNADE_RETURN_IF_ERROR(
        UndoCompressorsInto(codecs.compressors, encoded, {limit, false}, limit, work, &out->text));
    return codecs::DecodeVlenUtf8(out->text.bytes(), count, &out->elements);
  }
  if (type.kind == ElementKind::kFixedUtf32) {
    COLONNADE_ASSIGN_OR_RETURN(
        const Bytes serialized,
        UndoCompressors(codecs.compressors, encoded, exact, limit, work, &work.serialized));
    return codecs::DecodeFixedUtf32(serialized, codecs.endian, type.size, count, &out->text,
                                    &out->elements);
  }
  if (type.kind == ElementKind::kFixedBytes) {
    COLONNADE_RETURN_IF_ERROR(
        UndoCompressorsInto(codecs.compressors, encoded, exact, limit, work, &out->text));
    return codecs::DecodeFixedBytes(out->text.bytes(), type.size, count, &out->elements);
  }
  COLONNADE_RETURN_IF_ERROR(
      UndoCompressorsInto(codecs.compressors, encoded, exact, limit, work, &out->elements));
  if (type.kind == ElementKind::kBool) {
    NormalizeBools(out->elements.mutable_bytes());
  } else if (codecs.endian == std::endian::big) {
    SwapBytes(out->elements.data(), static_cast<size_t>(count), type.size);
  }
  return {};
}

}  // namespace colonnade::array
