#include "table/grid.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "array/box.h"
#include "table/coordinate_cache.h"
#include "table/grid_table.h"
#include "table/names.h"
#include "table/roles.h"

namespace colonnade::table {
namespace {

using array::Dataset;
using array::Variable;

constexpr size_t kMaxCommentBytes = 1'000;

std::string AttributeText(const Json& attributes, const char* key) {
  if (!attributes.is_object()) return "";
  const auto found = attributes.find(key);
  if (found == attributes.end()) return "";
  if (found->is_string()) return found->get<std::string>();
  return found->is_number() ? found->dump() : "";
}

// Text from outside as one line of bounded length: control characters become blanks.
std::string OneLine(std::string text) {
  if (text.size() > kMaxCommentBytes) {
    size_t end = kMaxCommentBytes;
    while (end > 0 && (text[end] & 0xC0) == 0x80) --end;  // not inside a character
    text = text.substr(0, end) + "…";
  }
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return text;
}

// "air temperature [K]", "time [days since 1800-01-01, noleap]".
std::string Comment(const Variable& variable) {
  std::string comment = AttributeText(variable.attributes, "long_name");
  if (comment.empty()) comment = AttributeText(variable.attributes, "standard_name");
  std::string units = AttributeText(variable.attributes, "units");
  const std::string calendar = AttributeText(variable.attributes, "calendar");
  if (units.find(" since ") != std::string::npos && !calendar.empty() && calendar != "standard" &&
      calendar != "gregorian") {
    units += ", " + calendar;
  }
  if (!units.empty()) comment += (comment.empty() ? "[" : " [") + units + "]";
  return OneLine(std::move(comment));
}

// The variables of one set of dimensions.
struct Group {
  std::vector<std::string> dims;  // in the table's order
  std::vector<size_t> data;       // variables, by name
};

std::string JoinedName(const std::vector<std::string>& dims) {
  if (dims.empty()) return "scalar";
  std::string name = dims[0];
  for (size_t d = 1; d < dims.size(); ++d) name += "_" + dims[d];
  return name;
}

class GridsOf final : public Grids {
 public:
  GridsOf(std::shared_ptr<const Dataset> dataset, const GridOptions& options)
      : dataset_(std::move(dataset)),
        variables_(dataset_->variables()),
        options_(options),
        plan_(AssignRoles(*dataset_)) {
    if (options_.coordinates != Coordinates::kAll) return;
    for (size_t v = 0; v < variables_.size(); ++v) {
      if (role(v) != Role::kCoordinate) continue;
      const std::vector<std::string>& dims = variables_[v].dims;
      (dims.empty() ? scalar_coordinates_ : coordinates_by_dim_[dims[0]]).push_back(v);
    }
  }

  Status Build() {
    std::vector<Group> groups = FormGroups();
    NameTables(&groups);
    COLONNADE_RETURN_IF_ERROR(CountColumns(groups));
    auto coordinates = std::make_shared<CoordinateCache>(dataset_);
    const TiledScanOptions scan{options_.max_block_rows, options_.max_tile_cells,
                                options_.chunk_cache_bytes};
    for (size_t i = 0; i < groups.size(); ++i) {
      tables_.push_back(
          MakeGridTable(dataset_, coordinates, PlanTable(groups[i], table_names_[i]), scan));
      dims_.push_back(std::move(groups[i].dims));
    }
    ExplainTheRest();
    return Status();
  }

  const std::vector<std::string>& table_names() const override { return table_names_; }
  const std::vector<std::string>& dims(size_t index) const override { return dims_.at(index); }
  std::shared_ptr<const TableSource> table(size_t index) const override {
    return tables_.at(index);
  }
  const std::vector<VariableRole>& roles() const override { return plan_.variables; }

 private:
  Role role(size_t v) const { return plan_.variables[v].role; }
  bool NameBefore(size_t a, size_t b) const {
    return variables_[a].name != variables_[b].name ? variables_[a].name < variables_[b].name
                                                    : a < b;
  }

  std::vector<Group> FormGroups() {
    std::map<std::vector<std::string>, Group> by_set;
    std::vector<size_t> broken_scalars;
    for (size_t v = 0; v < variables_.size(); ++v) {
      if (role(v) != Role::kData) continue;
      if (variables_[v].dims.empty() && !variables_[v].unavailable.ok()) {
        broken_scalars.push_back(v);
        continue;
      }
      std::vector<std::string> key = variables_[v].dims;
      std::sort(key.begin(), key.end());
      by_set[std::move(key)].data.push_back(v);
    }
    // No dims may mean that they are not known: not enough for a table, but good for a column.
    const auto scalar = by_set.find({});
    for (const size_t v : broken_scalars) {
      if (scalar != by_set.end()) {
        scalar->second.data.push_back(v);
      } else {
        plan_.variables[v].role = Role::kUnusable;
      }
    }
    std::vector<Group> groups;
    std::set<std::string> used;
    const auto by_name = [this](size_t a, size_t b) { return NameBefore(a, b); };
    for (auto& [key, group] : by_set) {
      std::sort(group.data.begin(), group.data.end(), by_name);
      group.dims = LargestOrder(group.data);
      used.insert(key.begin(), key.end());
      groups.push_back(std::move(group));
    }
    // Those that disagree on a length are columns that say so, beside those that agree.
    for (const size_t v : plan_.disagreeing) {
      std::vector<std::string> key = variables_[v].dims;
      std::sort(key.begin(), key.end());
      for (Group& group : groups) {
        std::vector<std::string> dims = group.dims;
        std::sort(dims.begin(), dims.end());
        if (dims != key) continue;
        group.data.push_back(v);
        std::sort(group.data.begin(), group.data.end(), by_name);
      }
    }
    if (plan_.coordinates_only) {
      for (const auto& [name, dimension] : plan_.dimensions) {
        if (!used.contains(name)) groups.push_back({{name}, {}});
      }
    }
    return groups;
  }

  // The order of dims in which most bytes are stored.
  std::vector<std::string> LargestOrder(const std::vector<size_t>& by_name) const {
    std::map<std::vector<std::string>, double> bytes;
    for (const size_t v : by_name) {
      // All have the same number of elements.
      bytes[variables_[v].dims] += variables_[v].type.memory_size();
    }
    const std::vector<std::string>* best = nullptr;
    for (const size_t v : by_name) {
      if (best == nullptr || bytes.at(variables_[v].dims) > bytes.at(*best))
        best = &variables_[v].dims;
    }
    return *best;
  }

  // Orders the groups and names their tables.
  void NameTables(std::vector<Group>* groups) {
    std::sort(groups->begin(), groups->end(), [](const Group& a, const Group& b) {
      if (a.dims.size() != b.dims.size()) return a.dims.size() > b.dims.size();
      const std::string name_a = JoinedName(a.dims);
      const std::string name_b = JoinedName(b.dims);
      return name_a != name_b ? name_a < name_b : a.dims < b.dims;
    });
    std::vector<std::string> names;
    for (const Group& group : *groups) names.push_back(JoinedName(group.dims));
    std::unordered_set<std::string> taken;
    names = UniqueNames(std::move(names), &taken);

    std::vector<size_t> order(groups->size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      const size_t rank_a = (*groups)[a].dims.size();
      const size_t rank_b = (*groups)[b].dims.size();
      return rank_a != rank_b ? rank_a > rank_b : names[a] < names[b];
    });
    std::vector<Group> ordered;
    for (const size_t i : order) {
      ordered.push_back(std::move((*groups)[i]));
      table_names_.push_back(std::move(names[i]));
    }
    *groups = std::move(ordered);
  }

  // The coordinates that are functions of (some of) these dims, by name.
  std::vector<size_t> CoordinatesOf(const std::vector<std::string>& dims) const {
    std::vector<size_t> found = scalar_coordinates_;
    for (const std::string& first : dims) {
      const auto candidates = coordinates_by_dim_.find(first);
      if (candidates == coordinates_by_dim_.end()) continue;
      for (const size_t v : candidates->second) {
        const std::vector<std::string>& wanted = variables_[v].dims;
        if (std::all_of(wanted.begin(), wanted.end(), [&](const std::string& dim) {
              return std::find(dims.begin(), dims.end(), dim) != dims.end();
            })) {
          found.push_back(v);
        }
      }
    }
    std::sort(found.begin(), found.end(), [this](size_t a, size_t b) { return NameBefore(a, b); });
    return found;
  }

  Status CountColumns(const std::vector<Group>& groups) const {
    size_t columns = 0;
    for (const Group& group : groups) {
      columns += 2 * group.dims.size() + group.data.size() + CoordinatesOf(group.dims).size();
      if (columns > options_.max_columns) {
        return LimitExceeded(dataset_->name(), ": its ", groups.size(), " tables have more than ",
                             options_.max_columns,
                             " columns; fewer coordinates as columns would help");
      }
    }
    return Status();
  }

  GridPlan PlanTable(const Group& group, const std::string& table_name) {
    GridPlan plan;
    plan.name = dataset_->name() + " " + table_name;
    for (const std::string& dim : group.dims)
      plan.axes.push_back({dim, plan_.dimensions.at(dim).length});
    for (size_t axis = 0; axis < plan.axes.size(); ++axis)
      plan.columns.push_back(DimensionColumn(plan.axes[axis], axis));
    for (const size_t v : CoordinatesOf(group.dims))
      plan.columns.push_back(VariableColumn(v, group.dims));
    for (const size_t v : group.data) plan.columns.push_back(VariableColumn(v, group.dims));
    NameColumns(&plan);

    for (const GridColumn& column : plan.columns) {
      if (column.variable == kNoVariable) continue;
      VariableRole& entry = plan_.variables[column.variable];
      if (!entry.table.empty()) continue;
      entry.table = table_name;
      entry.column = column.column.name;
    }
    return plan;
  }

  GridColumn DimensionColumn(const Axis& axis, size_t index) const {
    GridColumn column;
    column.column = {.name = axis.name,
                     .type = array::ValueType::kInt64,
                     .kind = ColumnKind::kAxis,
                     .axis = index,
                     .hidden = false,
                     .comment = "",
                     .unavailable = Status()};
    const size_t v = plan_.dimensions.at(axis.name).coordinate;
    if (v == kNoVariable || options_.coordinates == Coordinates::kNone) return column;
    column.variable = v;
    column.axes = {index};
    Describe(variables_[v], &column.column);
    if (column.column.unavailable.ok() && axis.length > options_.max_axis_length) {
      column.column.unavailable = LimitExceeded(
          "coordinate \"", axis.name, "\" has ", axis.length, " values, more than the limit of ",
          options_.max_axis_length, "; ", axis.name, "_idx addresses its positions");
    }
    return column;
  }

  GridColumn VariableColumn(size_t v, const std::vector<std::string>& dims) const {
    const Variable& variable = variables_[v];
    GridColumn column;
    column.variable = v;
    for (const std::string& dim : variable.dims) {
      column.axes.push_back(
          static_cast<size_t>(std::find(dims.begin(), dims.end(), dim) - dims.begin()));
    }
    column.column.name = variable.name;
    Describe(variable, &column.column);
    if (column.column.unavailable.ok() && role(v) == Role::kUnusable) {
      column.column.unavailable = InvalidData(plan_.variables[v].reason);
    }
    if (variable.dims.empty()) {
      column.column.kind = ColumnKind::kConstant;
    } else if (role(v) == Role::kCoordinate && variable.dims.size() == 1 &&
               variable.shape[0] <= options_.max_axis_length) {
      column.column.kind = ColumnKind::kAxis;
      column.column.axis = column.axes[0];
    } else {
      column.column.kind = ColumnKind::kValues;
    }
    return column;
  }

  static void Describe(const Variable& variable, Column* column) {
    column->comment = Comment(variable);
    column->unavailable = variable.unavailable;
    column->type = variable.plan.value;  // of what cannot be read: a guess where it is not known
  }

  // Gives the columns their final names and appends the hidden positions.
  static void NameColumns(GridPlan* plan) {
    std::unordered_set<std::string> taken;
    std::vector<std::string> names;
    for (const GridColumn& column : plan->columns) names.push_back(column.column.name);
    names = UniqueNames(std::move(names), &taken);
    for (size_t i = 0; i < names.size(); ++i) plan->columns[i].column.name = std::move(names[i]);

    names.clear();
    for (const Axis& axis : plan->axes) names.push_back(axis.name + "_idx");
    names = UniqueNames(std::move(names), &taken);
    for (size_t axis = 0; axis < plan->axes.size(); ++axis) {
      GridColumn column;
      column.column = {.name = std::move(names[axis]),
                       .type = array::ValueType::kInt64,
                       .kind = ColumnKind::kAxis,
                       .axis = axis,
                       .hidden = true,
                       .comment = OneLine("position along " + plan->axes[axis].name),
                       .unavailable = Status()};
      plan->columns.push_back(std::move(column));
    }
  }

  void ExplainTheRest() {
    for (VariableRole& entry : plan_.variables) {
      if (!entry.table.empty() || !entry.reason.empty()) continue;
      if (entry.role == Role::kDimensionCoordinate && options_.coordinates != Coordinates::kNone) {
        entry.reason = "no table has this dimension";
      } else if (entry.role == Role::kCoordinate && options_.coordinates == Coordinates::kAll) {
        entry.reason = "no table has all of its dimensions";
      } else {
        entry.reason = "left out by the option for coordinates";
      }
    }
  }

  const std::shared_ptr<const Dataset> dataset_;
  const std::vector<Variable>& variables_;
  const GridOptions options_;
  DatasetRoles plan_;
  // Coordinates that may become columns, by their first dimension.
  std::map<std::string, std::vector<size_t>> coordinates_by_dim_;
  std::vector<size_t> scalar_coordinates_;
  std::vector<std::string> table_names_;
  std::vector<std::vector<std::string>> dims_;
  std::vector<std::shared_ptr<const TableSource>> tables_;
};

}  // namespace

std::string_view ToString(Role role) {
  switch (role) {
    case Role::kDimensionCoordinate: return "dimension coordinate";
    case Role::kCoordinate: return "coordinate";
    case Role::kData: return "data";
    case Role::kBounds: return "bounds";
    case Role::kGridMapping: return "grid mapping";
    case Role::kAncillary: return "ancillary";
    case Role::kUnusable: return "unusable";
  }
  return "unknown";
}

Result<std::shared_ptr<const Grids>> Grids::Create(std::shared_ptr<const Dataset> dataset,
                                                   const GridOptions& options) {
  if (options.max_block_rows <= 0 || options.max_tile_cells <= 0 || options.max_axis_length <= 0) {
    return InvalidArgument("limits of a grid must be positive: max_block_rows ",
                           options.max_block_rows, ", max_tile_cells ", options.max_tile_cells,
                           ", max_axis_length ", options.max_axis_length);
  }
  auto grids = std::make_shared<GridsOf>(std::move(dataset), options);
  COLONNADE_RETURN_IF_ERROR(grids->Build());
  return std::shared_ptr<const Grids>(std::move(grids));
}

}  // namespace colonnade::table
