#include "zarr/v3_metadata.h"

#include <algorithm>
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

bool NeedNotUnderstand(const Json& json) {
  if (!json.is_object()) return false;
  const auto found = json.find("must_understand");
  return found != json.end() && *found == false;
}

Status CheckTopLevel(const Json& document) {
  static constexpr std::string_view kKnown[] = {"zarr_format",    "node_type",
                                                "shape",          "data_type",
                                                "chunk_grid",     "fill_value",
                                                "codecs",         "chunk_key_encoding",
                                                "attributes",     "storage_transformers",
                                                "dimension_names"};
  const auto format = document.find("zarr_format");
  if (format == document.end() || !format->is_number_integer() || *format != 3) {
    return InvalidData("zarr_format ",
                       format == document.end() ? std::string("(none)") : Quoted(*format),
                       " must be 3");
  }
  const auto node = document.find("node_type");
  if (node == document.end() || *node != "array") return InvalidData("node_type must be \"array\"");
  for (const auto& [key, value] : document.items()) {
    if (std::ranges::find(kKnown, key) != std::end(kKnown) || NeedNotUnderstand(value)) continue;
    return Unsupported("metadata field ", Quoted(key), " is not known");
  }
  const Json* transformers = FindMember(document, "storage_transformers");
  if (transformers == nullptr) return {};
  if (!transformers->is_array()) return InvalidData("storage_transformers must be a list");
  for (const Json& transformer : *transformers) {
    if (!NeedNotUnderstand(transformer)) {
      return Unsupported("storage transformer ", Quoted(transformer), " is not supported");
    }
  }
  return {};
}

Result<array::Shape> ParseGrid(const Json& json) {
  COLONNADE_ASSIGN_OR_RETURN(const Extension grid, ParseExtension(json, "chunk grid"));
  if (grid.name != "regular") {
    return Unsupported("chunk grid ", Quoted(grid.name), " is not supported");
  }
  const Json* shape = grid.Find("chunk_shape");
  if (shape == nullptr) return InvalidData("chunk grid \"regular\" has no chunk_shape");
  return ParseExtents(*shape, "chunk shape", false);
}

Status ParseDimensionNames(const Json& document, ArrayMetadata* metadata) {
  metadata->dimension_names.assign(metadata->shape.size(), std::nullopt);
  const Json* names = FindMember(document, "dimension_names");
  if (names == nullptr || names->is_null()) return {};
  if (!names->is_array() || names->size() != metadata->shape.size()) {
    return InvalidData("dimension_names ", Quoted(*names), " must name the ",
                       metadata->shape.size(), " dimensions");
  }
  for (size_t dim = 0; dim < names->size(); ++dim) {
    const Json& name = (*names)[dim];
    if (name.is_null() || name == "") continue;
    if (!name.is_string()) return InvalidData("dimension name ", Quoted(name), " must be a string");
    metadata->dimension_names[dim] = name.get<std::string>();
  }
  return {};
}

Status ParseShapes(const Json& document, ArrayMetadata* metadata) {
  COLONNADE_ASSIGN_OR_RETURN(const Json* shape, Require(document, "shape"));
  COLONNADE_ASSIGN_OR_RETURN(metadata->shape, ParseExtents(*shape, "shape", false));
  COLONNADE_RETURN_IF_ERROR(ParseDimensionNames(document, metadata));
  COLONNADE_ASSIGN_OR_RETURN(const Json* grid, Require(document, "chunk_grid"));
  COLONNADE_ASSIGN_OR_RETURN(metadata->chunk_shape, ParseGrid(*grid));
  COLONNADE_ASSIGN_OR_RETURN(const Json* keys, Require(document, "chunk_key_encoding"));
  COLONNADE_ASSIGN_OR_RETURN(metadata->keys, ParseChunkKeyEncoding(*keys));
  return {};
}

Status ParseElements(const Json& document, ArrayMetadata* metadata) {
  COLONNADE_ASSIGN_OR_RETURN(const Json* type, Require(document, "data_type"));
  COLONNADE_ASSIGN_OR_RETURN(metadata->type, ParseV3DataType(*type));
  COLONNADE_ASSIGN_OR_RETURN(const Json* fill, Require(document, "fill_value"));
  COLONNADE_ASSIGN_OR_RETURN(metadata->fill, ParseV3Fill(*fill, metadata->type));
  COLONNADE_ASSIGN_OR_RETURN(const Json* codecs, Require(document, "codecs"));
  COLONNADE_ASSIGN_OR_RETURN(CodecPipeline pipeline,
                             ParseV3Codecs(*codecs, metadata->type, metadata->shape.size()));
  metadata->codec_text = Describe(pipeline, metadata->type);
  metadata->codecs = std::move(pipeline.codecs);
  metadata->shard_index = std::move(pipeline.shard_index);
  metadata->inner_chunk_shape = std::move(pipeline.inner_chunk_shape);
  metadata->notes = std::move(pipeline.notes);
  return {};
}

Status ParseAttributes(const Json& document, ArrayMetadata* metadata) {
  const Json* attributes = FindMember(document, "attributes");
  if (attributes == nullptr) return {};
  if (!attributes->is_object()) return InvalidData("attributes must be an object");
  metadata->attributes = *attributes;
  RemoveHousekeeping(&metadata->attributes);
  return {};
}

}  // namespace

ArrayMetadata ParseV3Array(const Json& document, const array::CodecLimits& limits) {
  ArrayMetadata metadata;
  metadata.zarr_version = 3;
  if (!document.is_object()) {
    MarkUnavailable(InvalidData("the metadata document must be an object"), &metadata);
    return metadata;
  }
  if (const Json* type = FindMember(document, "data_type")) {
    metadata.stored_type = type->is_string() ? type->get<std::string>() : Quoted(*type);
  }
  if (const Json* fill = FindMember(document, "fill_value")) metadata.fill_text = Quoted(*fill);
  if (const Json* codecs = FindMember(document, "codecs")) metadata.codec_text = Quoted(*codecs);
  // Each part is read whatever the others hold, so that a listing shows as much as possible.
  MarkUnavailable(CheckTopLevel(document), &metadata);
  MarkUnavailable(ParseShapes(document, &metadata), &metadata);
  MarkUnavailable(ParseElements(document, &metadata), &metadata);
  MarkUnavailable(ParseAttributes(document, &metadata), &metadata);
  FinishArray(limits, &metadata);
  return metadata;
}

}  // namespace colonnade::zarr
