// Status ↔ DuckDB's exceptions: where the two error models meet.

#pragma once

#include "base/status.h"
#include "engine/duckdb_headers.h"

namespace colonnade::engine {

/// Throws the DuckDB exception that carries `status` through the engine. Never an internal or fatal
/// one: those would invalidate the whole database.
///
/// \pre `!status.ok()`
[[noreturn]] void Throw(const Status& status);

/// Throws unless OK.
inline void ThrowIfError(const Status& status) {
  if (!status.ok()) Throw(status);
}

/// The value, or throws.
template <typename T>
T ValueOrThrow(Result<T> result) {
  if (!result.ok()) Throw(result.status());
  return *std::move(result);
}

/// The Status of an error that DuckDB reports. One that Throw made keeps its code; the message is
/// one line.
Status ToStatus(const duckdb::ErrorData& error);

/// The Status of the exception being handled. Call inside a catch block.
Status CurrentExceptionStatus();

}  // namespace colonnade::engine
