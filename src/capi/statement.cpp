// colonnade/statement.h: statements.

#include "colonnade/statement.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "base/status.h"
#include "capi/guard.h"
#include "capi/handles.h"
#include "engine/engine.h"
#include "session/session.h"

using colonnade::Result;
using colonnade::Status;
using colonnade::capi::Arguments;
using colonnade::capi::Guard;
using colonnade::engine::Parameter;
using colonnade::engine::Parameters;
using colonnade::session::Call;
using colonnade::session::Session;

namespace {

constexpr size_t kMaxPosition = 65'535;

Status Bind(const Arguments& arguments, colonnade_statement* statement, size_t position,
            Parameter value) {
  COLONNADE_RETURN_IF_ERROR(arguments.Given(statement, "statement"));
  if (position == 0 || position > kMaxPosition)
    return arguments.Wrong("position is ", position, ", expected 1 to ", kMaxPosition);
  if (statement->values.size() < position) statement->values.resize(position);
  statement->values[position - 1] = std::move(value);
  return {};
}

Result<Parameters> BoundParameters(const colonnade_statement& statement) {
  Parameters parameters;
  const auto& names = statement.names;
  for (size_t i = 0; i < std::max(statement.values.size(), names.size()); ++i) {
    if (i >= statement.values.size() || !statement.values[i].has_value()) {
      if (i < names.size())
        return colonnade::InvalidArgument("parameter $", names[i], " has no value");
      return colonnade::InvalidArgument("parameter ", i + 1, " has no value");
    }
    if (names.empty()) {
      parameters.positional.push_back(*statement.values[i]);
    } else if (i < names.size()) {
      parameters.named[names[i]] = *statement.values[i];
    } else {
      return colonnade::InvalidArgument(
          "a value is bound at position ", i + 1,
          ", which no name has; the parameters of a statement are all named or none is");
    }
  }
  return parameters;
}

Status Run(const std::shared_ptr<Session>& session, Call call, colonnade_relation** relation) {
  COLONNADE_ASSIGN_OR_RETURN(auto outcome, session->Run(call));
  if (relation == nullptr) return {};
  auto made = std::make_unique<colonnade_relation>();
  made->session = session;
  if (outcome.query.has_value()) {
    made->columns = std::move(outcome.query->columns);
    call.sql = std::move(outcome.query->sql);
    made->query = std::move(call);
  } else if (outcome.rows != nullptr) {
    made->columns = outcome.rows->columns();
    made->rows = std::move(outcome.rows);
  }
  *relation = made.release();
  return {};
}

}  // namespace

extern "C" {

colonnade_error* colonnade_statement_new(colonnade_session* session, const char* sql,
                                         size_t sql_size, colonnade_statement** statement) {
  return Guard(__func__, [&](const Arguments& arguments) -> Status {
    COLONNADE_RETURN_IF_ERROR(arguments.Given(session, "session"));
    COLONNADE_RETURN_IF_ERROR(arguments.Given(statement, "statement"));
    COLONNADE_ASSIGN_OR_RETURN(const auto text, arguments.Text(sql, sql_size, "sql"));
    *statement = new colonnade_statement{session->session, std::string(text), {}, {}};
    return {};
  });
}

colonnade_error* colonnade_statement_parameter(colonnade_statement* statement, const char* name,
                                               size_t name_size, size_t* position) {
  return Guard(__func__, [&](const Arguments& arguments) -> Status {
    COLONNADE_RETURN_IF_ERROR(arguments.Given(statement, "statement"));
    COLONNADE_RETURN_IF_ERROR(arguments.Given(position, "position"));
    COLONNADE_ASSIGN_OR_RETURN(const auto text, arguments.Text(name, name_size, "name"));
    if (text.empty()) return arguments.Wrong("name is empty");
    auto& names = statement->names;
    const auto found = std::find(names.begin(), names.end(), text);
    const auto index = static_cast<size_t>(found - names.begin());
    if (found == names.end()) {
      if (index == kMaxPosition) return arguments.Wrong("more than ", kMaxPosition, " names");
      names.emplace_back(text);
    }
    *position = index + 1;
    return {};
  });
}

colonnade_error* colonnade_statement_bind_null(colonnade_statement* statement, size_t position) {
  return Guard(__func__, [&](const Arguments& arguments) -> Status {
    return Bind(arguments, statement, position, {});
  });
}

colonnade_error* colonnade_statement_bind_bool(colonnade_statement* statement, size_t position,
                                               bool value) {
  return Guard(__func__, [&](const Arguments& arguments) -> Status {
    return Bind(arguments, statement, position, {value, ""});
  });
}

colonnade_error* colonnade_statement_bind_int64(colonnade_statement* statement, size_t position,
                                                int64_t value) {
  return Guard(__func__, [&](const Arguments& arguments) -> Status {
    return Bind(arguments, statement, position, {value, ""});
  });
}

colonnade_error* colonnade_statement_bind_double(colonnade_statement* statement, size_t position,
                                                 double value) {
  return Guard(__func__, [&](const Arguments& arguments) -> Status {
    return Bind(arguments, statement, position, {value, ""});
  });
}

colonnade_error* colonnade_statement_bind_text(colonnade_statement* statement, size_t position,
                                               const char* value, size_t value_size) {
  return Guard(__func__, [&](const Arguments& arguments) -> Status {
    COLONNADE_ASSIGN_OR_RETURN(const auto text, arguments.Value(value, value_size, "value"));
    return Bind(arguments, statement, position, {std::string(text), ""});
  });
}

colonnade_error* colonnade_statement_bind_blob(colonnade_statement* statement, size_t position,
                                               const void* value, size_t value_size) {
  return Guard(__func__, [&](const Arguments& arguments) -> Status {
    if (value_size != 0) COLONNADE_RETURN_IF_ERROR(arguments.Given(value, "value"));
    std::string bytes;
    if (value_size != 0) bytes.assign(static_cast<const char*>(value), value_size);
    return Bind(arguments, statement, position, {std::move(bytes), "BLOB"});
  });
}

colonnade_error* colonnade_statement_bind_cast(colonnade_statement* statement, size_t position,
                                               const char* value, size_t value_size,
                                               const char* type, size_t type_size) {
  return Guard(__func__, [&](const Arguments& arguments) -> Status {
    COLONNADE_ASSIGN_OR_RETURN(const auto text, arguments.Value(value, value_size, "value"));
    COLONNADE_ASSIGN_OR_RETURN(const auto name, arguments.Text(type, type_size, "type"));
    if (name.empty()) return arguments.Wrong("type is empty");
    return Bind(arguments, statement, position, {std::string(text), std::string(name)});
  });
}

colonnade_error* colonnade_statement_clear(colonnade_statement* statement) {
  return Guard(__func__, [&](const Arguments& arguments) -> Status {
    COLONNADE_RETURN_IF_ERROR(arguments.Given(statement, "statement"));
    statement->names.clear();
    statement->values.clear();
    return {};
  });
}

colonnade_error* colonnade_statement_run(colonnade_statement* statement,
                                         colonnade_relation** relation) {
  return Guard(__func__, [&](const Arguments& arguments) -> Status {
    COLONNADE_RETURN_IF_ERROR(arguments.Given(statement, "statement"));
    Call call;
    call.sql = statement->sql;
    COLONNADE_ASSIGN_OR_RETURN(call.parameters, BoundParameters(*statement));
    return Run(statement->session, std::move(call), relation);
  });
}

void colonnade_statement_free(colonnade_statement* statement) { delete statement; }

colonnade_error* colonnade_session_run(colonnade_session* session, const char* sql, size_t sql_size,
                                       colonnade_relation** relation) {
  return Guard(__func__, [&](const Arguments& arguments) -> Status {
    COLONNADE_RETURN_IF_ERROR(arguments.Given(session, "session"));
    COLONNADE_ASSIGN_OR_RETURN(const auto text, arguments.Text(sql, sql_size, "sql"));
    Call call;
    call.sql = text;
    return Run(session->session, std::move(call), relation);
  });
}

}  // extern "C"
