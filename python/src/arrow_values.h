// Arrow columns as Python objects: the values that DuckDB's own Python client gives.

#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "arrow/c_abi.h"

namespace colonnade::python {

namespace nb = nanobind;

/// New references on their way into a container. Drops what nobody took.
class Objects {
 public:
  explicit Objects(int64_t count) : objects_(static_cast<size_t>(count), nullptr) {}
  ~Objects() {
    for (PyObject* object : objects_) Py_XDECREF(object);
  }
  Objects(const Objects&) = delete;
  Objects& operator=(const Objects&) = delete;

  PyObject** data() { return objects_.data(); }
  /// Hands one reference over.
  PyObject* Take(int64_t index) {
    PyObject* object = objects_[static_cast<size_t>(index)];
    objects_[static_cast<size_t>(index)] = nullptr;
    return object;
  }

 private:
  std::vector<PyObject*> objects_;
};

/// Reads one column, array by array. All of it under the interpreter lock.
class ValueReader {
 public:
  virtual ~ValueReader() = default;

  /// Looks at `array` from now on: validated data of the reader's schema (borrowed until the next
  /// call).
  virtual void Bind(const ArrowArray& array) = 0;

  /// Writes new references to the values of rows begin … begin + count - 1 to `out`, whose entries
  /// are null before. Rows count from the array's offset.
  ///
  /// \throws nb::python_error; some of `out` is written then.
  virtual void Read(int64_t begin, int64_t count, PyObject** out) = 0;
};

/// The reader for a column of `schema` (validated; borrowed by the reader). `sql_type`, as
/// ResultColumn::type spells it, tells what Arrow does not: UUID, HUGEINT, UHUGEINT, BIT,
/// BIGNUM and TIME WITH TIME ZONE, also inside other types. A text that does not fit the schema is
/// no hint.
///
/// | SQL | Python |
/// | --- | --- |
/// | NULL | None |
/// | BOOLEAN, integers, floats | bool, int, float |
/// | HUGEINT, UHUGEINT, BIGNUM | int |
/// | DECIMAL | decimal.Decimal with all digits |
/// | DATE, TIME, TIMESTAMP of any unit | datetime.date, time, datetime; fractions below 1 µs are
/// cut off | | TIMESTAMP WITH TIME ZONE | datetime.datetime in the session's zone | | INTERVAL,
/// durations | datetime.timedelta; a month is 30 days | | infinite dates and timestamps | the first
/// or last value of their type | | times outside Python's years 1 to 9999, and 24:00:00 | text | |
/// VARCHAR, ENUM, JSON, BIT | str | | BLOB | bytes | | UUID | uuid.UUID | | LIST; ARRAY; STRUCT;
/// unnamed STRUCT | list; tuple; dict; tuple | | MAP | dict, or {"key": [...], "value": [...]} if a
/// key cannot be hashed | | UNION | the value of its member |
///
/// \throws colonnade.errors.Unsupported for types that cannot be represented, and for TIME WITH
/// TIME ZONE, whose offset Arrow has no place for.
std::unique_ptr<ValueReader> MakeValueReader(const ArrowSchema& schema, std::string_view sql_type);

/// True if bit `index` of a validity bitmap is set, or there is no bitmap.
inline bool IsValid(const uint8_t* bitmap, int64_t index) {
  return bitmap == nullptr || ((bitmap[index / 8] >> (index % 8)) & 1) != 0;
}

}  // namespace colonnade::python
