#include "engine/engine.h"

#include <utility>

#include "engine/attached_catalog.h"
#include "engine/connection.h"
#include "engine/descriptor_files.h"
#include "engine/duckdb_headers.h"
#include "engine/duckdb_status.h"
#include "engine/metadata_answers.h"
#include "engine/named_tables.h"
#include "engine/source_functions.h"
#include "engine/stream_scan.h"

namespace colonnade::engine {
namespace {

Status CheckLibrary() {
  if (std::string_view(duckdb::DuckDB::SourceID()) == DUCKDB_EXPECTED_SOURCE_ID) return {};
  return Internal("this program was built for DuckDB ", DUCKDB_EXPECTED_VERSION, " (",
                  DUCKDB_EXPECTED_SOURCE_ID, ") but runs with ", duckdb::DuckDB::LibraryVersion(),
                  " (", duckdb::DuckDB::SourceID(), ")");
}

// The user's options, with the option's name in what the library says of a bad value.
Status SetOption(duckdb::DBConfig& config, const char* name, const duckdb::Value& value) {
  try {
    config.SetOptionByName(name, value);
    return {};
  } catch (const std::exception&) {
    return CurrentExceptionStatus().WithContext(std::string(name) + " " + value.ToSQLString());
  }
}

class EngineImpl final : public Engine {
 public:
  explicit EngineImpl(std::shared_ptr<Database> database) : database_(std::move(database)) {}

  Result<std::unique_ptr<Connection>> Connect() override { return OpenConnection(database_); }

 private:
  std::shared_ptr<Database> database_;
};

}  // namespace

Database::Database(std::shared_ptr<EngineResources> resources_in, duckdb::DBConfig& config)
    : resources(std::move(resources_in)), database(nullptr, &config) {
  resources->memory.Attach(database.instance);
}

Result<std::unique_ptr<Engine>> Engine::Open(const EngineOptions& options, Sources sources) {
  COLONNADE_RETURN_IF_ERROR(CheckLibrary());
  try {
    auto resources = std::make_shared<EngineResources>();
    resources->sources = std::move(sources);
    duckdb::DBConfig config;
    // Nothing is fetched or loaded behind the user's back, and one failed query does not end the
    // database.
    config.SetOptionByName("autoinstall_known_extensions", duckdb::Value::BOOLEAN(false));
    config.SetOptionByName("autoload_known_extensions", duckdb::Value::BOOLEAN(false));
    config.SetOptionByName("allow_community_extensions", duckdb::Value::BOOLEAN(false));
    config.SetOptionByName("disable_database_invalidation", duckdb::Value::BOOLEAN(true));
    if (options.threads) {
      COLONNADE_RETURN_IF_ERROR(
          SetOption(config, "threads", duckdb::Value::BIGINT(*options.threads)));
    }
    if (options.memory_limit) {
      COLONNADE_RETURN_IF_ERROR(
          SetOption(config, "memory_limit", duckdb::Value(*options.memory_limit)));
    }
    if (options.temp_directory) {
      COLONNADE_RETURN_IF_ERROR(
          SetOption(config, "temp_directory", duckdb::Value(*options.temp_directory)));
    }
    config.AddExtensionOption(
        "colonnade_pushdown",
        "evaluate predicates and counts on coordinates instead of rows; off is for tests",
        duckdb::LogicalType::BOOLEAN, duckdb::Value::BOOLEAN(true));
    RegisterNames(config, resources);
    RegisterCatalogTypes(config, resources);
    RegisterMetadataAnswers(config);
    RegisterStreamLimits(config);
    auto database = std::make_shared<Database>(resources, config);
    database->database.GetFileSystem().RegisterSubSystem(MakeDescriptorFiles());
    RegisterSourceFunctions(*database->database.instance, resources);
    RegisterNamedTables(*database->database.instance, resources);
    return std::unique_ptr<Engine>(std::make_unique<EngineImpl>(std::move(database)));
  } catch (const std::exception&) {
    return CurrentExceptionStatus();
  }
}

std::string LibraryVersion() {
  return std::string(duckdb::DuckDB::LibraryVersion()) + " (" + duckdb::DuckDB::SourceID() + ")";
}

}  // namespace colonnade::engine
