#include "zarr/codec_pipeline.h"

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>

#include "zarr/extension.h"

namespace colonnade::zarr {
namespace {

using array::BytesCodec;
using array::ChunkCodecs;
using array::ElementType;
using array::Serializer;

// More codecs than any writer lists; each is a pass over every chunk.
constexpr size_t kMaxCodecs = 16;

std::optional<BytesCodec> V3BytesCodec(std::string_view name) {
  static constexpr std::pair<std::string_view, BytesCodec> kCodecs[] = {
      {"gzip", BytesCodec::kGzip},           {"zstd", BytesCodec::kZstd},
      {"blosc", BytesCodec::kBlosc},         {"crc32c", BytesCodec::kCrc32c},
      {"numcodecs.gzip", BytesCodec::kGzip}, {"numcodecs.zlib", BytesCodec::kZlib},
      {"numcodecs.zstd", BytesCodec::kZstd}, {"numcodecs.blosc", BytesCodec::kBlosc},
      {"numcodecs.lz4", BytesCodec::kLz4},   {"numcodecs.crc32c", BytesCodec::kCrc32c}};
  for (const auto& [codec_name, codec] : kCodecs) {
    if (codec_name == name) return codec;
  }
  return std::nullopt;
}

std::optional<BytesCodec> V2BytesCodec(std::string_view id) {
  static constexpr std::pair<std::string_view, BytesCodec> kCodecs[] = {
      {"gzip", BytesCodec::kGzip},   {"zlib", BytesCodec::kZlib}, {"zstd", BytesCodec::kZstd},
      {"blosc", BytesCodec::kBlosc}, {"lz4", BytesCodec::kLz4},   {"crc32c", BytesCodec::kCrc32c}};
  for (const auto& [codec_id, codec] : kCodecs) {
    if (codec_id == id) return codec;
  }
  return std::nullopt;
}

Status NotSupported(std::string_view name) {
  return Unsupported("codec ", Quoted(std::string(name)), " is not supported");
}

// A checksum that numcodecs was told to put first is another format under the same name.
Status CheckChecksumPlace(const Json& configuration, BytesCodec codec) {
  if (codec != BytesCodec::kCrc32c) return {};
  const auto location = configuration.find("location");
  if (location == configuration.end() || location->is_null() || *location == "end") return {};
  return Unsupported(R"(codec "crc32c" with location )", Quoted(*location), " is not supported");
}

Result<std::vector<size_t>> ParseOrder(const Extension& extension, size_t rank) {
  const Json* json = extension.Find("order");
  std::vector<size_t> order;
  if (json != nullptr && (*json == "C" || *json == "F")) {
    for (size_t dim = 0; dim < rank; ++dim) order.push_back(*json == "C" ? dim : rank - 1 - dim);
    return order;
  }
  const auto invalid = [&] {
    return InvalidData(R"(codec "transpose": order )", json == nullptr ? "(none)" : Quoted(*json),
                       " is not a permutation of ", rank, " dimensions");
  };
  if (json == nullptr || !json->is_array() || json->size() != rank) return invalid();
  std::vector<bool> seen(rank, false);
  for (const Json& entry : *json) {
    if (!entry.is_number_unsigned() || entry.get<uint64_t>() >= rank) return invalid();
    const auto dim = entry.get<size_t>();
    if (seen[dim]) return invalid();
    seen[dim] = true;
    order.push_back(dim);
  }
  return order;
}

Result<std::endian> ParseEndian(const Extension& extension, bool required) {
  const Json* json = extension.Find("endian");
  if (json == nullptr || json->is_null()) {
    if (required) return InvalidData(R"(codec "bytes" has no "endian")");
    return std::endian::little;
  }
  if (*json == "little") return std::endian::little;
  if (*json == "big") return std::endian::big;
  return InvalidData(R"(codec "bytes": endian )", Quoted(*json), R"( must be "little" or "big")");
}

bool NeedsEndian(const ElementType& type) {
  using array::ElementKind;
  return type.kind == ElementKind::kFixedUtf32 ||
         (type.size > 1 && type.kind != ElementKind::kFixedBytes);
}

Result<ShardIndexFormat> ParseShardIndexFormat(const Extension& sharding) {
  ShardIndexFormat format;
  if (const Json* location = sharding.Find("index_location")) {
    if (*location != "start" && *location != "end") {
      return InvalidData(R"(codec "sharding_indexed": index_location )", Quoted(*location),
                         R"( must be "start" or "end")");
    }
    format.at_start = *location == "start";
  }
  const Json* codecs = sharding.Find("index_codecs");
  if (codecs == nullptr || !codecs->is_array() || codecs->empty() || codecs->size() > 2) {
    return InvalidData(
        R"(codec "sharding_indexed": index_codecs must be "bytes", or "bytes" and "crc32c")");
  }
  for (size_t i = 0; i < codecs->size(); ++i) {
    COLONNADE_ASSIGN_OR_RETURN(const Extension codec, ParseExtension((*codecs)[i], "index codec"));
    if (i == 0 && (codec.name == "bytes" || codec.name == "endian")) {
      COLONNADE_ASSIGN_OR_RETURN(format.endian, ParseEndian(codec, true));
    } else if (i == 1 && codec.name == "crc32c") {
      format.checksum = true;
    } else {
      return Unsupported("index codec ", Quoted(codec.name), " is not supported at position ", i);
    }
  }
  return format;
}

// One transposition after another; empty is none.
std::vector<size_t> Compose(const std::vector<size_t>& first, const std::vector<size_t>& second) {
  if (first.empty() || second.empty()) return first.empty() ? second : first;
  std::vector<size_t> composed;
  for (const size_t dim : second) composed.push_back(first[dim]);
  return composed;
}

// The transposition that, after `first`, gives `total`.
std::vector<size_t> Remainder(const std::vector<size_t>& first, const std::vector<size_t>& total) {
  std::vector<size_t> inverse(first.size());
  for (size_t i = 0; i < first.size(); ++i) inverse[first[i]] = i;
  std::vector<size_t> second = Compose(inverse, total);
  return std::ranges::is_sorted(second) ? std::vector<size_t>() : second;
}

// A v3 codec list, read from front to back.
class V3PipelineParser {
 public:
  V3PipelineParser(const ElementType& type, size_t rank, bool inner)
      : type_(type), rank_(rank), inner_(inner) {}

  Result<CodecPipeline> Parse(const Json& json) {
    if (!json.is_array() || json.empty()) {
      return InvalidData("codecs must be a list with at least one codec");
    }
    if (json.size() > kMaxCodecs) {
      return LimitExceeded(json.size(), " codecs; at most ", kMaxCodecs, " are supported");
    }
    for (const Json& entry : json) {
      COLONNADE_ASSIGN_OR_RETURN(const Extension codec, ParseExtension(entry, "codec"));
      COLONNADE_RETURN_IF_ERROR(Add(codec));
    }
    if (!serialized_) return InvalidData("codecs have no array to bytes codec");
    return std::move(pipeline_);
  }

 private:
  Status Add(const Extension& codec) {
    if (codec.name == "transpose") return AddTranspose(codec);
    if (codec.name == "bytes" || codec.name == "endian") return AddBytes(codec);
    if (codec.name == "vlen-utf8") return AddText();
    if (codec.name == "sharding_indexed") return AddSharding(codec);
    if (const auto bytes_codec = V3BytesCodec(codec.name)) {
      if (!serialized_) {
        return InvalidData("codec ", Quoted(codec.name), " stands before the array to bytes codec");
      }
      COLONNADE_RETURN_IF_ERROR(CheckChecksumPlace(codec.configuration, *bytes_codec));
      (pipeline_.shard_index ? pipeline_.shard_index->compressors : pipeline_.codecs.compressors)
          .push_back(*bytes_codec);
      return {};
    }
    if (codec.must_understand) return NotSupported(codec.name);
    pipeline_.notes.push_back("codec " + Quoted(codec.name) +
                              " is not known and need not be: skipped");
    return {};
  }

  Status BeginSerializer(std::string_view name) {
    if (serialized_) {
      return InvalidData("codec ", Quoted(std::string(name)), " is a second array to bytes codec");
    }
    serialized_ = true;
    return {};
  }

  Status AddTranspose(const Extension& codec) {
    if (serialized_) {
      return InvalidData(R"(codec "transpose" stands after the array to bytes codec)");
    }
    COLONNADE_ASSIGN_OR_RETURN(const std::vector<size_t> order, ParseOrder(codec, rank_));
    pipeline_.codecs.order = Compose(pipeline_.codecs.order, order);
    return {};
  }

  Status AddBytes(const Extension& codec) {
    COLONNADE_RETURN_IF_ERROR(BeginSerializer(codec.name));
    if (type_.kind == array::ElementKind::kString) {
      return InvalidData(R"(codec "bytes" cannot hold strings of variable length)");
    }
    COLONNADE_ASSIGN_OR_RETURN(pipeline_.codecs.endian, ParseEndian(codec, NeedsEndian(type_)));
    return {};
  }

  Status AddText() {
    COLONNADE_RETURN_IF_ERROR(BeginSerializer("vlen-utf8"));
    if (type_.kind != array::ElementKind::kString) {
      return InvalidData(R"(codec "vlen-utf8" needs data type "string", not )",
                         array::ToString(type_));
    }
    pipeline_.codecs.serializer = Serializer::kVlenUtf8;
    return {};
  }

  Status AddSharding(const Extension& codec) {
    COLONNADE_RETURN_IF_ERROR(BeginSerializer(codec.name));
    if (inner_) return Unsupported(R"(codec "sharding_indexed" inside itself is not supported)");
    const Json* shape = codec.Find("chunk_shape");
    const Json* codecs = codec.Find("codecs");
    if (shape == nullptr || codecs == nullptr) {
      return InvalidData(R"(codec "sharding_indexed" needs chunk_shape and codecs)");
    }
    COLONNADE_ASSIGN_OR_RETURN(pipeline_.inner_chunk_shape,
                               ParseExtents(*shape, "inner chunk shape", false));
    COLONNADE_ASSIGN_OR_RETURN(pipeline_.shard_index, ParseShardIndexFormat(codec));
    COLONNADE_ASSIGN_OR_RETURN(CodecPipeline inner,
                               V3PipelineParser(type_, rank_, true).Parse(*codecs));
    // What stands inside speaks of the dimensions as a transposition outside left them.
    const std::vector<size_t> outer = std::move(pipeline_.codecs.order);
    pipeline_.codecs = std::move(inner.codecs);
    pipeline_.codecs.order = Compose(outer, pipeline_.codecs.order);
    // A shape of another rank stays as it is, for FinishArray to refuse.
    if (outer.size() == pipeline_.inner_chunk_shape.size()) {
      const array::Shape listed = pipeline_.inner_chunk_shape;
      for (size_t i = 0; i < outer.size(); ++i) pipeline_.inner_chunk_shape[outer[i]] = listed[i];
    }
    pipeline_.shard_index->order = outer;
    for (std::string& note : inner.notes) pipeline_.notes.push_back(std::move(note));
    return {};
  }

  const ElementType& type_;
  size_t rank_;
  bool inner_;
  bool serialized_ = false;
  CodecPipeline pipeline_;
};

Result<std::string> CodecId(const Json& json, std::string_view what) {
  const auto id = json.is_object() ? json.find("id") : json.end();
  if (!json.is_object() || id == json.end() || !id->is_string()) {
    return InvalidData(what, " ", Quoted(json), " has no id");
  }
  return id->get<std::string>();
}

Status AddV2BytesCodec(const Json& json, const std::string& id, ChunkCodecs* codecs) {
  const std::optional<BytesCodec> codec = V2BytesCodec(id);
  if (!codec) return NotSupported(id);
  COLONNADE_RETURN_IF_ERROR(CheckChecksumPlace(json, *codec));
  codecs->compressors.push_back(*codec);
  return {};
}

std::string DescribeTranspose(const std::vector<size_t>& order) {
  if (order.empty()) return "";
  return "transpose" + array::ShapeToString(array::Shape(order.begin(), order.end())) + ", ";
}

std::string Describe(std::span<const BytesCodec> compressors) {
  std::string text;
  for (const BytesCodec codec : compressors) text += ", " + std::string(ToString(codec));
  return text;
}

std::string Describe(const ChunkCodecs& codecs, const std::vector<size_t>& order,
                     const ElementType& type) {
  std::string text = DescribeTranspose(order);
  if (codecs.serializer == Serializer::kVlenUtf8) {
    text += "vlen-utf8";
  } else {
    text += "bytes";
    if (NeedsEndian(type)) text += codecs.endian == std::endian::big ? "(big)" : "(little)";
  }
  return text + Describe(codecs.compressors);
}

}  // namespace

Result<CodecPipeline> ParseV3Codecs(const Json& json, const ElementType& type, size_t rank) {
  return V3PipelineParser(type, rank, false).Parse(json);
}

Result<ChunkCodecs> ParseV2Codecs(const Json& compressor, const Json& filters, bool object,
                                  ElementType* type) {
  ChunkCodecs codecs;
  if (!filters.is_null() && !filters.is_array()) {
    return InvalidData("filters ", Quoted(filters), " must be null or a list");
  }
  if (filters.size() > kMaxCodecs) {
    return LimitExceeded(filters.size(), " filters; at most ", kMaxCodecs, " are supported");
  }
  bool needs_object_codec = object;
  for (const Json& filter : filters) {
    COLONNADE_ASSIGN_OR_RETURN(const std::string id, CodecId(filter, "filter"));
    if (id == "pickle" || id == "dill") {
      return Unsupported("object codec ", Quoted(id), " is refused: reading it would run code");
    }
    if (id != "vlen-utf8") {
      if (needs_object_codec) return Unsupported("object codec ", Quoted(id), " is not supported");
      COLONNADE_RETURN_IF_ERROR(AddV2BytesCodec(filter, id, &codecs));
      continue;
    }
    if (!needs_object_codec) return InvalidData(R"(filter "vlen-utf8" needs dtype "|O" before it)");
    needs_object_codec = false;
    codecs.serializer = Serializer::kVlenUtf8;
    type->kind = array::ElementKind::kString;
    type->size = 0;
  }
  if (needs_object_codec) return InvalidData(R"(dtype "|O" has no object codec in its filters)");
  if (!compressor.is_null()) {
    COLONNADE_ASSIGN_OR_RETURN(const std::string id, CodecId(compressor, "compressor"));
    COLONNADE_RETURN_IF_ERROR(AddV2BytesCodec(compressor, id, &codecs));
  }
  return codecs;
}

std::string Describe(const CodecPipeline& pipeline, const ElementType& type) {
  const ChunkCodecs& codecs = pipeline.codecs;
  if (!pipeline.shard_index) return Describe(codecs, codecs.order, type);
  const std::vector<size_t>& outer = pipeline.shard_index->order;
  array::Shape listed = pipeline.inner_chunk_shape;
  if (outer.size() == listed.size()) {
    for (size_t i = 0; i < outer.size(); ++i) listed[i] = pipeline.inner_chunk_shape[outer[i]];
  }
  const std::vector<size_t> inner = outer.empty() ? codecs.order : Remainder(outer, codecs.order);
  return DescribeTranspose(outer) + "sharding_indexed" + array::ShapeToString(listed) + "(" +
         Describe(codecs, inner, type) + ")" + Describe(pipeline.shard_index->compressors);
}

}  // namespace colonnade::zarr
