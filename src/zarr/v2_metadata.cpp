#include "zarr/v2_metadata.h"

#include <string_view>
#include <utility>

#include "zarr/codec_pipeline.h"
#include "zarr/data_type.h"
#include "zarr/extension.h"

namespace colonnade::zarr {
namespace {

Result<const Json*> Require(const Json& document, std::string_view key) {
  const Json* found = FindMember(document, key);
  if (found == nullptr) return InvalidData("\"", key, "\" is missing");
  return found;
}

Status CheckFormat(const Json& document) {
  const Json* format = FindMember(document, "zarr_format");
  if (format == nullptr || !format->is_number_integer() || *format != 2) {
    return InvalidData("zarr_format ", format == nullptr ? std::string("(none)") : Quoted(*format),
                       " must be 2");
  }
  return {};
}

// What NetCDF-C says of an array: in .zarray (older) or among the attributes.
struct NczarrArray {
  const Json* dimensions = nullptr;
  bool scalar = false;  // stored with shape [1]
};

NczarrArray FindNczarr(const Json& document, const Json& attributes) {
  const Json* found = nullptr;
  for (const std::string_view key : {"_NCZARR_ARRAY", "_nczarr_array"}) {
    if (found == nullptr) found = FindMember(document, key);
    if (found == nullptr) found = FindMember(attributes, key);
  }
  NczarrArray array;
  if (found == nullptr) return array;
  array.dimensions = FindMember(*found, "dimrefs");
  if (array.dimensions == nullptr) array.dimensions = FindMember(*found, "dimension_references");
  const Json* storage = FindMember(*found, "storage");
  array.scalar = storage != nullptr && *storage == "scalar";
  return array;
}

Status ParseDimensionNames(const Json& document, const Json& attributes, ArrayMetadata* metadata) {
  const size_t rank = metadata->shape.size();
  metadata->dimension_names.assign(rank, std::nullopt);
  const NczarrArray nczarr = FindNczarr(document, attributes);
  if (nczarr.scalar) return {};
  const Json* names = FindMember(attributes, "_ARRAY_DIMENSIONS");
  const bool references = names == nullptr && nczarr.dimensions != nullptr;
  if (references) names = nczarr.dimensions;
  if (names == nullptr) return {};
  if (!names->is_array() || names->size() != rank) {
    return InvalidData(references ? "dimrefs " : "_ARRAY_DIMENSIONS ", Quoted(*names),
                       " must name the ", rank, " dimensions");
  }
  for (size_t dim = 0; dim < rank; ++dim) {
    const Json& entry = (*names)[dim];
    if (!entry.is_string()) {
      return InvalidData("dimension name ", Quoted(entry), " must be a string");
    }
    std::string name = entry.get<std::string>();
    if (references) name = name.substr(name.rfind('/') + 1);
    if (!name.empty()) metadata->dimension_names[dim] = std::move(name);
  }
  return {};
}

Status ParseKeys(const Json& document, ArrayMetadata* metadata) {
  metadata->keys = {ChunkKeyEncoding::Kind::kV2, '.', true};
  const Json* separator = FindMember(document, "dimension_separator");
  if (separator == nullptr || separator->is_null()) return {};
  metadata->keys.separator_assumed = false;
  if (*separator == ".") return {};
  if (*separator != "/") {
    return InvalidData("dimension_separator ", Quoted(*separator), R"( must be "." or "/")");
  }
  metadata->keys.separator = '/';
  return {};
}

Status ParseShapes(const Json& document, const Json& attributes, ArrayMetadata* metadata) {
  COLONNADE_ASSIGN_OR_RETURN(const Json* shape, Require(document, "shape"));
  COLONNADE_ASSIGN_OR_RETURN(metadata->shape, ParseExtents(*shape, "shape", true));
  COLONNADE_RETURN_IF_ERROR(ParseDimensionNames(document, attributes, metadata));
  COLONNADE_ASSIGN_OR_RETURN(const Json* chunks, Require(document, "chunks"));
  COLONNADE_ASSIGN_OR_RETURN(metadata->chunk_shape, ParseExtents(*chunks, "chunks", true));
  return ParseKeys(document, metadata);
}

Status ParseElements(const Json& document, ArrayMetadata* metadata) {
  COLONNADE_ASSIGN_OR_RETURN(const Json* dtype, Require(document, "dtype"));
  COLONNADE_ASSIGN_OR_RETURN(V2DataType data_type, ParseV2DataType(*dtype));
  const Json none;
  const Json* compressor = FindMember(document, "compressor");
  const Json* filters = FindMember(document, "filters");
  CodecPipeline pipeline;
  COLONNADE_ASSIGN_OR_RETURN(
      pipeline.codecs,
      ParseV2Codecs(compressor == nullptr ? none : *compressor,
                    filters == nullptr ? none : *filters, data_type.object, &data_type.type));
  metadata->type = data_type.type;
  pipeline.codecs.endian = data_type.endian;
  COLONNADE_ASSIGN_OR_RETURN(const Json* order, Require(document, "order"));
  if (*order == "F") {
    for (size_t dim = metadata->shape.size(); dim-- > 0;) pipeline.codecs.order.push_back(dim);
  } else if (*order != "C") {
    return InvalidData("order ", Quoted(*order), R"( must be "C" or "F")");
  }
  metadata->codec_text = Describe(pipeline, metadata->type);
  metadata->codecs = std::move(pipeline.codecs);
  const Json* fill = FindMember(document, "fill_value");
  if (fill == nullptr || fill->is_null()) {
    metadata->notes.emplace_back("fill_value null: absent chunks read as zeros");
  }
  Result<FillValue> value = ParseV2Fill(fill == nullptr ? none : *fill, metadata->type);
  if (value.ok()) {
    metadata->fill = *std::move(value);
  } else {
    metadata->fill_problem = value.status();
  }
  return {};
}

}  // namespace

ArrayMetadata ParseV2Array(const Json& document, const Json& attributes,
                           const array::CodecLimits& limits) {
  ArrayMetadata metadata;
  metadata.zarr_version = 2;
  if (!document.is_object()) {
    MarkUnavailable(InvalidData("the metadata document must be an object"), &metadata);
    return metadata;
  }
  if (const Json* type = FindMember(document, "dtype")) {
    metadata.stored_type = type->is_string() ? type->get<std::string>() : Quoted(*type);
  }
  if (const Json* fill = FindMember(document, "fill_value")) metadata.fill_text = Quoted(*fill);
  if (const Json* compressor = FindMember(document, "compressor")) {
    metadata.codec_text = Quoted(*compressor);
  }
  MarkUnavailable(CheckFormat(document), &metadata);
  if (attributes.is_object()) {
    metadata.attributes = attributes;
    RemoveHousekeeping(&metadata.attributes);
  } else {
    MarkUnavailable(InvalidData("attributes must be an object"), &metadata);
  }
  MarkUnavailable(ParseShapes(document, attributes, &metadata), &metadata);
  MarkUnavailable(ParseElements(document, &metadata), &metadata);
  FinishArray(limits, &metadata);
  return metadata;
}

}  // namespace colonnade::zarr
