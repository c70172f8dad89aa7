// An engine over fake datasets: `FROM fake('name')`, and ATTACH 'name' AS x (TYPE fake).

#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "support/fake_dataset.h"
#include "table/grid.h"

namespace colonnade {

/// The grids of one dataset as a catalog.
class FakeCatalog final : public table::Catalog {
 public:
  explicit FakeCatalog(std::shared_ptr<const table::Grids> grids) : grids_(std::move(grids)) {}
  Result<std::vector<std::string>> ListSchemas() const override {
    return std::vector<std::string>{"main"};
  }
  Result<std::vector<std::string>> ListTables(const std::string&) const override {
    return grids_->table_names();
  }
  Result<std::shared_ptr<const table::TableSource>> Open(const std::string&,
                                                         const std::string& name) const override {
    for (size_t i = 0; i < grids_->table_names().size(); ++i) {
      if (grids_->table_names()[i] == name) return grids_->table(i);
    }
    return NotFound("no table ", name);
  }

 private:
  std::shared_ptr<const table::Grids> grids_;
};

/// Datasets by name; each opens as its first grid.
class FakeEngine {
 public:
  void Add(const std::string& name, std::shared_ptr<const array::Dataset> dataset) {
    datasets_[name] = std::move(dataset);
  }

  Result<std::unique_ptr<engine::Engine>> Open(engine::EngineOptions options = {}) const {
    const auto open_grids = [datasets = datasets_](const engine::SourceArguments& arguments)
        -> Result<std::shared_ptr<const table::Grids>> {
      const auto found = datasets.find(arguments.uri);
      if (found == datasets.end()) return NotFound("no dataset ", arguments.uri);
      return table::Grids::Create(found->second, {});
    };
    engine::Sources sources;
    sources.functions = {{"fake",
                          {{"rows", engine::SourceOption::Type::kInteger}},
                          [open_grids](const engine::SourceArguments& arguments)
                              -> Result<std::shared_ptr<const table::TableSource>> {
                            COLONNADE_ASSIGN_OR_RETURN(const auto grids, open_grids(arguments));
                            return grids->table(0);
                          }}};
    sources.catalogs = {{"fake",
                         {{"flag", engine::SourceOption::Type::kBool}},
                         [open_grids](const engine::SourceArguments& arguments)
                             -> Result<std::shared_ptr<const table::Catalog>> {
                           COLONNADE_ASSIGN_OR_RETURN(auto grids, open_grids(arguments));
                           return std::make_shared<FakeCatalog>(std::move(grids));
                         }}};
    sources.resolve = [](std::string_view text) -> std::optional<std::string> {
      if (text.ends_with(".fake")) return "fake";
      return std::nullopt;
    };
    return engine::Engine::Open(options, std::move(sources));
  }

 private:
  std::map<std::string, std::shared_ptr<const array::Dataset>> datasets_;
};

/// All rows of a query as text, cells separated by '|', NULL spelled so.
inline Result<std::vector<std::string>> Rows(engine::Connection& connection,
                                             const std::string& sql) {
  COLONNADE_ASSIGN_OR_RETURN(auto result, connection.Query(sql));
  std::vector<engine::TextRow> rows;
  for (bool more = true; more;) {
    COLONNADE_ASSIGN_OR_RETURN(more, result->NextText(&rows));
  }
  std::vector<std::string> lines;
  for (const engine::TextRow& row : rows) {
    std::string& line = lines.emplace_back();
    for (size_t i = 0; i < row.size(); ++i) line += (i == 0 ? "" : "|") + row[i].value_or("NULL");
  }
  return lines;
}

}  // namespace colonnade
