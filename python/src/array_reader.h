// What the readers of Arrow columns share. For arrow_values.cpp and the files beside it.

#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "arrow_values.h"
#include "interop.h"

namespace colonnade::python {

inline PyObject* Checked(PyObject* object) {
  if (object == nullptr) throw nb::python_error();
  return object;
}

inline PyObject* None() { return Py_NewRef(Py_None); }

inline nb::object Attribute(const char* module, const char* name) {
  return nb::module_::import_(module).attr(name);
}

inline PyObject* Text(std::string_view text) {
  return Checked(PyUnicode_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size())));
}

// Where an array's rows and validity are.
class ArrayReader : public ValueReader {
 public:
  void Bind(const ArrowArray& array) override {
    array_ = &array;
    validity_ = array.n_buffers > 0 ? static_cast<const uint8_t*>(array.buffers[0]) : nullptr;
  }

 protected:
  template <typename T>
  const T* Buffer(int64_t index) const {
    return static_cast<const T*>(array_->buffers[index]);
  }
  // Calls make(row), rows counted from the start of the buffers, for the rows that are not NULL.
  template <typename Make>
  void ForEach(int64_t begin, int64_t count, PyObject** out, Make&& make) const {
    const int64_t first = array_->offset + begin;
    for (int64_t i = 0; i < count; ++i) {
      out[i] = IsValid(validity_, first + i) ? Checked(make(first + i)) : None();
    }
  }

  const ArrowArray* array_ = nullptr;
  const uint8_t* validity_ = nullptr;
};

// Values of one C type, each made an object by `Convert`.
template <typename Stored, typename Convert>
class FixedReader final : public ArrayReader {
 public:
  explicit FixedReader(Convert convert) : convert_(std::move(convert)) {}
  void Read(int64_t begin, int64_t count, PyObject** out) override {
    const auto* bytes = Buffer<char>(1);
    ForEach(begin, count, out, [&](int64_t row) {
      Stored value;
      std::memcpy(&value, bytes + row * static_cast<int64_t>(sizeof(Stored)), sizeof(Stored));
      return convert_(value);
    });
  }

 private:
  Convert convert_;
};

template <typename Stored, typename Convert>
std::unique_ptr<ValueReader> Fixed(Convert convert) {
  return std::make_unique<FixedReader<Stored, Convert>>(std::move(convert));
}

[[noreturn]] inline void RaiseUnsupported(const ArrowSchema& schema) {
  RaiseStatus(Unsupported("column ", schema.name != nullptr ? schema.name : "", ": the Arrow type ",
                          schema.format, " has no Python value"));
}

}  // namespace colonnade::python
