#include "engine/attached_catalog.h"

#include <map>
#include <mutex>
#include <set>
#include <unordered_map>
#include <utility>

#include "engine/duckdb_status.h"
#include "engine/source_arguments.h"
#include "engine/table_scan.h"

namespace colonnade::engine {
namespace {

using duckdb::optional_ptr;

[[noreturn]] void RefuseWrite() { Throw(Unsupported("the attached database is read-only")); }

class TableEntry final : public duckdb::TableCatalogEntry {
 public:
  TableEntry(duckdb::Catalog& catalog, duckdb::SchemaCatalogEntry& schema,
             duckdb::CreateTableInfo& info, std::shared_ptr<EngineResources> resources,
             std::shared_ptr<const table::TableSource> source)
      : TableCatalogEntry(catalog, schema, info),
        resources_(std::move(resources)),
        source_(std::move(source)) {
    comment = info.comment;
  }

  duckdb::unique_ptr<duckdb::BaseStatistics> GetStatistics(duckdb::ClientContext&,
                                                           duckdb::column_t) override {
    return nullptr;
  }

  duckdb::TableFunction GetScanFunction(
      duckdb::ClientContext& context,
      duckdb::unique_ptr<duckdb::FunctionData>& bind_data) override {
    auto bind = duckdb::make_uniq<ScanBindData>(resources_, source_);
    bind->entry = this;
    bind_data = std::move(bind);
    return MakeScanFunction("array_scan", PushdownEnabled(context));
  }

  duckdb::TableStorageInfo GetStorageInfo(duckdb::ClientContext&) override { return {}; }

  // Asked for by UPDATE, DELETE and MERGE only.
  duckdb::vector<duckdb::column_t> GetRowIdColumns() const override { RefuseWrite(); }

  duckdb::virtual_column_map_t GetVirtualColumns() const override {
    return VirtualColumns(*source_);
  }

 private:
  std::shared_ptr<EngineResources> resources_;
  std::shared_ptr<const table::TableSource> source_;
};

class SchemaEntry final : public duckdb::SchemaCatalogEntry {
 public:
  SchemaEntry(duckdb::Catalog& catalog, duckdb::CreateSchemaInfo& info, std::string group,
              std::shared_ptr<EngineResources> resources,
              std::shared_ptr<const table::Catalog> tables)
      : SchemaCatalogEntry(catalog, info),
        group_(std::move(group)),
        resources_(std::move(resources)),
        tables_(std::move(tables)) {}

  void Scan(duckdb::ClientContext&, duckdb::CatalogType type,
            const std::function<void(duckdb::CatalogEntry&)>& callback) override {
    Scan(type, callback);
  }

  void Scan(duckdb::CatalogType type,
            const std::function<void(duckdb::CatalogEntry&)>& callback) override {
    if (type != duckdb::CatalogType::TABLE_ENTRY) return;
    for (const std::string& name : ValueOrThrow(tables_->ListTables(group_))) callback(*Find(name));
  }

  optional_ptr<duckdb::CatalogEntry> LookupEntry(duckdb::CatalogTransaction,
                                                 const duckdb::EntryLookupInfo& lookup) override {
    if (lookup.GetCatalogType() != duckdb::CatalogType::TABLE_ENTRY) return nullptr;
    return Find(lookup.GetEntryName());
  }

  optional_ptr<duckdb::CatalogEntry> CreateIndex(duckdb::CatalogTransaction,
                                                 duckdb::CreateIndexInfo&,
                                                 duckdb::TableCatalogEntry&) override {
    RefuseWrite();
  }
  optional_ptr<duckdb::CatalogEntry> CreateFunction(duckdb::CatalogTransaction,
                                                    duckdb::CreateFunctionInfo&) override {
    RefuseWrite();
  }
  optional_ptr<duckdb::CatalogEntry> CreateTable(duckdb::CatalogTransaction,
                                                 duckdb::BoundCreateTableInfo&) override {
    RefuseWrite();
  }
  optional_ptr<duckdb::CatalogEntry> CreateView(duckdb::CatalogTransaction,
                                                duckdb::CreateViewInfo&) override {
    RefuseWrite();
  }
  optional_ptr<duckdb::CatalogEntry> CreateSequence(duckdb::CatalogTransaction,
                                                    duckdb::CreateSequenceInfo&) override {
    RefuseWrite();
  }
  optional_ptr<duckdb::CatalogEntry> CreateTableFunction(
      duckdb::CatalogTransaction, duckdb::CreateTableFunctionInfo&) override {
    RefuseWrite();
  }
  optional_ptr<duckdb::CatalogEntry> CreateCopyFunction(duckdb::CatalogTransaction,
                                                        duckdb::CreateCopyFunctionInfo&) override {
    RefuseWrite();
  }
  optional_ptr<duckdb::CatalogEntry> CreatePragmaFunction(
      duckdb::CatalogTransaction, duckdb::CreatePragmaFunctionInfo&) override {
    RefuseWrite();
  }
  optional_ptr<duckdb::CatalogEntry> CreateCollation(duckdb::CatalogTransaction,
                                                     duckdb::CreateCollationInfo&) override {
    RefuseWrite();
  }
  optional_ptr<duckdb::CatalogEntry> CreateType(duckdb::CatalogTransaction,
                                                duckdb::CreateTypeInfo&) override {
    RefuseWrite();
  }
  void DropEntry(duckdb::ClientContext&, duckdb::DropInfo&) override { RefuseWrite(); }
  void Alter(duckdb::CatalogTransaction, duckdb::AlterInfo&) override { RefuseWrite(); }

 private:
  // Table names compare without case, as all of DuckDB's do.
  TableEntry* Find(const std::string& name) {
    const std::string key = duckdb::StringUtil::Lower(name);
    const std::lock_guard lock(mutex_);
    if (const auto found = entries_.find(key); found != entries_.end()) return found->second.get();
    for (const std::string& listed : ValueOrThrow(tables_->ListTables(group_))) {
      if (duckdb::StringUtil::Lower(listed) == key) {
        return (entries_[key] = MakeEntry(listed)).get();
      }
    }
    return nullptr;
  }

  duckdb::unique_ptr<TableEntry> MakeEntry(const std::string& name) {
    auto source = ValueOrThrow(tables_->Open(group_, name));
    duckdb::CreateTableInfo info(*this, name);
    for (const table::Column& column : source->columns()) {
      if (column.hidden) continue;
      duckdb::ColumnDefinition definition(column.name, TypeOf(column.type));
      if (!column.comment.empty()) definition.SetComment(duckdb::Value(column.comment));
      info.columns.AddColumn(std::move(definition));
    }
    return duckdb::make_uniq<TableEntry>(catalog, *this, info, resources_, std::move(source));
  }

  std::string group_;
  std::shared_ptr<EngineResources> resources_;
  std::shared_ptr<const table::Catalog> tables_;
  std::mutex mutex_;
  std::map<std::string, duckdb::unique_ptr<TableEntry>> entries_;
};

class AttachedCatalog final : public duckdb::Catalog {
 public:
  AttachedCatalog(duckdb::AttachedDatabase& database, std::string type, std::string uri,
                  std::shared_ptr<EngineResources> resources,
                  std::shared_ptr<const table::Catalog> tables)
      : Catalog(database),
        type_(std::move(type)),
        uri_(std::move(uri)),
        resources_(std::move(resources)),
        tables_(std::move(tables)) {}

  void Initialize(bool) override { MakeSchema(DEFAULT_SCHEMA); }
  std::string GetCatalogType() override { return type_; }

  optional_ptr<duckdb::SchemaCatalogEntry> LookupSchema(
      duckdb::CatalogTransaction, const duckdb::EntryLookupInfo& lookup,
      duckdb::OnEntryNotFound if_not_found) override {
    const std::string& name = lookup.GetEntryName();
    if (name == INVALID_SCHEMA || name == DEFAULT_SCHEMA) return schemas_.at(DEFAULT_SCHEMA).get();
    LoadSchemas();
    const std::lock_guard lock(mutex_);
    for (const auto& [schema_name, entry] : schemas_) {
      if (duckdb::StringUtil::CIEquals(schema_name, name)) return entry.get();
    }
    if (if_not_found == duckdb::OnEntryNotFound::RETURN_NULL) return nullptr;
    Throw(NotFound("there is no group \"", name, "\" in \"", uri_, "\""));
  }

  void ScanSchemas(duckdb::ClientContext&,
                   std::function<void(duckdb::SchemaCatalogEntry&)> callback) override {
    LoadSchemas();
    for (const auto& [name, entry] : schemas_) callback(*entry);
  }

  optional_ptr<duckdb::CatalogEntry> CreateSchema(duckdb::CatalogTransaction,
                                                  duckdb::CreateSchemaInfo&) override {
    RefuseWrite();
  }
  duckdb::PhysicalOperator& PlanCreateTableAs(duckdb::ClientContext&,
                                              duckdb::PhysicalPlanGenerator&,
                                              duckdb::LogicalCreateTable&,
                                              duckdb::PhysicalOperator&) override {
    RefuseWrite();
  }
  duckdb::PhysicalOperator& PlanInsert(duckdb::ClientContext&, duckdb::PhysicalPlanGenerator&,
                                       duckdb::LogicalInsert&,
                                       optional_ptr<duckdb::PhysicalOperator>) override {
    RefuseWrite();
  }
  duckdb::PhysicalOperator& PlanDelete(duckdb::ClientContext&, duckdb::PhysicalPlanGenerator&,
                                       duckdb::LogicalDelete&, duckdb::PhysicalOperator&) override {
    RefuseWrite();
  }
  duckdb::PhysicalOperator& PlanUpdate(duckdb::ClientContext&, duckdb::PhysicalPlanGenerator&,
                                       duckdb::LogicalUpdate&, duckdb::PhysicalOperator&) override {
    RefuseWrite();
  }
  duckdb::DatabaseSize GetDatabaseSize(duckdb::ClientContext&) override { return {}; }
  bool InMemory() override { return false; }
  std::string GetDBPath() override { return uri_; }
  void DropSchema(duckdb::ClientContext&, duckdb::DropInfo&) override { RefuseWrite(); }

 private:
  void MakeSchema(const std::string& name) {
    duckdb::CreateSchemaInfo info;
    info.schema = name;
    info.internal = true;
    schemas_[name] = duckdb::make_uniq<SchemaEntry>(*this, info, name, resources_, tables_);
  }

  // Schemas other than main appear when somebody asks for them: listing groups walks the store.
  void LoadSchemas() {
    const std::lock_guard lock(mutex_);
    if (loaded_) return;
    for (const std::string& name : ValueOrThrow(tables_->ListSchemas())) {
      if (!schemas_.contains(name)) MakeSchema(name);
    }
    loaded_ = true;
  }

  std::string type_;
  std::string uri_;
  std::shared_ptr<EngineResources> resources_;
  std::shared_ptr<const table::Catalog> tables_;
  std::mutex mutex_;
  bool loaded_ = false;
  std::map<std::string, duckdb::unique_ptr<SchemaEntry>> schemas_;
};

class ReadTransaction final : public duckdb::Transaction {
 public:
  using Transaction::Transaction;
};

// Nothing is written, so a transaction is only its lifetime.
class ReadTransactions final : public duckdb::TransactionManager {
 public:
  using TransactionManager::TransactionManager;

  duckdb::Transaction& StartTransaction(duckdb::ClientContext& context) override {
    auto transaction = duckdb::make_uniq<ReadTransaction>(*this, context);
    auto& result = *transaction;
    const std::lock_guard lock(mutex_);
    live_[&result] = std::move(transaction);
    return result;
  }
  duckdb::ErrorData CommitTransaction(duckdb::ClientContext&,
                                      duckdb::Transaction& transaction) override {
    Remove(transaction);
    return {};
  }
  void RollbackTransaction(duckdb::Transaction& transaction) override { Remove(transaction); }
  void Checkpoint(duckdb::ClientContext&, bool) override {}

 private:
  void Remove(duckdb::Transaction& transaction) {
    const std::lock_guard lock(mutex_);
    live_.erase(&transaction);
  }
  std::mutex mutex_;
  std::unordered_map<duckdb::Transaction*, duckdb::unique_ptr<ReadTransaction>> live_;
};

struct CatalogTypeInfo final : duckdb::StorageExtensionInfo {
  CatalogType type;
  std::shared_ptr<EngineResources> resources;
};

duckdb::unique_ptr<duckdb::Catalog> Attach(optional_ptr<duckdb::StorageExtensionInfo> storage_info,
                                           duckdb::ClientContext&,
                                           duckdb::AttachedDatabase& database, const std::string&,
                                           duckdb::AttachInfo& info,
                                           duckdb::AttachOptions& options) {
  auto& catalog_type = static_cast<CatalogTypeInfo&>(*storage_info);
  SourceArguments arguments;
  arguments.uri = info.path;
  for (const auto& [name, value] : options.options) {
    ThrowIfError(SetOption(catalog_type.type.options, name, value, &arguments)
                     .WithContext("ATTACH (TYPE " + catalog_type.type.name + ")"));
  }
  auto tables = ValueOrThrow(catalog_type.type.open(arguments));
  const std::vector<std::string> names = ValueOrThrow(tables->ListTables(DEFAULT_SCHEMA));
  auto catalog = duckdb::make_uniq<AttachedCatalog>(database, catalog_type.type.name, info.path,
                                                    catalog_type.resources, std::move(tables));
  // With one table the database's own name means it: FROM air.
  if (names.size() == 1) catalog->SetDefaultTable(DEFAULT_SCHEMA, names[0]);
  return catalog;
}

duckdb::unique_ptr<duckdb::TransactionManager> MakeTransactions(
    optional_ptr<duckdb::StorageExtensionInfo>, duckdb::AttachedDatabase& database,
    duckdb::Catalog&) {
  return duckdb::make_uniq<ReadTransactions>(database);
}

}  // namespace

void RegisterCatalogTypes(duckdb::DBConfig& config,
                          const std::shared_ptr<EngineResources>& resources) {
  for (const CatalogType& type : resources->sources.catalogs) {
    auto info = duckdb::make_shared_ptr<CatalogTypeInfo>();
    info->type = type;
    info->resources = resources;
    auto extension = duckdb::make_shared_ptr<duckdb::StorageExtension>();
    extension->attach = Attach;
    extension->create_transaction_manager = MakeTransactions;
    extension->storage_info = info;
    duckdb::StorageExtension::Register(config, type.name, std::move(extension));
  }
}

}  // namespace colonnade::engine
