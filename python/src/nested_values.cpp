#include "nested_values.h"

#include <string_view>
#include <utility>

#include "array_reader.h"

namespace colonnade::python {
namespace {

class ListReader : public ArrayReader {
 public:
  ListReader(ListLayout layout, int64_t fixed_size, std::unique_ptr<ValueReader> items)
      : layout_(layout), fixed_size_(fixed_size), items_(std::move(items)) {}

  void Bind(const ArrowArray& array) override {
    ArrayReader::Bind(array);
    items_->Bind(*array.children[0]);
  }

  void Read(int64_t begin, int64_t count, PyObject** out) override {
    ForEach(begin, count, out, [&](int64_t row) {
      const auto [start, size] = Range(row);
      return layout_ == ListLayout::kFixed ? Container<PyTuple_New, PyTuple_SetItem>(start, size)
                                           : Container<PyList_New, PyList_SetItem>(start, size);
    });
  }

 protected:
  std::pair<int64_t, int64_t> Range(int64_t row) const {
    switch (layout_) {
      case ListLayout::kOffsets32: return Between(Buffer<int32_t>(1), row);
      case ListLayout::kOffsets64: return Between(Buffer<int64_t>(1), row);
      case ListLayout::kViews32: return {Buffer<int32_t>(1)[row], Buffer<int32_t>(2)[row]};
      case ListLayout::kViews64: return {Buffer<int64_t>(1)[row], Buffer<int64_t>(2)[row]};
      case ListLayout::kFixed: break;
    }
    return {row * fixed_size_, fixed_size_};
  }

 private:
  template <typename Offset>
  static std::pair<int64_t, int64_t> Between(const Offset* offsets, int64_t row) {
    return {offsets[row], offsets[row + 1] - offsets[row]};
  }
  template <PyObject* (*kNew)(Py_ssize_t), int (*kSet)(PyObject*, Py_ssize_t, PyObject*)>
  PyObject* Container(int64_t start, int64_t size) {
    Objects objects(size);
    items_->Read(start, size, objects.data());
    nb::object made = nb::steal(Checked(kNew(size)));
    for (int64_t i = 0; i < size; ++i) kSet(made.ptr(), i, objects.Take(i));
    return made.release().ptr();
  }

  ListLayout layout_;
  int64_t fixed_size_;
  std::unique_ptr<ValueReader> items_;
};

// A map is a list of structs of a key and a value.
class MapReader final : public ListReader {
 public:
  MapReader(std::unique_ptr<ValueReader> keys, std::unique_ptr<ValueReader> values)
      : ListReader(ListLayout::kOffsets32, 0, nullptr),
        keys_(std::move(keys)),
        values_(std::move(values)) {}

  void Bind(const ArrowArray& array) override {
    ArrayReader::Bind(array);
    const ArrowArray& entries = *array.children[0];
    entries_offset_ = entries.offset;
    keys_->Bind(*entries.children[0]);
    values_->Bind(*entries.children[1]);
  }

  void Read(int64_t begin, int64_t count, PyObject** out) override {
    ForEach(begin, count, out, [&](int64_t row) {
      const auto [start, size] = Range(row);
      Objects keys(size);
      Objects values(size);
      keys_->Read(entries_offset_ + start, size, keys.data());
      values_->Read(entries_offset_ + start, size, values.data());
      return Entries(keys, values, size);
    });
  }

 private:
  static PyObject* Entries(Objects& keys, Objects& values, int64_t size) {
    nb::object made = nb::steal(Checked(PyDict_New()));
    for (int64_t i = 0; i < size; ++i) {
      if (PyDict_SetItem(made.ptr(), keys.data()[i], values.data()[i]) == 0) continue;
      if (!PyErr_ExceptionMatches(PyExc_TypeError)) throw nb::python_error();
      PyErr_Clear();
      return Lists(keys, values, size);
    }
    return made.release().ptr();
  }
  static PyObject* Lists(Objects& keys, Objects& values, int64_t size) {
    nb::list all_keys;
    nb::list all_values;
    for (int64_t i = 0; i < size; ++i) {
      all_keys.append(nb::steal(keys.Take(i)));
      all_values.append(nb::steal(values.Take(i)));
    }
    nb::dict made;
    made["key"] = all_keys;
    made["value"] = all_values;
    return made.release().ptr();
  }

  std::unique_ptr<ValueReader> keys_;
  std::unique_ptr<ValueReader> values_;
  int64_t entries_offset_ = 0;
};

class StructReader final : public ArrayReader {
 public:
  StructReader(std::vector<nb::object> names, std::vector<std::unique_ptr<ValueReader>> fields)
      : names_(std::move(names)), fields_(std::move(fields)) {}

  void Bind(const ArrowArray& array) override {
    ArrayReader::Bind(array);
    for (size_t i = 0; i < fields_.size(); ++i) fields_[i]->Bind(*array.children[i]);
  }

  void Read(int64_t begin, int64_t count, PyObject** out) override {
    const auto width = static_cast<int64_t>(fields_.size());
    const int64_t first = array_->offset + begin;
    Objects values(width * count);  // field by field
    for (int64_t field = 0; field < width; ++field) {
      fields_[static_cast<size_t>(field)]->Read(first, count, values.data() + field * count);
    }
    ForEach(begin, count, out, [&](int64_t row) {
      const int64_t place = row - first;
      const bool named = !names_.empty();
      nb::object made = nb::steal(Checked(named ? PyDict_New() : PyTuple_New(width)));
      for (int64_t field = 0; field < width; ++field) {
        PyObject* value = values.Take(field * count + place);
        if (!named) {
          PyTuple_SetItem(made.ptr(), field, value);
          continue;
        }
        const nb::object held = nb::steal(value);
        const nb::object& name = names_[static_cast<size_t>(field)];
        if (PyDict_SetItem(made.ptr(), name.ptr(), value) != 0) throw nb::python_error();
      }
      return made.release().ptr();
    });
  }

 private:
  std::vector<nb::object> names_;  // empty if the fields have none
  std::vector<std::unique_ptr<ValueReader>> fields_;
};

class UnionReader final : public ArrayReader {
 public:
  UnionReader(bool dense, std::vector<int8_t> type_ids,
              std::vector<std::unique_ptr<ValueReader>> members)
      : dense_(dense), members_(std::move(members)) {
    for (size_t i = 0; i < type_ids.size(); ++i) member_of_[type_ids[i]] = i;
  }

  void Bind(const ArrowArray& array) override {
    array_ = &array;  // a union has no validity of its own
    for (size_t i = 0; i < members_.size(); ++i) members_[i]->Bind(*array.children[i]);
  }

  void Read(int64_t begin, int64_t count, PyObject** out) override {
    const auto* type_ids = Buffer<int8_t>(0);
    const auto* offsets = dense_ ? Buffer<int32_t>(1) : nullptr;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t row = array_->offset + begin + i;
      ValueReader& member = *members_[member_of_[type_ids[row]]];
      member.Read(dense_ ? offsets[row] : row, 1, out + i);
    }
  }

 private:
  bool dense_;
  size_t member_of_[128] = {};
  std::vector<std::unique_ptr<ValueReader>> members_;
};

// Indexes into values that are made objects once.
class DictionaryReader final : public ArrayReader {
 public:
  DictionaryReader(char index_format, std::unique_ptr<ValueReader> values)
      : index_format_(index_format), values_(std::move(values)) {}

  void Bind(const ArrowArray& array) override {
    ArrayReader::Bind(array);
    made_ = std::make_unique<Objects>(array.dictionary->length);
    values_->Bind(*array.dictionary);
  }

  void Read(int64_t begin, int64_t count, PyObject** out) override {
    ForEach(begin, count, out, [&](int64_t row) -> PyObject* {
      const int64_t index = Index(row);
      if (index < 0 || index >= array_->dictionary->length) {
        PyErr_Format(PyExc_ValueError, "dictionary index %lld of %lld values",
                     static_cast<long long>(index),
                     static_cast<long long>(array_->dictionary->length));
        return nullptr;
      }
      PyObject** place = made_->data() + index;
      if (*place == nullptr) values_->Read(index, 1, place);
      return Py_NewRef(*place);
    });
  }

 private:
  int64_t Index(int64_t row) const {
    switch (index_format_) {
      case 'c': return Buffer<int8_t>(1)[row];
      case 'C': return Buffer<uint8_t>(1)[row];
      case 's': return Buffer<int16_t>(1)[row];
      case 'S': return Buffer<uint16_t>(1)[row];
      case 'i': return Buffer<int32_t>(1)[row];
      case 'I': return Buffer<uint32_t>(1)[row];
      default: return Buffer<int64_t>(1)[row];
    }
  }

  char index_format_;
  std::unique_ptr<ValueReader> values_;
  std::unique_ptr<Objects> made_;
};

}  // namespace

std::unique_ptr<ValueReader> MakeListReader(ListLayout layout, int64_t fixed_size,
                                            std::unique_ptr<ValueReader> items) {
  return std::make_unique<ListReader>(layout, fixed_size, std::move(items));
}

std::unique_ptr<ValueReader> MakeMapReader(std::unique_ptr<ValueReader> keys,
                                           std::unique_ptr<ValueReader> values) {
  return std::make_unique<MapReader>(std::move(keys), std::move(values));
}

std::unique_ptr<ValueReader> MakeStructReader(std::vector<nb::object> names,
                                              std::vector<std::unique_ptr<ValueReader>> fields) {
  return std::make_unique<StructReader>(std::move(names), std::move(fields));
}

std::unique_ptr<ValueReader> MakeUnionReader(bool dense, const std::vector<int8_t>& type_ids,
                                             std::vector<std::unique_ptr<ValueReader>> members) {
  return std::make_unique<UnionReader>(dense, type_ids, std::move(members));
}

std::unique_ptr<ValueReader> MakeDictionaryReader(char index_format,
                                                  std::unique_ptr<ValueReader> values) {
  return std::make_unique<DictionaryReader>(index_format, std::move(values));
}

}  // namespace colonnade::python
