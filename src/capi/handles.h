// What the opaque handles of the C interface are.

#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/query_result.h"
#include "session/session.h"

struct colonnade_text {
  std::string text;
};

struct colonnade_session {
  std::shared_ptr<colonnade::session::Session> session;
};

struct colonnade_statement {
  std::shared_ptr<colonnade::session::Session> session;
  std::string sql;
  std::vector<std::string> names;                                   // empty: by position
  std::vector<std::optional<colonnade::engine::Parameter>> values;  // by position - 1
};

struct colonnade_relation {
  std::shared_ptr<colonnade::session::Session> session;
  std::vector<colonnade::engine::ResultColumn> columns;
  std::optional<colonnade::session::Call> query;
  std::mutex mutex;
  std::unique_ptr<colonnade::engine::QueryResult>
      rows;  // guarded; of no query, until they are read
};

struct colonnade_table_list {
  std::vector<colonnade::session::TableName> tables;
};
