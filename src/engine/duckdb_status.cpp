#include "engine/duckdb_status.h"

#include <string>
#include <unordered_map>

namespace colonnade::engine {
namespace {

constexpr const char* kCodeKey = "colonnade_code";
constexpr const char* kCauseKey = "colonnade_cause";

duckdb::ExceptionType ExceptionTypeOf(StatusCode code) {
  switch (code) {
    case StatusCode::kInvalidArgument:
    case StatusCode::kNotFound:
    case StatusCode::kAlreadyExists: return duckdb::ExceptionType::BINDER;
    case StatusCode::kUnsupported: return duckdb::ExceptionType::NOT_IMPLEMENTED;
    case StatusCode::kPermissionDenied: return duckdb::ExceptionType::PERMISSION;
    case StatusCode::kCancelled: return duckdb::ExceptionType::INTERRUPT;
    case StatusCode::kLimitExceeded: return duckdb::ExceptionType::OUT_OF_MEMORY;
    case StatusCode::kIo: return duckdb::ExceptionType::IO;
    default: return duckdb::ExceptionType::INVALID_INPUT;
  }
}

StatusCode CodeOf(duckdb::ExceptionType type) {
  switch (type) {
    case duckdb::ExceptionType::BINDER:
    case duckdb::ExceptionType::CATALOG:
    case duckdb::ExceptionType::PARSER:
    case duckdb::ExceptionType::SYNTAX:
    case duckdb::ExceptionType::CONVERSION:
    case duckdb::ExceptionType::INVALID_INPUT:
    case duckdb::ExceptionType::INVALID_TYPE:
    case duckdb::ExceptionType::MISMATCH_TYPE:
    case duckdb::ExceptionType::OUT_OF_RANGE:
    case duckdb::ExceptionType::CONSTRAINT:
    case duckdb::ExceptionType::EXPRESSION:
    case duckdb::ExceptionType::SETTINGS:
    case duckdb::ExceptionType::PARAMETER_NOT_ALLOWED:
    case duckdb::ExceptionType::PARAMETER_NOT_RESOLVED: return StatusCode::kInvalidArgument;
    case duckdb::ExceptionType::NOT_IMPLEMENTED: return StatusCode::kUnsupported;
    case duckdb::ExceptionType::INTERRUPT: return StatusCode::kCancelled;
    case duckdb::ExceptionType::OUT_OF_MEMORY: return StatusCode::kLimitExceeded;
    case duckdb::ExceptionType::PERMISSION: return StatusCode::kPermissionDenied;
    case duckdb::ExceptionType::IO: return StatusCode::kIo;
    case duckdb::ExceptionType::SERIALIZATION: return StatusCode::kInvalidData;
    default: return StatusCode::kInternal;
  }
}

// DuckDB's messages have candidates and the marked source line on lines of their own; ours are one
// line.
std::string OneLine(const std::string& text) {
  std::string line;
  size_t begin = 0;
  while (begin <= text.size()) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view part = std::string_view(text).substr(begin, end - begin);
    begin = end + 1;
    // The source line with its caret, and what internal errors append.
    if (part.starts_with("LINE ") || part.starts_with("Stack Trace:")) break;
    while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
    while (!part.empty() && part.back() == ' ') part.remove_suffix(1);
    if (part.empty()) continue;
    if (!line.empty()) line += ' ';
    line += part;
  }
  return line;
}

}  // namespace

void Throw(const Status& status) {
  const std::unordered_map<std::string, std::string> extra = {
      {kCodeKey, std::to_string(static_cast<int>(status.code()))},
      {kCauseKey, std::to_string(status.cause())}};
  throw duckdb::Exception(extra, ExceptionTypeOf(status.code()), std::string(status.message()));
}

Status ToStatus(const duckdb::ErrorData& error) {
  StatusCode code = CodeOf(error.Type());
  const auto extra = [&error](const char* key) {
    const auto found = error.ExtraInfo().find(key);
    return found == error.ExtraInfo().end() ? std::string() : found->second;
  };
  const int number = std::atoi(extra(kCodeKey).c_str());
  if (number > 0 && number <= static_cast<int>(StatusCode::kInternal))
    code = static_cast<StatusCode>(number);
  const uint64_t cause = std::strtoull(extra(kCauseKey).c_str(), nullptr, 10);
  std::string message = OneLine(error.RawMessage());
  if (code == StatusCode::kCancelled && cause == 0) message = "cancelled";
  // CatalogException::MissingEntry
  const bool unknown = extra("error_subtype") == "MISSING_ENTRY" && extra("type") == "Table";
  return Status(code, std::move(message))
      .WithCause(cause)
      .WithUnknownName(unknown ? extra("name") : "");
}

Status CurrentExceptionStatus() {
  try {
    throw;
  } catch (const duckdb::Exception& e) {
    return ToStatus(duckdb::ErrorData(e));
  } catch (const std::bad_alloc&) {
    return LimitExceeded("out of memory");
  } catch (const std::exception& e) {
    return ToStatus(duckdb::ErrorData(e));
  } catch (...) {
    return Internal("unknown exception");
  }
}

}  // namespace colonnade::engine
