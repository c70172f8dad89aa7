#include "table/roles.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <unordered_map>

#include "array/box.h"

namespace colonnade::table {
namespace {

using array::Dataset;
using array::Variable;

std::vector<std::string_view> Words(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\f\v";
  std::vector<std::string_view> words;
  for (size_t begin = text.find_first_not_of(kSpace); begin != std::string_view::npos;
       begin = text.find_first_not_of(kSpace, begin)) {
    const size_t end = std::min(text.find_first_of(kSpace, begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  return words;
}

// The words of a text attribute; none if it is absent or of another type.
std::vector<std::string_view> AttributeWords(const Json& attributes, const char* key) {
  if (!attributes.is_object()) return {};
  const auto found = attributes.find(key);
  if (found == attributes.end() || !found->is_string()) return {};
  return Words(found->get_ref<const std::string&>());
}

bool IsKey(std::string_view word) { return word.ends_with(':'); }

// "crs", or "crs: lat lon other: x y": then the keys are the mappings and the rest coordinates.
std::vector<std::string_view> GridMappings(const Json& attributes) {
  const std::vector<std::string_view> words = AttributeWords(attributes, "grid_mapping");
  if (std::none_of(words.begin(), words.end(), IsKey)) return words;
  std::vector<std::string_view> mappings;
  for (std::string_view word : words) {
    if (IsKey(word)) mappings.push_back(word.substr(0, word.size() - 1));
  }
  return mappings;
}

// "area: areacella volume: volcello" → the names that are not keys.
std::vector<std::string_view> Targets(const Json& attributes, const char* key) {
  std::vector<std::string_view> words = AttributeWords(attributes, key);
  std::erase_if(words, IsKey);
  return words;
}

bool IsDimensionCoordinate(const Variable& variable) {
  return variable.dims.size() == 1 && variable.dims[0] == variable.name;
}

// Why a variable's shape cannot take part in any table, or nothing.
std::string StructuralDefect(const Variable& variable) {
  if (variable.name.find('\0') != std::string::npos) return "its name contains a NUL byte";
  if (variable.dims.size() != variable.shape.size()) {
    if (!variable.unavailable.ok()) return std::string(variable.unavailable.message());
    return std::to_string(variable.dims.size()) + " dimension names for an array of rank " +
           std::to_string(variable.shape.size());
  }
  std::set<std::string_view> seen;
  for (size_t d = 0; d < variable.dims.size(); ++d) {
    if (variable.dims[d].find('\0') != std::string::npos)
      return "the name of a dimension contains a NUL byte";
    if (!seen.insert(variable.dims[d]).second)
      return "dimension \"" + variable.dims[d] + "\" occurs more than once";
    if (variable.shape[d] < 0) return "shape " + array::ShapeToString(variable.shape);
  }
  if (!array::ElementCount(variable.shape).has_value()) {
    return "shape " + array::ShapeToString(variable.shape) +
           " has more elements than 9223372036854775807";
  }
  if (variable.unavailable.ok() &&
      (variable.chunk_shape.size() != variable.shape.size() ||
       std::any_of(variable.chunk_shape.begin(), variable.chunk_shape.end(),
                   [](int64_t extent) { return extent <= 0; }))) {
    return "chunk shape " + array::ShapeToString(variable.chunk_shape) + " for shape " +
           array::ShapeToString(variable.shape);
  }
  return "";
}

class RoleAssignment {
 public:
  explicit RoleAssignment(const Dataset& dataset) : variables_(dataset.variables()) {
    result_.variables.resize(variables_.size());
    for (const std::string_view name : AttributeWords(dataset.attributes(), "coordinates"))
      listed_as_coordinate_.insert(name);
  }

  DatasetRoles Run() {
    for (size_t v = 0; v < variables_.size(); ++v) {
      std::string defect = StructuralDefect(variables_[v]);
      if (!defect.empty()) Set(v, Role::kUnusable, std::move(defect));
    }
    CollectReferences();
    for (size_t v = 0; v < variables_.size(); ++v) {
      if (role(v) != Role::kUnusable) Classify(v);
    }
    PromoteWhenThereIsNoData();
    MeasureDimensions();
    for (size_t v = 0; v < variables_.size(); ++v) {
      VariableRole& entry = result_.variables[v];
      if (entry.reason.empty() && !variables_[v].unavailable.ok())
        entry.reason = variables_[v].unavailable.message();
    }
    return std::move(result_);
  }

 private:
  struct Reference {
    Role role;
    std::string reason;
  };

  Role role(size_t v) const { return result_.variables[v].role; }
  void Set(size_t v, Role role, std::string reason = "") {
    result_.variables[v].role = role;
    result_.variables[v].reason = std::move(reason);
  }

  // The first reference to a variable gives its reason; bounds and mappings override ancillary.
  void Refer(std::string_view target, Role role, const char* what, const Variable& from) {
    if (target == from.name) return;
    auto& references = role == Role::kAncillary ? ancillary_ : kept_out_;
    references.try_emplace(std::string(target),
                           Reference{role, std::string(what) + " of \"" + from.name + "\""});
  }

  void CollectReferences() {
    for (const Variable& from : variables_) {
      const Json& attributes = from.attributes;
      for (const char* key : {"bounds", "climatology", "edges"}) {
        for (std::string_view target : AttributeWords(attributes, key))
          Refer(target, Role::kBounds, key, from);
      }
      for (std::string_view target : GridMappings(attributes))
        Refer(target, Role::kGridMapping, "grid mapping", from);
      for (std::string_view target : Targets(attributes, "cell_measures"))
        Refer(target, Role::kAncillary, "cell measure", from);
      for (std::string_view target : Targets(attributes, "formula_terms"))
        Refer(target, Role::kAncillary, "formula term", from);
      for (std::string_view target : AttributeWords(attributes, "ancillary_variables"))
        Refer(target, Role::kAncillary, "ancillary variable", from);
      for (std::string_view target : AttributeWords(attributes, "coordinates")) {
        if (target != from.name) listed_as_coordinate_.insert(target);
      }
    }
  }

  // <dim>_bnds or <dim>_bounds of shape (N, 2), N being the length of <dim>.
  static bool IsNamedLikeBounds(const Variable& variable) {
    return variable.dims.size() == 2 && variable.shape[1] == 2 &&
           (variable.name == variable.dims[0] + "_bnds" ||
            variable.name == variable.dims[0] + "_bounds");
  }

  void Classify(size_t v) {
    const Variable& variable = variables_[v];
    if (IsDimensionCoordinate(variable)) return Set(v, Role::kDimensionCoordinate);
    if (variable.is_coordinate == true) return Set(v, Role::kCoordinate);
    if (const auto found = kept_out_.find(variable.name); found != kept_out_.end())
      return Set(v, found->second.role, found->second.reason);
    if (IsNamedLikeBounds(variable))
      return Set(v, Role::kBounds, "bounds of \"" + variable.dims[0] + "\" by its name");
    if (variable.dims.empty() && variable.attributes.is_object() &&
        variable.attributes.contains("grid_mapping_name"))
      return Set(v, Role::kGridMapping, "it has grid_mapping_name");
    if (!variable.is_coordinate.has_value() && listed_as_coordinate_.contains(variable.name))
      return Set(v, Role::kCoordinate);
    if (const auto found = ancillary_.find(variable.name); found != ancillary_.end())
      return Set(v, found->second.role, found->second.reason);
    Set(v, Role::kData);
  }

  // A variable that is broken still counts as data here: its neighbours' meaning should not depend
  // on whether it can be read.
  void PromoteWhenThereIsNoData() {
    for (size_t v = 0; v < variables_.size(); ++v) {
      if (role(v) == Role::kData || role(v) == Role::kUnusable) return;
    }
    result_.coordinates_only = true;
    for (size_t v = 0; v < variables_.size(); ++v) {
      if (role(v) != Role::kDimensionCoordinate) Set(v, Role::kData);
    }
  }

  bool IsInTables(size_t v) const {
    return role(v) == Role::kData || role(v) == Role::kCoordinate ||
           role(v) == Role::kDimensionCoordinate;
  }

  // The length of every dimension; those that disagree become unusable.
  void MeasureDimensions() {
    // Per dimension: length → the variables that have it, in the dataset's order.
    std::map<std::string, std::map<int64_t, std::vector<size_t>>> votes;
    std::map<std::string_view, size_t> coordinates;
    for (size_t v = 0; v < variables_.size(); ++v) {
      if (!IsInTables(v)) continue;
      for (size_t d = 0; d < variables_[v].dims.size(); ++d)
        votes[variables_[v].dims[d]][variables_[v].shape[d]].push_back(v);
      if (role(v) == Role::kDimensionCoordinate) coordinates[variables_[v].name] = v;
    }
    for (const auto& [name, lengths] : votes) {
      const auto coordinate = coordinates.find(name);
      const Dimension dimension =
          Measure(lengths, coordinate == coordinates.end() ? kNoVariable : coordinate->second);
      result_.dimensions[name] = dimension;
      const std::string& witness = dimension.coordinate != kNoVariable
                                       ? variables_[dimension.coordinate].name
                                       : FirstName(lengths.at(dimension.length));
      for (const auto& [other, disagreeing] : lengths) {
        if (other == dimension.length) continue;
        for (const size_t v : disagreeing) {
          Set(v, Role::kUnusable,
              !IsReadable(v) ? std::string(variables_[v].unavailable.message())
                             : "dimension \"" + name + "\" has length " + std::to_string(other) +
                                   " in \"" + variables_[v].name + "\" but " +
                                   std::to_string(dimension.length) + " in \"" + witness + "\"");
          if (std::find(result_.disagreeing.begin(), result_.disagreeing.end(), v) ==
              result_.disagreeing.end()) {
            result_.disagreeing.push_back(v);
          }
        }
      }
    }
  }

  // The length that the coordinate says, or else most variables. The shape of a variable that
  // cannot be read may be part of what is wrong with it: it counts only where no other says
  // anything.
  Dimension Measure(const std::map<int64_t, std::vector<size_t>>& lengths,
                    size_t coordinate) const {
    const auto readable = [&](const std::vector<size_t>& members) {
      return std::count_if(members.begin(), members.end(), [&](size_t v) { return IsReadable(v); });
    };
    // Equal votes: the length of the variable whose name comes first.
    const auto before = [&](const auto& a, const auto& b) {
      const auto a_votes = std::pair(readable(a.second), a.second.size());
      const auto b_votes = std::pair(readable(b.second), b.second.size());
      if (a_votes != b_votes) return a_votes > b_votes;
      return FirstName(a.second) < FirstName(b.second);
    };
    const auto most = std::min_element(lengths.begin(), lengths.end(), before);
    if (coordinate == kNoVariable) return {most->first, kNoVariable};
    const int64_t length = variables_[coordinate].shape[0];
    if (IsReadable(coordinate) || readable(most->second) == 0) return {length, coordinate};
    return {most->first, length == most->first ? coordinate : kNoVariable};
  }

  bool IsReadable(size_t v) const { return variables_[v].unavailable.ok(); }

  const std::string& FirstName(const std::vector<size_t>& members) const {
    const auto by_name = [&](size_t a, size_t b) {
      return variables_[a].name < variables_[b].name;
    };
    return variables_[*std::min_element(members.begin(), members.end(), by_name)].name;
  }

  const std::vector<Variable>& variables_;
  DatasetRoles result_;
  std::unordered_map<std::string, Reference> kept_out_;   // bounds, grid mappings
  std::unordered_map<std::string, Reference> ancillary_;  // weaker than `coordinates`
  std::set<std::string_view> listed_as_coordinate_;
};

}  // namespace

DatasetRoles AssignRoles(const Dataset& dataset) { return RoleAssignment(dataset).Run(); }

}  // namespace colonnade::table
