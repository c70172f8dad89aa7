#include "buffer_arrays.h"

#include <nanobind/stl/string.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "arrow/schema.h"
#include "arrow/validate.h"
#include "interop.h"

namespace colonnade::python {
namespace {

// What an array of ours holds: views of Python objects' memory, and other arrays.
struct BufferArray {
  std::vector<Py_buffer> views;
  std::vector<const void*> buffers;
  std::vector<arrow::Array> children;
  std::vector<ArrowArray*> child_pointers;
  arrow::Array dictionary;

  BufferArray() = default;
  BufferArray(const BufferArray&) = delete;
  BufferArray& operator=(const BufferArray&) = delete;
  ~BufferArray() {
    if (views.empty()) return;
    // Released on any thread. Once Python has ended the memory stays where it is.
    if (GilAcquire gil; gil.held()) {
      for (Py_buffer& view : views) PyBuffer_Release(&view);
    }
  }

  static void Release(ArrowArray* array) {
    delete static_cast<BufferArray*>(array->private_data);
    array->private_data = nullptr;
    array->release = nullptr;
  }

  // The array over what `held` holds.
  static arrow::Array Make(std::unique_ptr<BufferArray> held, int64_t length, int64_t null_count) {
    for (arrow::Array& child : held->children) held->child_pointers.push_back(child.get());
    arrow::Array array;
    ArrowArray* out = array.out();
    out->length = length;
    out->null_count = null_count;
    out->n_buffers = static_cast<int64_t>(held->buffers.size());
    out->buffers = held->buffers.data();
    out->n_children = static_cast<int64_t>(held->child_pointers.size());
    out->children = held->child_pointers.data();
    out->dictionary = held->dictionary.empty() ? nullptr : held->dictionary.get();
    out->private_data = held.release();
    out->release = Release;
    return array;
  }
};

// A capsule, or (null_count, buffers, dictionary, its length).
arrow::Array MakeColumn(nb::handle column, int64_t length) {
  if (PyCapsule_CheckExact(column.ptr()) != 0) return ValueOrRaise(TakeArray(column));
  const auto parts = nb::cast<nb::tuple>(column);
  const auto null_count = nb::cast<int64_t>(nb::object(parts[0]));
  auto held = std::make_unique<BufferArray>();
  const auto buffers = nb::cast<nb::list>(nb::object(parts[1]));
  held->views.reserve(nb::len(buffers));  // a view may not move: it may point into itself
  for (const nb::handle buffer : buffers) {
    if (buffer.is_none()) {
      held->buffers.push_back(nullptr);
      continue;
    }
    Py_buffer& view = held->views.emplace_back();
    if (PyObject_GetBuffer(buffer.ptr(), &view, PyBUF_SIMPLE) != 0) {
      held->views.pop_back();
      throw nb::python_error();
    }
    held->buffers.push_back(view.buf);
  }
  const nb::object dictionary(parts[2]);
  if (!dictionary.is_none())
    held->dictionary = MakeColumn(dictionary, nb::cast<int64_t>(nb::object(parts[3])));
  return BufferArray::Make(std::move(held), length, null_count);
}

nb::object BatchOfBuffers(int64_t length, const nb::list& columns) {
  auto held = std::make_unique<BufferArray>();
  held->buffers.push_back(nullptr);  // no row is null as a whole
  for (const nb::handle column : columns) held->children.push_back(MakeColumn(column, length));
  return MakeCapsule(BufferArray::Make(std::move(held), length, 0));
}

nb::object SchemaOfFormats(const nb::list& columns) {
  std::vector<arrow::FieldFormat> fields;
  std::vector<arrow::Schema> types;
  types.reserve(nb::len(columns));  // fields point to them
  for (const nb::handle column : columns) {
    const auto parts = nb::cast<nb::tuple>(column);
    arrow::FieldFormat& field = fields.emplace_back();
    field.name = nb::cast<std::string>(nb::object(parts[0]));
    if (nb::len(parts) == 2) {
      types.push_back(ValueOrRaise(TakeSchema(nb::object(parts[1]))));
      RaiseIfError(arrow::ValidateSchema(types.back().get()));
      field.type = types.back().get();
      continue;
    }
    field.format = nb::cast<std::string>(nb::object(parts[1]));
    field.dictionary = nb::cast<std::string>(nb::object(parts[2]));
    field.is_ordered = nb::cast<bool>(nb::object(parts[3]));
  }
  return MakeCapsule(ValueOrRaise(arrow::MakeSchema(fields)));
}

}  // namespace

void BindBufferArrays(nb::module_& module) {
  module.def(
      "schema_of_formats", &SchemaOfFormats, nb::arg("fields"),
      "The schema of columns: (name, format, dictionary format or \"\", ordered) or (name, type).");
  module.def("batch_of_buffers", &BatchOfBuffers, nb::arg("length"), nb::arg("columns"),
             "A record batch over the memory of objects with the buffer protocol.");
}

}  // namespace colonnade::python
