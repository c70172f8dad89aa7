#include "session/zarr_source.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "base/nearest_name.h"
#include "base/quote.h"
#include "store/open.h"

namespace colonnade::session {
namespace {

using engine::SourceOption;

const engine::OptionValue* Find(const engine::SourceArguments& arguments, const std::string& name) {
  const auto found = arguments.options.find(name);
  return found == arguments.options.end() ? nullptr : &found->second;
}

// Sets `out` to the choice that the text option names.
template <typename T>
Status SetChoice(const engine::SourceArguments& arguments, const std::string& name,
                 const std::vector<std::pair<std::string, T>>& choices, T* out) {
  const auto* value = Find(arguments, name);
  if (value == nullptr) return {};
  const std::string& text = std::get<std::string>(*value);
  std::string names;
  for (const auto& [choice, meaning] : choices) {
    if (choice == text) {
      *out = meaning;
      return {};
    }
    names += (names.empty() ? "'" : ", '") + choice + "'";
  }
  return InvalidArgument("option \"", name, "\" is ", Quote(text), "; it takes ", names);
}

std::string JoinNames(const std::vector<std::string>& names) {
  std::string joined;
  for (const std::string& name : names) joined += (joined.empty() ? "" : ", ") + name;
  return joined;
}

std::string TablesMessage(const table::Grids& grids) {
  std::string text;
  for (size_t i = 0; i < grids.table_names().size(); ++i) {
    text += (i == 0 ? "" : ", ") + grids.table_names()[i];
  }
  return text;
}

Status NoTables(const std::string& uri, const zarr::Hierarchy& hierarchy,
                const table::Grids& grids) {
  for (const table::VariableRole& role : grids.roles()) {
    if (role.role == table::Role::kUnusable) {
      return InvalidData(Quote(uri), " has no array that can be a table: ", role.reason);
    }
  }
  std::string message = Quote(uri) + " has no arrays";
  if (const auto groups = hierarchy.GroupPaths(); groups.ok() && groups->size() > 1) {
    std::vector<std::string> paths(groups->begin() + 1, groups->end());
    if (paths.size() > 10) paths.resize(10);
    message += " of its own; it has the groups " + JoinNames(paths) + " (open one as " +
               Quote(uri + "/" + paths[0]) + ")";
  }
  return NotFound(message);
}

Result<size_t> ChooseGrid(const std::string& uri, const zarr::Hierarchy& hierarchy,
                          const table::Grids& grids, const ZarrOptions& options) {
  const std::vector<std::string>& names = grids.table_names();
  if (names.empty()) return NoTables(uri, hierarchy, grids);
  if (options.table) {
    const auto found = std::find(names.begin(), names.end(), *options.table);
    if (found != names.end()) return static_cast<size_t>(found - names.begin());
    std::string message = "there is no table " + Quote(*options.table) + " in " + Quote(uri);
    if (const std::string* nearest = NearestName(*options.table, names))
      message += "; did you mean " + Quote(*nearest) + "?";
    return NotFound(message, " (tables: ", TablesMessage(grids), ")");
  }
  if (options.dims) {
    const std::set<std::string> wanted(options.dims->begin(), options.dims->end());
    for (size_t i = 0; i < names.size(); ++i) {
      if (std::set<std::string>(grids.dims(i).begin(), grids.dims(i).end()) == wanted) return i;
    }
    return NotFound("no table of ", Quote(uri), " has the dimensions (", JoinNames(*options.dims),
                    "); tables: ", TablesMessage(grids));
  }
  if (names.size() == 1) return size_t{0};
  return InvalidArgument(Quote(uri), " holds ", names.size(), " tables: ", TablesMessage(grids),
                         "; choose one with read_zarr(", Quote(uri), ", \"table\" := '", names[0],
                         "') or attach all with ATTACH ", Quote(uri), " AS name (TYPE zarr)");
}

class ZarrCatalog final : public table::Catalog {
 public:
  ZarrCatalog(std::shared_ptr<const zarr::Hierarchy> hierarchy, table::GridOptions options)
      : hierarchy_(std::move(hierarchy)), options_(options) {}

  Result<std::vector<std::string>> ListSchemas() const override {
    COLONNADE_ASSIGN_OR_RETURN(std::vector<std::string> schemas, hierarchy_->GroupPaths());
    for (std::string& schema : schemas) {
      if (schema.empty()) schema = kMain;
    }
    return schemas;
  }

  Result<std::vector<std::string>> ListTables(const std::string& schema) const override {
    COLONNADE_ASSIGN_OR_RETURN(const auto grids, GridsOf(schema == kMain ? "" : schema));
    return grids->table_names();
  }

  Result<std::shared_ptr<const table::TableSource>> Open(const std::string& schema,
                                                         const std::string& name) const override {
    COLONNADE_ASSIGN_OR_RETURN(const auto grids, GridsOf(schema == kMain ? "" : schema));
    const auto& names = grids->table_names();
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end())
      return NotFound("there is no table ", Quote(name), " in ", hierarchy_->name());
    return grids->table(static_cast<size_t>(found - names.begin()));
  }

 private:
  static constexpr const char* kMain = "main";

  Result<std::shared_ptr<const table::Grids>> GridsOf(const std::string& path) const {
    const std::lock_guard lock(mutex_);
    if (const auto found = grids_.find(path); found != grids_.end()) return found->second;
    COLONNADE_ASSIGN_OR_RETURN(auto dataset, hierarchy_->OpenGroup(path));
    COLONNADE_ASSIGN_OR_RETURN(auto grids, table::Grids::Create(std::move(dataset), options_));
    grids_[path] = grids;
    return grids;
  }

  std::shared_ptr<const zarr::Hierarchy> hierarchy_;
  table::GridOptions options_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::shared_ptr<const table::Grids>> grids_;
};

}  // namespace

std::vector<SourceOption> ZarrStoreOptions() {
  return {{"mask_fill", SourceOption::Type::kText},
          {"nan", SourceOption::Type::kText},
          {"coords", SourceOption::Type::kText},
          {"consolidated", SourceOption::Type::kText},
          {"zarr_version", SourceOption::Type::kInteger}};
}

std::vector<SourceOption> ZarrTableOptions() {
  std::vector<SourceOption> options = ZarrStoreOptions();
  options.push_back({"table", SourceOption::Type::kText});
  options.push_back({"dims", SourceOption::Type::kTextList});
  options.push_back({"group", SourceOption::Type::kText});
  return options;
}

Result<ZarrOptions> ParseZarrOptions(const engine::SourceArguments& arguments) {
  ZarrOptions options;
  using array::cf::NanPolicy;
  using table::Coordinates;
  using zarr::MaskFill;
  using zarr::UseConsolidated;
  COLONNADE_RETURN_IF_ERROR(SetChoice<MaskFill>(
      arguments, "mask_fill",
      {{"auto", MaskFill::kAuto}, {"always", MaskFill::kAlways}, {"never", MaskFill::kNever}},
      &options.open.mask_fill));
  COLONNADE_RETURN_IF_ERROR(SetChoice<NanPolicy>(
      arguments, "nan", {{"null", NanPolicy::kNull}, {"keep", NanPolicy::kKeep}},
      &options.open.nan));
  COLONNADE_RETURN_IF_ERROR(SetChoice<UseConsolidated>(arguments, "consolidated",
                                                       {{"auto", UseConsolidated::kAuto},
                                                        {"always", UseConsolidated::kAlways},
                                                        {"never", UseConsolidated::kNever}},
                                                       &options.open.consolidated));
  COLONNADE_RETURN_IF_ERROR(SetChoice<Coordinates>(
      arguments, "coords",
      {{"all", Coordinates::kAll}, {"index", Coordinates::kIndex}, {"none", Coordinates::kNone}},
      &options.grid.coordinates));
  if (const auto* value = Find(arguments, "zarr_version")) {
    const int64_t version = std::get<int64_t>(*value);
    if (version != 2 && version != 3)
      return InvalidArgument("option \"zarr_version\" is ", version, "; it takes 2 or 3");
    options.open.zarr_version = static_cast<int>(version);
  }
  if (const auto* value = Find(arguments, "group")) options.group = std::get<std::string>(*value);
  if (const auto* value = Find(arguments, "table")) options.table = std::get<std::string>(*value);
  if (const auto* value = Find(arguments, "dims"))
    options.dims = std::get<std::vector<std::string>>(*value);
  if (options.table && options.dims)
    return InvalidArgument("options \"table\" and \"dims\" exclude each other");
  return options;
}

Result<std::shared_ptr<const zarr::Hierarchy>> OpenHierarchy(const std::string& uri,
                                                             const zarr::OpenOptions& options) {
  COLONNADE_ASSIGN_OR_RETURN(auto location, store::OpenLocation(uri));
  return zarr::Hierarchy::Open(std::move(location.store), std::move(location.prefix), options);
}

Result<std::shared_ptr<const table::TableSource>> OpenZarrTable(
    const engine::SourceArguments& arguments) {
  COLONNADE_ASSIGN_OR_RETURN(const ZarrOptions options, ParseZarrOptions(arguments));
  COLONNADE_ASSIGN_OR_RETURN(const auto hierarchy, OpenHierarchy(arguments.uri, options.open));
  COLONNADE_ASSIGN_OR_RETURN(auto dataset, hierarchy->OpenGroup(options.group));
  COLONNADE_ASSIGN_OR_RETURN(const auto grids,
                             table::Grids::Create(std::move(dataset), options.grid));
  COLONNADE_ASSIGN_OR_RETURN(const size_t grid,
                             ChooseGrid(arguments.uri, *hierarchy, *grids, options));
  return grids->table(grid);
}

Result<std::shared_ptr<const table::Catalog>> OpenZarrCatalog(
    const engine::SourceArguments& arguments) {
  COLONNADE_ASSIGN_OR_RETURN(const ZarrOptions options, ParseZarrOptions(arguments));
  COLONNADE_ASSIGN_OR_RETURN(auto hierarchy, OpenHierarchy(arguments.uri, options.open));
  auto catalog = std::make_shared<ZarrCatalog>(std::move(hierarchy), options.grid);
  // The root's tables now: what is wrong with them is said by ATTACH, and the first query finds
  // them ready.
  COLONNADE_RETURN_IF_ERROR(catalog->ListTables("main").status());
  return std::shared_ptr<const table::Catalog>(std::move(catalog));
}

bool NamesZarrStore(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  size_t begin = 0;
  while (begin <= lower.size()) {
    const size_t end = std::min(lower.find('/', begin), lower.size());
    const std::string_view segment = std::string_view(lower).substr(begin, end - begin);
    if ((segment.ends_with(".zarr") || segment.ends_with(".zarr.zip")) && segment.size() > 5)
      return true;
    begin = end + 1;
  }
  // A directory can be nothing else. A path that is not there is ours to report, with its nearest
  // neighbour, unless its ending or a pattern says that another reader is meant.
  std::error_code error;
  const std::filesystem::path path{std::string(text)};
  if (std::filesystem::is_directory(path, error)) return true;
  static constexpr std::string_view kOtherReaders[] = {".parquet", ".csv",    ".tsv", ".json",
                                                       ".jsonl",   ".ndjson", ".txt", ".db",
                                                       ".duckdb",  ".gz",     ".zst", ".arrow"};
  const std::string ending = std::filesystem::path(lower).extension();
  return text.find('/') != std::string_view::npos &&
         text.find_first_of("*?[:") == std::string_view::npos &&
         std::find(std::begin(kOtherReaders), std::end(kOtherReaders), ending) ==
             std::end(kOtherReaders) &&
         !std::filesystem::exists(path, error);
}

}  // namespace colonnade::session
