// The few statements that the endpoint understands.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/status.h"
#include "questdb/endpoint/table_shape.h"

namespace colonnade::questdb::endpoint {

struct SelectRows {  // SELECT * FROM t [LIMIT n]
  std::string table;
  std::optional<int64_t> limit;
};
struct CountRows {  // SELECT count() FROM t
  std::string table;
};
struct SelectBinds {          // SELECT $1, $2
  std::vector<size_t> binds;  // counted from 0
};
/// CREATE TABLE [IF NOT EXISTS] t (c TYPE, ...) TIMESTAMP(c) [PARTITION BY unit] [WAL | BYPASS WAL]
/// [DEDUP UPSERT KEYS(c, ...)]; how rows are partitioned and logged is nothing to this endpoint.
struct CreateTable {
  TableShape shape;
  bool if_not_exists = false;
};
struct DropTable {  // DROP TABLE [IF EXISTS] t
  std::string table;
  bool if_exists = false;
};
struct ShowTables {};  // SHOW TABLES
struct ShowColumns {   // SHOW COLUMNS FROM t
  std::string table;
};

using Statement = std::variant<SelectRows, CountRows, SelectBinds, CreateTable, DropTable,
                               ShowTables, ShowColumns>;

/// One statement, which a semicolon may follow. Keywords have no case; names may stand in single or
/// double quotes.
///
/// \error InvalidArgument: what was expected and what is there, with its place in the text
Result<Statement> ParseStatement(std::string_view sql);

}  // namespace colonnade::questdb::endpoint
