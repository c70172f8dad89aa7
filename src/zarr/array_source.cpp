#include "zarr/array_source.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <optional>
#include <utility>

#include "array/chunk_cache.h"
#include "base/checked.h"
#include "base/quote.h"
#include "zarr/document.h"
#include "zarr/extension.h"
#include "zarr/v2_metadata.h"
#include "zarr/v3_metadata.h"

namespace colonnade::zarr {
namespace {

// Bytes that a stored chunk may have. What is encoded is rarely larger than what it encodes; a
// file that is much larger is not a chunk of this array.
uint64_t MaxEncodedBytes(const ArrayMetadata& metadata, const array::CodecLimits& limits) {
  if (metadata.type.kind == array::ElementKind::kString) return limits.max_chunk_bytes;
  constexpr uint64_t kSlack = uint64_t{1} << 20;
  uint64_t bytes = metadata.type.size;  // the product fits: FinishArray checked it
  for (const int64_t extent : metadata.inner_chunk_shape) bytes *= static_cast<uint64_t>(extent);
  return CheckedMultiply(bytes, uint64_t{2}).value_or(UINT64_MAX - kSlack) + kSlack;
}

// Everything that decides which bytes an element is made of.
std::string DescribeStorage(const ArrayMetadata& metadata) {
  const bool prefixed = metadata.keys.kind == ChunkKeyEncoding::Kind::kDefault;
  return "shape " + array::ShapeToString(metadata.shape) + ", chunks " +
         array::ShapeToString(metadata.chunk_shape) + " with keys " +
         (prefixed ? std::string("c") : std::string()) + metadata.keys.separator + ", type " +
         array::ToString(metadata.type) + ", codecs " + metadata.codec_text;
}

}  // namespace

class ArraySource::Fetcher final : public array::ChunkFetcher {
 public:
  Fetcher(const ArraySource& source, bool keep_chunks)
      : source_(source), keep_chunks_(keep_chunks) {}

  Result<array::ArrayView> Fetch(std::span<const int64_t> index,
                                 array::ReadContext& context) override {
    Result<array::ArrayView> chunk = source_.FetchChunk(index, keep_chunks_, context);
    if (chunk.ok()) return chunk;
    std::string what = "chunk \"" + EscapeControls(context.scratch().key) + "\"";
    if (source_.metadata_.shard_index) {
      what += ", inner chunk " + array::ShapeToString(index);
    }
    return std::move(chunk).status().WithContext(what);
  }

 private:
  const ArraySource& source_;
  bool keep_chunks_;
};

Result<std::shared_ptr<const ArraySource>> ArraySource::Make(const store::Store& store,
                                                             ShardIndexCache& indexes,
                                                             Identity identity,
                                                             ArrayMetadata metadata,
                                                             const array::CodecLimits& limits) {
  std::shared_ptr<ArraySource> source(
      new ArraySource(store, indexes, std::move(identity), std::move(metadata), limits));
  const ArrayMetadata& checked = source->metadata_;
  COLONNADE_ASSIGN_OR_RETURN(source->grid_,
                             array::ChunkGrid::Create(checked.shape, checked.inner_chunk_shape));
  COLONNADE_ASSIGN_OR_RETURN(source->shard_grid_,
                             array::ChunkGrid::Create(checked.shape, checked.chunk_shape));
  return std::shared_ptr<const ArraySource>(std::move(source));
}

ArraySource::ArraySource(const store::Store& store, ShardIndexCache& indexes, Identity identity,
                         ArrayMetadata metadata, const array::CodecLimits& limits)
    : store_(store),
      indexes_(indexes),
      identity_(std::move(identity)),
      metadata_(std::move(metadata)),
      limits_(limits),
      max_encoded_bytes_(MaxEncodedBytes(metadata_, limits)) {
  if (metadata_.type.is_text()) {
    new (fill_element_) std::string_view(metadata_.fill.text);
  } else {
    std::memcpy(fill_element_, metadata_.fill.bytes.data(), metadata_.fill.bytes.size());
  }
}

Result<array::ArrayView> ArraySource::Read(const array::Box& box, bool keep_chunks,
                                           array::ReadContext& context) const {
  Fetcher fetcher(*this, keep_chunks);
  return array::ReadBox(grid_, metadata_.type, box, fetcher, context);
}

Status ArraySource::Verify() const {
  if (verified_.load(std::memory_order_relaxed)) return {};
  const bool v2 = metadata_.zarr_version == 2;
  const std::string key =
      store::JoinKey(identity_.path, v2 ? std::string(kV2Array) : std::string(kV3Document));
  const Result<std::optional<Document>> own = ReadDocument(store_, key);
  constexpr std::string_view kAdvice =
      "consolidate the store again, or open it with consolidated := 'never'";
  if (own.ok() && !own->has_value()) {
    return InvalidData("the consolidated metadata is stale: ", Quoted(key), " does not exist; ",
                       kAdvice);
  }
  // A document that cannot be read says nothing against the consolidated one.
  if (own.ok()) {
    const ArrayMetadata current = v2 ? ParseV2Array((*own)->json, Json::object(), limits_)
                                     : ParseV3Array((*own)->json, limits_);
    const std::string then = DescribeStorage(metadata_);
    const std::string now = DescribeStorage(current);
    if (now != then) {
      return InvalidData("the consolidated metadata is stale: it has ", then, ", but ", Quoted(key),
                         " has ", now, "; ", kAdvice);
    }
  }
  verified_.store(true, std::memory_order_relaxed);
  return {};
}

Result<array::ArrayView> ArraySource::FetchChunk(std::span<const int64_t> index, bool keep_chunks,
                                                 array::ReadContext& context) const {
  array::ChunkCache* cache = keep_chunks ? context.cache() : nullptr;
  const array::ChunkId id = {identity_.dataset, identity_.variable, grid_.LinearIndex(index)};
  if (cache != nullptr) {
    if (std::optional<array::ArrayView> cached = cache->Find(id)) {
      context.counters().cache_hits.fetch_add(1, std::memory_order_relaxed);
      return *std::move(cached);
    }
  }
  COLONNADE_ASSIGN_OR_RETURN(
      const std::optional<Encoded> encoded,
      metadata_.shard_index ? ReadInner(index, context) : ReadStored(index, context));
  if (!encoded) return Filled(context);
  const array::ChunkLayout layout = {metadata_.codecs, metadata_.type, grid_.chunk_shape(),
                                     limits_};
  COLONNADE_ASSIGN_OR_RETURN(
      array::DecodedChunk chunk,
      array::DecodeToView(layout, encoded->bytes, cache == nullptr, context));
  if (cache != nullptr) cache->Insert(id, chunk.view, chunk.bytes);
  return std::move(chunk.view);
}

Result<std::optional<ArraySource::Encoded>> ArraySource::ReadStored(
    std::span<const int64_t> index, array::ReadContext& context) const {
  SetKey(index, metadata_.keys.separator, &context.scratch().key);
  COLONNADE_ASSIGN_OR_RETURN(store::ReadResult read,
                             ReadKey(store::ByteRange::Whole(), max_encoded_bytes_, context));
  if (!read.found && metadata_.keys.separator_assumed && index.size() > 1) {
    // Asked for every absent chunk rather than once, so that the answer depends on nothing else.
    SetKey(index, '/', &context.scratch().key);
    COLONNADE_ASSIGN_OR_RETURN(read,
                               ReadKey(store::ByteRange::Whole(), max_encoded_bytes_, context));
  }
  if (!read.found) return std::optional<Encoded>();
  if (read.value_size == 0) return InvalidData("it exists, but has no bytes");
  return std::optional<Encoded>({context.scratch().encoded.bytes(), nullptr});
}

Result<std::optional<ArraySource::Encoded>> ArraySource::ReadInner(
    std::span<const int64_t> index, array::ReadContext& context) const {
  const ShardIndexFormat& format = *metadata_.shard_index;
  std::vector<int64_t> shard(index.size());
  uint64_t entry = 0;
  for (size_t i = 0; i < index.size(); ++i) {
    const size_t dim = format.order.empty() ? i : format.order[i];
    shard[dim] = index[dim] / format.grid[dim];
    entry = entry * static_cast<uint64_t>(format.grid[dim]) +
            static_cast<uint64_t>(index[dim] % format.grid[dim]);
  }
  SetKey(shard, metadata_.keys.separator, &context.scratch().key);
  if (!format.compressors.empty()) {
    COLONNADE_ASSIGN_OR_RETURN(const std::shared_ptr<const DecodedShard> decoded,
                               FindDecodedShard(shard, context));
    COLONNADE_ASSIGN_OR_RETURN(const std::optional<ShardIndex::Span> span,
                               decoded->index.Find(entry));
    if (!span) return std::optional<Encoded>();
    return std::optional<Encoded>(
        {decoded->bytes.bytes().subspan(span->offset, span->length), decoded});
  }
  COLONNADE_ASSIGN_OR_RETURN(const std::shared_ptr<const ShardIndex> shard_index,
                             FindShardIndex(shard, context));
  COLONNADE_ASSIGN_OR_RETURN(const std::optional<ShardIndex::Span> span, shard_index->Find(entry));
  if (!span) return std::optional<Encoded>();
  COLONNADE_ASSIGN_OR_RETURN(
      const store::ReadResult read,
      ReadKey(store::ByteRange::Span(span->offset, span->length), max_encoded_bytes_, context));
  if (!read.found) return InvalidData("the shard was removed while it was read");
  return std::optional<Encoded>({context.scratch().encoded.bytes(), nullptr});
}

Result<std::shared_ptr<const DecodedShard>> ArraySource::FindDecodedShard(
    std::span<const int64_t> shard, array::ReadContext& context) const {
  array::ReadContext::Scratch& scratch = context.scratch();
  const int64_t number = shard_grid_.LinearIndex(shard);
  const std::pair key(identity_.dataset, identity_.variable);
  if (const auto kept = scratch.objects.find(key); kept != scratch.objects.end()) {
    auto decoded = std::static_pointer_cast<const DecodedShard>(kept->second);
    if (decoded->number == number) return decoded;
    scratch.objects.erase(kept);  // makes room before the next one is decoded
  }
  const ShardIndexFormat& format = *metadata_.shard_index;
  const uint64_t max_bytes = MaxShardBytes(format, max_encoded_bytes_, limits_);
  COLONNADE_ASSIGN_OR_RETURN(const store::ReadResult read,
                             ReadKey(store::ByteRange::Whole(), max_bytes, context));
  auto decoded = std::make_shared<DecodedShard>(context.budget());
  decoded->number = number;
  if (read.found) {
    const auto decode = [&] {
      return DecodeShard(scratch.encoded.bytes(), format, max_bytes, limits_, scratch.codecs,
                         context.budget(), decoded.get());
    };
    Status status = decode();
    if (status.code() == StatusCode::kLimitExceeded) {
      array::RelieveMemory(context);
      status = decode();
    }
    COLONNADE_RETURN_IF_ERROR(status);
  }
  scratch.objects[key] = decoded;
  return std::shared_ptr<const DecodedShard>(std::move(decoded));
}

Result<std::shared_ptr<const ShardIndex>> ArraySource::FindShardIndex(
    std::span<const int64_t> shard, array::ReadContext& context) const {
  const int64_t linear = shard_grid_.LinearIndex(shard);
  if (auto cached = indexes_.Find(identity_.variable, linear)) return cached;
  const ShardIndexFormat& format = *metadata_.shard_index;
  const uint64_t bytes = format.bytes();
  COLONNADE_ASSIGN_OR_RETURN(
      const store::ReadResult read,
      ReadKey(format.at_start ? store::ByteRange::Span(0, bytes) : store::ByteRange::Suffix(bytes),
              bytes, context));
  ShardIndex index = ShardIndex::Absent();
  if (read.found) {
    COLONNADE_ASSIGN_OR_RETURN(
        index, ShardIndex::Parse(context.scratch().encoded.bytes(), format, read.value_size));
  }
  auto shared = std::make_shared<const ShardIndex>(std::move(index));
  indexes_.Insert(identity_.variable, linear, shared);
  return std::shared_ptr<const ShardIndex>(std::move(shared));
}

Result<store::ReadResult> ArraySource::ReadKey(store::ByteRange range, uint64_t max_bytes,
                                               array::ReadContext& context) const {
  array::ReadContext::Scratch& scratch = context.scratch();
  Result<store::ReadResult> read = store_.Read(scratch.key, range, max_bytes, &scratch.encoded);
  if (read.status().code() == StatusCode::kLimitExceeded) {
    array::RelieveMemory(context);
    read = store_.Read(scratch.key, range, max_bytes, &scratch.encoded);
  }
  if (read.ok() && read->found) {
    context.counters().bytes_read.fetch_add(scratch.encoded.size(), std::memory_order_relaxed);
  }
  return read;
}

Result<array::ArrayView> ArraySource::Filled(array::ReadContext& context) const {
  if (!metadata_.fill_problem.ok()) {
    return metadata_.fill_problem.WithContext("it does not exist");
  }
  context.counters().chunks_filled.fetch_add(1, std::memory_order_relaxed);
  array::ArrayView view;
  view.type = metadata_.type;
  view.data = fill_element_;
  view.strides.assign(grid_.rank(), 0);
  view.owner = shared_from_this();
  return view;
}

void ArraySource::SetKey(std::span<const int64_t> index, char separator, std::string* key) const {
  ChunkKeyEncoding keys = metadata_.keys;
  keys.separator = separator;
  key->assign(identity_.path);
  if (!key->empty()) key->push_back('/');
  keys.Append(index, key);
}

}  // namespace colonnade::zarr
