#include "dataset.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_set>
#include <utility>
#include <vector>

#include "array/chunk_cache.h"
#include "array/chunk_grid.h"
#include "array/chunk_reader.h"
#include "array/codec.h"
#include "base/checked.h"
#include "base/json.h"
#include "base/quote.h"
#include "interop.h"
#include "table/grid.h"
#include "tables.h"
#include "zarr/data_type.h"

namespace colonnade::python {
namespace {

using array::ArrayView;
using array::Box;
using array::ElementKind;
using array::ElementType;
using array::ReadContext;
using array::Shape;

// Stands for a missing element of object arrays. No text is equal to it: it is not UTF-8.
constexpr std::string_view kMissingText = "\xFF";

// "[0:12, 5:6]"
std::string BoxToString(const Box& box) {
  std::string text = "[";
  for (const array::Interval& interval : box) {
    if (text.size() > 1) text += ", ";
    text += std::to_string(interval.begin) + ":" + std::to_string(interval.end);
  }
  return text + "]";
}

Shape ShapeOf(const Box& box) {
  Shape shape;
  for (const array::Interval& interval : box) shape.push_back(interval.size());
  return shape;
}

// The format letter of the buffer protocol (PEP 3118) that elements of a type have. Times are
// handed over as integers: numpy gives out no buffer of them.
char FormatOf(ElementKind kind) {
  switch (kind) {
    case ElementKind::kBool: return '?';
    case ElementKind::kInt8:
    case ElementKind::kInt16:
    case ElementKind::kInt32:
    case ElementKind::kInt64:
    case ElementKind::kDatetime64:
    case ElementKind::kTimedelta64: return 'i';
    case ElementKind::kUInt8:
    case ElementKind::kUInt16:
    case ElementKind::kUInt32:
    case ElementKind::kUInt64: return 'u';
    case ElementKind::kFloat16:
    case ElementKind::kFloat32:
    case ElementKind::kFloat64: return 'f';
    case ElementKind::kFixedBytes: return 's';
    case ElementKind::kFixedUtf32: return 'w';
    case ElementKind::kString: return 'O';
  }
  return 0;
}

// A format of the buffer protocol as one of the letters above; 0 for all others.
char KindOfFormat(std::string_view format) {
  while (!format.empty() && (format[0] == '@' || format[0] == '=' ||
                             (format[0] == '<' && std::endian::native == std::endian::little))) {
    format.remove_prefix(1);
  }
  while (format.size() > 1 && format[0] >= '0' && format[0] <= '9') format.remove_prefix(1);
  if (format.size() != 1) return 0;
  if (std::string_view("bhilqn").find(format[0]) != std::string_view::npos) return 'i';
  if (std::string_view("BHILQN").find(format[0]) != std::string_view::npos) return 'u';
  if (std::string_view("efd").find(format[0]) != std::string_view::npos) return 'f';
  return std::string_view("?swO").find(format[0]) != std::string_view::npos ? format[0] : '\0';
}

// Bytes of one element as Python hands it over.
int64_t SizeOf(const ElementType& type) {
  return type.kind == ElementKind::kString ? int64_t{sizeof(PyObject*)} : type.size;
}

// Elements that Python handed over. The memory belongs to the numpy array, which `array` keeps.
struct NumpyElements {
  const std::byte* data = nullptr;
  std::vector<int64_t> strides;
  SharedObject array;
};

// Looks at a numpy array of the expected type and shape. \pre the interpreter lock is held
Result<NumpyElements> Inspect(nb::object object, const ElementType& type, const Shape& shape) {
  Py_buffer buffer;
  if (PyObject_GetBuffer(object.ptr(), &buffer, PyBUF_STRIDED_RO | PyBUF_FORMAT) != 0) {
    nb::python_error error;
    return StatusFromPython(error, "the elements are no numpy array that gives out its memory");
  }
  const std::string format = buffer.format != nullptr ? buffer.format : "B";
  Shape actual;
  NumpyElements elements;
  for (int d = 0; d < buffer.ndim; ++d) {
    actual.push_back(buffer.shape[d]);
    elements.strides.push_back(buffer.strides[d]);
  }
  elements.data = static_cast<const std::byte*>(buffer.buf);
  const int64_t item = buffer.itemsize;
  // The array itself keeps the memory from here on; giving the buffer back would need the lock.
  PyBuffer_Release(&buffer);
  const int64_t size = SizeOf(type);
  if (actual != shape || item != size || KindOfFormat(format) != FormatOf(type.kind)) {
    return InvalidData("expected ", ToString(type), " of shape ", array::ShapeToString(shape),
                       "; got elements of format ", Quote(format), " and ", item,
                       " bytes of shape ", array::ShapeToString(actual));
  }
  elements.array = SharedObject(std::move(object));
  return elements;
}

// True if the elements lie one after the other in C order.
bool IsDense(const NumpyElements& elements, const Shape& shape, const ElementType& type) {
  const std::vector<int64_t> dense = array::DenseStrides(shape, SizeOf(type));
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] > 1 && elements.strides[d] != dense[d]) return false;
  }
  return true;
}

// What a view of a numpy array keeps.
struct BlockOwner {
  explicit BlockOwner(MemoryReservation memory) : reservation(std::move(memory)) {}
  MemoryReservation reservation;
  SharedObject array;
};

// True for the objects that stand for "no text": None, NaN, and pandas' NA and NaT by name.
bool IsMissing(PyObject* object) {
  if (object == nullptr || object == Py_None) return true;
  if (PyFloat_Check(object)) return std::isnan(PyFloat_AS_DOUBLE(object));
  const std::string type = nb::type_name(nb::handle(object).type()).c_str();
  return type.ends_with("NAType") || type.ends_with("NaTType");
}

// "[3, 0]": the position of element `i` of a box, in the variable.
std::string PositionInBox(const Box& box, int64_t i) {
  Shape position(box.size());
  for (size_t d = box.size(); d-- > 0;) {
    position[d] = box[d].begin + i % box[d].size();
    i /= box[d].size();
  }
  return array::ShapeToString(position);
}

// Text of `count` objects in C order. \pre the interpreter lock is held
Status CopyTexts(PyObject* const* objects, int64_t count, const Box& box,
                 array::ChunkElements* out) {
  COLONNADE_RETURN_IF_ERROR(
      out->elements.Resize(static_cast<size_t>(count) * sizeof(std::string_view)));
  auto* texts = reinterpret_cast<std::string_view*>(out->elements.data());
  size_t bytes = 0;
  for (int64_t i = 0; i < count; ++i) {
    PyObject* object = objects[i];
    texts[i] = kMissingText;
    if (PyUnicode_Check(object)) {
      Py_ssize_t size = 0;
      const char* text = PyUnicode_AsUTF8AndSize(object, &size);
      if (text == nullptr) {
        nb::python_error error;
        return StatusFromPython(error, "element " + PositionInBox(box, i));
      }
      texts[i] = std::string_view(text, static_cast<size_t>(size));
      bytes += texts[i].size();
    } else if (!IsMissing(object)) {
      return InvalidData("element ", PositionInBox(box, i), " is of type ",
                         nb::type_name(nb::handle(object).type()).c_str(),
                         ", not text: a column of objects holds text or nothing");
    }
  }
  COLONNADE_RETURN_IF_ERROR(out->text.Resize(bytes));
  auto* end = reinterpret_cast<char*>(out->text.data());
  for (int64_t i = 0; i < count; ++i) {
    if (texts[i].data() == kMissingText.data() || texts[i].empty()) continue;
    std::copy(texts[i].begin(), texts[i].end(), end);
    texts[i] = std::string_view(end, texts[i].size());
    end += texts[i].size();
  }
  return {};
}

// One variable: where its elements come from.
struct Source {
  array::ChunkGrid grid;
  std::optional<NumpyElements> memory;
  SharedObject read;  // unless in memory
  bool whole_blocks = false;
};

class PythonDataset final : public array::Dataset {
 public:
  PythonDataset(std::string name, Json attributes, std::vector<std::string> notes)
      : name_(std::move(name)), attributes_(std::move(attributes)), notes_(std::move(notes)) {}

  /// \pre the interpreter lock is held
  Status Add(nb::handle description);

  const std::string& name() const override { return name_; }
  const std::vector<array::Variable>& variables() const override { return variables_; }
  const Json& attributes() const override { return attributes_; }
  const std::vector<std::string>& notes() const override { return notes_; }

  Result<ArrayView> Read(size_t variable, const Box& box, bool keep_chunks,
                         ReadContext& context) const override {
    if (variable >= variables_.size()) {
      return InvalidArgument("variable number ", variable, " of ", variables_.size());
    }
    Result<ArrayView> view = ReadVariable(variable, box, keep_chunks, context);
    if (view.ok()) return view;
    return std::move(view).status().WithContext("variable \"" +
                                                EscapeControls(variables_[variable].name) + "\"");
  }

 private:
  class Fetcher;

  Result<ArrayView> ReadVariable(size_t variable, const Box& box, bool keep_chunks,
                                 ReadContext& context) const;
  Result<ArrayView> FromMemory(size_t variable, const Box& box, ReadContext& context) const;
  // Calls Python for the box.
  Result<ArrayView> FromPython(size_t variable, const Box& box, ReadContext& context) const;
  // A whole chunk through the context's cache.
  Result<ArrayView> FromCache(size_t variable, std::span<const int64_t> index,
                              ReadContext& context) const;
  Result<MemoryReservation> Reserve(size_t variable, const Box& box, ReadContext& context) const;
  Result<NumpyElements> Call(size_t variable, const Box& box) const;
  uint64_t ChunksIn(size_t variable, const Box& box) const;

  const uint64_t id_ = array::NewDatasetId();
  std::string name_;
  Json attributes_;
  std::vector<std::string> notes_;
  std::unordered_set<std::string> names_;
  std::vector<array::Variable> variables_;
  std::vector<Source> sources_;  // one per variable
};

class PythonDataset::Fetcher final : public array::ChunkFetcher {
 public:
  Fetcher(const PythonDataset& dataset, size_t variable) : dataset_(dataset), variable_(variable) {}
  Result<ArrayView> Fetch(std::span<const int64_t> index, ReadContext& context) override {
    return dataset_.FromCache(variable_, index, context);
  }

 private:
  const PythonDataset& dataset_;
  size_t variable_;
};

Result<ArrayView> PythonDataset::ReadVariable(size_t variable, const Box& box, bool keep_chunks,
                                              ReadContext& context) const {
  COLONNADE_RETURN_IF_ERROR(variables_[variable].unavailable);
  const Source& source = sources_[variable];
  COLONNADE_RETURN_IF_ERROR(source.grid.CheckBox(box));
  COLONNADE_RETURN_IF_ERROR(context.cancel().Check());
  const bool is_empty = array::ElementCount(box) == 0;
  if (source.memory && !is_empty) return FromMemory(variable, box, context);
  if (is_empty || (keep_chunks && context.cache() != nullptr)) {
    Fetcher fetcher(*this, variable);
    return array::ReadBox(source.grid, variables_[variable].type, box, fetcher, context);
  }
  return FromPython(variable, box, context);
}

Result<ArrayView> PythonDataset::FromMemory(size_t variable, const Box& box,
                                            ReadContext& context) const {
  const NumpyElements& memory = *sources_[variable].memory;
  ArrayView view;
  view.type = variables_[variable].type;
  view.data = memory.data;
  for (size_t d = 0; d < box.size(); ++d) view.data += box[d].begin * memory.strides[d];
  view.strides = memory.strides;
  view.owner = std::make_shared<SharedObject>(memory.array);
  context.counters().chunks_read.fetch_add(ChunksIn(variable, box), std::memory_order_relaxed);
  return view;
}

Result<ArrayView> PythonDataset::FromPython(size_t variable, const Box& box,
                                            ReadContext& context) const {
  const ElementType& type = variables_[variable].type;
  COLONNADE_ASSIGN_OR_RETURN(MemoryReservation reservation, Reserve(variable, box, context));
  const uint64_t bytes = reservation.bytes();
  // Made before Python is called, so that nothing of Python has to be given back on failure.
  const auto owner = std::make_shared<BlockOwner>(std::move(reservation));
  ArrayView view;
  view.type = type;
  if (type.is_text()) {
    auto texts = std::make_shared<array::ChunkElements>(context.budget());
    COLONNADE_ASSIGN_OR_RETURN(const NumpyElements elements, Call(variable, box));
    const Shape shape = ShapeOf(box);
    const int64_t count = array::ElementCount(box);
    if (!IsDense(elements, shape, type)) {
      return InvalidData("box ", BoxToString(box), ": text is not in C order");
    }
    if (type.kind == ElementKind::kString) {
      GilAcquire gil;
      COLONNADE_RETURN_IF_ERROR(gil.status());
      COLONNADE_RETURN_IF_ERROR(
          CopyTexts(reinterpret_cast<PyObject* const*>(elements.data), count, box, texts.get()));
    } else {
      // As the bytes of a stored chunk, so that the rules are the same.
      const array::ChunkCodecs plain = {.endian = std::endian::native};
      const Bytes raw = {elements.data, static_cast<size_t>(count) * type.size};
      COLONNADE_RETURN_IF_ERROR(array::DecodeChunk(plain, type, shape, raw, array::CodecLimits{},
                                                   context.scratch().codecs, texts.get())
                                    .WithContext("box " + BoxToString(box)));
    }
    view.data = texts->elements.data();
    view.strides = array::DenseStrides(shape, type.memory_size());
    view.owner = std::move(texts);
  } else {
    COLONNADE_ASSIGN_OR_RETURN(NumpyElements elements, Call(variable, box));
    owner->array = std::move(elements.array);
    view.data = elements.data;
    view.strides = std::move(elements.strides);
    view.owner = owner;
  }
  context.counters().chunks_read.fetch_add(ChunksIn(variable, box), std::memory_order_relaxed);
  context.counters().bytes_read.fetch_add(bytes, std::memory_order_relaxed);
  context.counters().bytes_decoded.fetch_add(bytes, std::memory_order_relaxed);
  return view;
}

Result<ArrayView> PythonDataset::FromCache(size_t variable, std::span<const int64_t> index,
                                           ReadContext& context) const {
  const array::ChunkGrid& grid = sources_[variable].grid;
  const array::ChunkId id = {id_, variable, grid.LinearIndex(index)};
  if (std::optional<ArrayView> cached = context.cache()->Find(id)) {
    context.counters().cache_hits.fetch_add(1, std::memory_order_relaxed);
    return *std::move(cached);
  }
  Box box(grid.rank());
  for (size_t d = 0; d < box.size(); ++d) {
    const int64_t begin = index[d] * grid.chunk_shape()[d];
    box[d] = {begin, begin + std::min(grid.chunk_shape()[d], grid.shape()[d] - begin)};
  }
  COLONNADE_ASSIGN_OR_RETURN(ArrayView view, FromPython(variable, box, context));
  const int64_t bytes = array::ElementCount(box) * variables_[variable].type.memory_size();
  context.cache()->Insert(id, view, static_cast<size_t>(bytes));
  return view;
}

Result<MemoryReservation> PythonDataset::Reserve(size_t variable, const Box& box,
                                                 ReadContext& context) const {
  const ElementType& type = variables_[variable].type;
  const Source& source = sources_[variable];
  // Whatever part of a block is asked for, the whole of it is held.
  int64_t count = 1;
  for (size_t d = 0; d < box.size(); ++d) {
    int64_t extent = box[d].size();
    if (source.whole_blocks)
      extent = std::max(extent, std::min(source.grid.chunk_shape()[d], source.grid.shape()[d]));
    count *= extent;
  }
  const auto bytes = CheckedMultiply(count, SizeOf(type));
  if (!bytes) return LimitExceeded("a box of ", count, " elements is too large to hold");
  MemoryReservation reservation(context.budget());
  Status status = reservation.Resize(static_cast<size_t>(*bytes));
  if (status.code() == StatusCode::kLimitExceeded) {
    array::RelieveMemory(context);
    status = reservation.Resize(static_cast<size_t>(*bytes));
  }
  if (!status.ok()) return std::move(status).WithContext("box " + BoxToString(box));
  return reservation;
}

Result<NumpyElements> PythonDataset::Call(size_t variable, const Box& box) const {
  GilAcquire gil;
  COLONNADE_RETURN_IF_ERROR(gil.status());
  const std::string what = "box " + BoxToString(box);
  try {
    nb::list intervals;
    for (const array::Interval& interval : box)
      intervals.append(nb::make_tuple(interval.begin, interval.end));
    nb::object elements = sources_[variable].read.get()(nb::tuple(intervals));
    return Inspect(std::move(elements), variables_[variable].type, ShapeOf(box));
  } catch (nb::python_error& error) {
    return StatusFromPython(error, what);
  }
}

uint64_t PythonDataset::ChunksIn(size_t variable, const Box& box) const {
  const auto& bounds = variables_[variable].chunk_bounds;
  const Box chunks = sources_[variable].grid.ChunksCovering(box);
  uint64_t count = 1;
  for (size_t d = 0; d < box.size(); ++d) {
    if (d >= bounds.size() || bounds[d].empty()) {
      count *= static_cast<uint64_t>(chunks[d].size());
      continue;
    }
    const auto first = std::ranges::upper_bound(bounds[d], box[d].begin);
    const auto last = std::ranges::upper_bound(bounds[d], box[d].end - 1);
    count *= static_cast<uint64_t>(last - first + 1);
  }
  return count;
}

template <typename T>
T Field(nb::handle object, const char* name) {
  return nb::cast<T>(object.attr(name));
}

// Ascending from 0 to the length, with the largest chunk's extent in `chunk`.
Status CheckBounds(const std::vector<int64_t>& bounds, int64_t length, int64_t chunk) {
  if (bounds.empty()) return {};
  bool good = bounds.size() > 1 && bounds.front() == 0 && bounds.back() == length;
  int64_t largest = 0;
  for (size_t i = 1; good && i < bounds.size(); ++i) {
    good = bounds[i - 1] < bounds[i];
    largest = std::max(largest, bounds[i] - bounds[i - 1]);
  }
  if (good && largest == chunk) return {};
  return InvalidArgument("chunk bounds do not cut ", length, " into pieces of at most ", chunk);
}

Status PythonDataset::Add(nb::handle description) {
  array::Variable variable;
  Source source;
  variable.name = Field<std::string>(description, "name");
  const std::string context = "variable \"" + EscapeControls(variable.name) + "\"";
  if (!names_.insert(variable.name).second) return InvalidArgument(context, " occurs twice");
  variable.dims = Field<std::vector<std::string>>(description, "dims");
  variable.shape = Field<Shape>(description, "shape");
  variable.chunk_shape = Field<Shape>(description, "chunk_shape");
  variable.chunk_bounds = Field<std::vector<std::vector<int64_t>>>(description, "chunk_bounds");
  variable.is_coordinate = Field<std::optional<bool>>(description, "is_coordinate");
  variable.path = variable.name;
  variable.stored_type = Field<std::string>(description, "stored_type");
  Result<Json> attributes = ParseJson(Field<std::string>(description, "attributes"));
  if (!attributes.ok()) return std::move(attributes).status().WithContext(context);
  variable.attributes = *std::move(attributes);
  source.whole_blocks = Field<bool>(description, "whole_blocks");

  const std::string unavailable = Field<std::string>(description, "unavailable");
  const std::string dtype = Field<std::string>(description, "dtype");
  Result<zarr::V2DataType> type = InvalidArgument("");
  if (unavailable.empty()) type = zarr::ParseV2DataType(Json(dtype));
  if (!unavailable.empty()) {
    variable.unavailable = Unsupported(unavailable);
  } else if (!type.ok()) {
    variable.unavailable = std::move(type).status();
  } else {
    variable.type = type->object ? ElementType::Of(ElementKind::kString) : type->type;
    if (!dtype.starts_with('|') && type->endian != std::endian::native)
      return InvalidArgument(context, ": dtype ", Quote(dtype), " is not in host byte order");
    Result<array::ChunkGrid> grid = array::ChunkGrid::Create(variable.shape, variable.chunk_shape);
    if (!grid.ok()) return std::move(grid).status().WithContext(context);
    source.grid = *std::move(grid);
    if (variable.chunk_bounds.size() > variable.shape.size())
      return InvalidArgument(context, ": chunk bounds of more dimensions than the shape has");
    for (size_t d = 0; d < variable.chunk_bounds.size(); ++d) {
      COLONNADE_RETURN_IF_ERROR(
          CheckBounds(variable.chunk_bounds[d], variable.shape[d], variable.chunk_shape[d])
              .WithContext(context));
    }
    // As for a Zarr array: NaN is a label like any other on an axis.
    array::cf::DecodeOptions options;
    const bool labels_axis = variable.dims.size() == 1 && variable.dims[0] == variable.name;
    options.nan = labels_axis ? array::cf::NanPolicy::kKeep : array::cf::NanPolicy::kNull;
    variable.plan = array::cf::MakeDecodePlan(variable.type, variable.attributes, options);
    if (variable.type.kind == ElementKind::kString)
      variable.plan.text_sentinels.emplace_back(kMissingText);
    nb::object memory = description.attr("array");
    if (!memory.is_none() && !variable.type.is_text()) {
      Result<NumpyElements> elements = Inspect(std::move(memory), variable.type, variable.shape);
      if (!elements.ok()) return std::move(elements).status().WithContext(context);
      source.memory = *std::move(elements);
    } else {
      source.read = SharedObject(nb::borrow(description.attr("read")));
    }
  }
  variables_.push_back(std::move(variable));
  sources_.push_back(std::move(source));
  return {};
}

// [(name of the table, its dimensions, table)]
using TableTuple = std::tuple<std::string, std::vector<std::string>, PyTable>;

std::vector<TableTuple> DatasetTables(nb::handle description) {
  const auto dataset = ValueOrRaise(MakePythonDataset(description));
  const auto grids = ValueOrRaise(table::Grids::Create(dataset, table::GridOptions{}));
  std::vector<TableTuple> tables;
  for (size_t i = 0; i < grids->table_names().size(); ++i) {
    const std::string& name = grids->table_names()[i];
    tables.emplace_back(name, grids->dims(i), PyTable{name, {grids->table(i), nullptr}});
  }
  return tables;
}

}  // namespace

Result<std::shared_ptr<const array::Dataset>> MakePythonDataset(nb::handle description) {
  COLONNADE_ASSIGN_OR_RETURN(Json attributes,
                             ParseJson(Field<std::string>(description, "attributes")));
  auto dataset = std::make_shared<PythonDataset>(
      Field<std::string>(description, "name"), std::move(attributes),
      Field<std::vector<std::string>>(description, "notes"));
  for (nb::handle variable : description.attr("variables"))
    COLONNADE_RETURN_IF_ERROR(dataset->Add(variable).WithContext(dataset->name()));
  return std::shared_ptr<const array::Dataset>(std::move(dataset));
}

void BindDataset(nb::module_& module) {
  module.def("dataset_tables", &DatasetTables, nb::arg("description"),
             "The tables of a colonnade.xarray_source.DatasetDescription, as (name, dims, Table). "
             "Reads nothing.");
}

}  // namespace colonnade::python
