#include "zarr/group_dataset.h"

#include <set>
#include <utility>

#include "array/chunk_cache.h"
#include "base/quote.h"
#include "zarr/array_source.h"
#include "zarr/shard_index.h"
#include "zarr/v2_metadata.h"
#include "zarr/v3_metadata.h"

namespace colonnade::zarr {
namespace {

// Decoded shard indexes per dataset: small beside chunks, and worth a range request each.
constexpr size_t kShardIndexBytes = size_t{16} << 20;

ArrayMetadata ParseArray(const NodeDocuments& documents, const array::CodecLimits& limits) {
  if (documents.document.is_null() && !documents.problem.ok()) {
    ArrayMetadata metadata;  // not even its rank is known
    metadata.zarr_version = documents.zarr_version;
    metadata.unavailable = documents.problem;
    return metadata;
  }
  ArrayMetadata metadata = documents.zarr_version == 2
                               ? ParseV2Array(documents.document, documents.attributes, limits)
                               : ParseV3Array(documents.document, limits);
  MarkUnavailable(documents.problem, &metadata);
  return metadata;
}

// Names for dimensions that have none: unique in the group, so that they never join arrays that
// only happen to have equal lengths.
class DimensionNames {
 public:
  void Declare(const ArrayMetadata& metadata) {
    for (const auto& name : metadata.dimension_names) {
      if (name) taken_.insert(*name);
    }
  }

  std::vector<std::string> Complete(const std::string& array, const ArrayMetadata& metadata) {
    std::vector<std::string> names;
    for (size_t dim = 0; dim < metadata.dimension_names.size(); ++dim) {
      if (const auto& name = metadata.dimension_names[dim]) {
        names.push_back(*name);
        continue;
      }
      std::string name = array + "_dim_" + std::to_string(dim);
      while (!taken_.insert(name).second) name += '_';
      names.push_back(std::move(name));
    }
    return names;
  }

 private:
  std::set<std::string> taken_;
};

array::cf::DecodePlan MakePlan(const array::Variable& variable, const ArrayMetadata& metadata,
                               const OpenOptions& options) {
  array::cf::DecodeOptions decode;
  // NaN is a label like any other on an axis; as data it means that there is none.
  const bool labels_axis = variable.dims.size() == 1 && variable.dims[0] == variable.name;
  decode.nan = labels_axis ? array::cf::NanPolicy::kKeep : options.nan;
  const bool mask_fill = options.mask_fill == MaskFill::kAlways ||
                         (options.mask_fill == MaskFill::kAuto && metadata.zarr_version == 2);
  if (mask_fill && metadata.fill_problem.ok()) decode.fill_sentinel = metadata.fill.sentinel;
  decode.base64_float_fill = metadata.zarr_version == 3;
  return array::cf::MakeDecodePlan(metadata.type, metadata.attributes, decode);
}

array::Variable DescribeVariable(const ArrayNode& node, const ArrayMetadata& metadata,
                                 DimensionNames* names, const OpenOptions& options) {
  array::Variable variable;
  variable.name = node.name;
  variable.dims = names->Complete(node.name, metadata);
  variable.shape = metadata.shape;
  variable.chunk_shape = metadata.inner_chunk_shape;
  variable.type = metadata.type;
  variable.plan = MakePlan(variable, metadata, options);
  variable.attributes = metadata.attributes;
  variable.unavailable = metadata.unavailable;
  variable.path = node.path;
  variable.stored_type = metadata.stored_type;
  variable.codecs = metadata.codec_text;
  if (metadata.shard_index) variable.shard_shape = metadata.chunk_shape;
  variable.fill_value = metadata.fill_text;
  return variable;
}

std::string VariableContext(const std::string& name) {
  return "variable \"" + EscapeControls(name) + "\"";
}

class GroupDataset final : public array::Dataset {
 public:
  GroupDataset(std::shared_ptr<const store::Store> store, GroupContents contents,
               const OpenOptions& options)
      : store_(std::move(store)),
        name_(std::move(contents.name)),
        attributes_(std::move(contents.attributes)),
        notes_(std::move(contents.notes)),
        verify_documents_(contents.verify_documents),
        indexes_(kShardIndexBytes) {
    const uint64_t id = array::NewDatasetId();
    std::vector<ArrayMetadata> parsed;
    DimensionNames names;
    for (const ArrayNode& node : contents.arrays) {
      parsed.push_back(ParseArray(node.documents, options.codec_limits));
      names.Declare(parsed.back());
    }
    for (size_t i = 0; i < parsed.size(); ++i) {
      const ArrayNode& node = contents.arrays[i];
      variables_.push_back(DescribeVariable(node, parsed[i], &names, options));
      for (const std::string& note : parsed[i].notes) {
        notes_.push_back(VariableContext(node.name) + ": " + note);
      }
      sources_.push_back(nullptr);
      if (!parsed[i].unavailable.ok()) continue;
      auto source = ArraySource::Make(*store_, indexes_, {id, i, node.path}, std::move(parsed[i]),
                                      options.codec_limits);
      if (source.ok()) {
        sources_.back() = *std::move(source);
      } else {
        variables_.back().unavailable = std::move(source).status();
      }
    }
  }

  const std::string& name() const override { return name_; }
  const std::vector<array::Variable>& variables() const override { return variables_; }
  const Json& attributes() const override { return attributes_; }
  const std::vector<std::string>& notes() const override { return notes_; }

  Result<array::ArrayView> Read(size_t variable, const array::Box& box, bool keep_chunks,
                                array::ReadContext& context) const override {
    if (variable >= variables_.size()) {
      return InvalidArgument("variable number ", variable, " of ", variables_.size());
    }
    Result<array::ArrayView> view = ReadVariable(variable, box, keep_chunks, context);
    if (view.ok()) return view;
    return std::move(view).status().WithContext(VariableContext(variables_[variable].name));
  }

 private:
  Result<array::ArrayView> ReadVariable(size_t variable, const array::Box& box, bool keep_chunks,
                                        array::ReadContext& context) const {
    COLONNADE_RETURN_IF_ERROR(variables_[variable].unavailable);
    const ArraySource& source = *sources_[variable];
    if (verify_documents_) COLONNADE_RETURN_IF_ERROR(source.Verify());
    COLONNADE_ASSIGN_OR_RETURN(array::ArrayView view, source.Read(box, keep_chunks, context));
    return view;
  }

  std::shared_ptr<const store::Store> store_;
  std::string name_;
  Json attributes_;
  std::vector<std::string> notes_;
  bool verify_documents_;
  mutable ShardIndexCache indexes_;
  std::vector<array::Variable> variables_;
  std::vector<std::shared_ptr<const ArraySource>> sources_;  // null for unavailable variables
};

}  // namespace

std::shared_ptr<const array::Dataset> MakeGroupDataset(std::shared_ptr<const store::Store> store,
                                                       GroupContents contents,
                                                       const OpenOptions& options) {
  return std::make_shared<const GroupDataset>(std::move(store), std::move(contents), options);
}

}  // namespace colonnade::zarr
