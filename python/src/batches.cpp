#include "batches.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "arrow/owners.h"
#include "arrow/stream.h"
#include "arrow/validate.h"
#include "interop.h"
#include "numpy_export.h"

namespace colonnade::python {
namespace {

using Columns = std::vector<std::pair<std::string, std::string>>;

// Fills `*to` with a struct that looks like `from` and keeps `keeper`, whose part `from` is.
// Children and dictionaries are independent, as the C interface wants them. Works for schemas and
// arrays.
template <typename Struct>
void Share(const Struct& from, const std::shared_ptr<const void>& keeper, Struct* to) {
  struct Held {
    std::shared_ptr<const void> keeper;
    std::vector<Struct> children;
    std::vector<Struct*> pointers;
    Struct dictionary{};
  };
  auto held = std::make_unique<Held>();
  held->keeper = keeper;
  held->children.resize(static_cast<size_t>(from.n_children));
  for (size_t i = 0; i < held->children.size(); ++i) {
    Share(*from.children[i], keeper, &held->children[i]);
    held->pointers.push_back(&held->children[i]);
  }
  if (from.dictionary != nullptr) Share(*from.dictionary, keeper, &held->dictionary);

  *to = from;
  to->children = held->pointers.data();
  to->dictionary = from.dictionary != nullptr ? &held->dictionary : nullptr;
  to->private_data = held.release();
  to->release = [](Struct* self) {
    auto* mine = static_cast<Held*>(self->private_data);
    for (Struct* child : mine->pointers) {
      if (child->release != nullptr) child->release(child);
    }
    if (mine->dictionary.release != nullptr) mine->dictionary.release(&mine->dictionary);
    delete mine;
    self->release = nullptr;
  };
}

template <typename Owner>
Owner ShareOf(const std::shared_ptr<const Owner>& shared) {
  Owner copy;
  Share(*shared->get(), shared, copy.out());
  return copy;
}

using SharedSchema = std::shared_ptr<const arrow::Schema>;
using SharedArray = std::shared_ptr<const arrow::Array>;

// The reader has the schema for itself, and is dropped with it.
struct OpenStream {
  arrow::StreamReader reader;
  SharedSchema schema;
};

Result<OpenStream> OpenReader(arrow::ArrayStream stream) {
  if (stream.empty()) return InvalidState("the stream has been read before");
  arrow::Schema schema;
  if (stream->get_schema(stream.get(), schema.out()) != 0) *schema.out() = ArrowSchema{};
  COLONNADE_ASSIGN_OR_RETURN(auto reader, arrow::StreamReader::Open(std::move(stream)));
  if (schema.empty()) return InvalidState("the stream gave no schema");
  return OpenStream{std::move(reader), std::make_shared<const arrow::Schema>(std::move(schema))};
}

class PyRecordBatch {
 public:
  PyRecordBatch(SharedSchema schema, SharedArray array)
      : schema_(std::move(schema)), array_(std::move(array)) {}

  nb::object Schema() const { return MakeCapsule(ShareOf(schema_)); }
  // The data has one representation, which the protocol lets us keep to.
  nb::object Export(nb::handle) const {
    return nb::make_tuple(Schema(), MakeCapsule(ShareOf(array_)));
  }
  int64_t num_rows() const { return (*array_)->length; }
  int64_t num_columns() const { return (*schema_)->n_children; }

 private:
  SharedSchema schema_;
  SharedArray array_;
};

class PyBatchReader {
 public:
  explicit PyBatchReader(nb::handle capsule) {
    auto stream = ValueOrRaise(TakeStream(capsule));
    auto opened = [&] {
      GilRelease release;
      return OpenReader(std::move(stream));
    }();
    open_.emplace(ValueOrRaise(std::move(opened)));
  }
  ~PyBatchReader() {
    GilRelease release;  // ends a query that still runs
    open_.reset();
  }

  std::optional<PyRecordBatch> Next() {
    SharedSchema schema;
    auto next = [&]() -> Result<std::optional<arrow::Array>> {
      GilRelease release;
      const std::lock_guard lock(mutex_);
      if (!open_) return std::optional<arrow::Array>();
      schema = open_->schema;
      auto array = open_->reader.Next();
      if (array.ok() && !array->has_value()) open_.reset();
      return array;
    }();
    std::optional<arrow::Array> array = ValueOrRaise(std::move(next));
    if (!array) return std::nullopt;
    return PyRecordBatch(std::move(schema),
                         std::make_shared<const arrow::Array>(*std::move(array)));
  }

 private:
  std::mutex mutex_;
  std::optional<OpenStream> open_;
};

struct Kept {
  SharedSchema schema;
  std::vector<SharedArray> arrays;
  Columns columns;
  int64_t rows = 0;

  std::vector<std::string> types() const {
    std::vector<std::string> types;
    for (const auto& [name, type] : columns) types.push_back(type);
    return types;
  }
  std::vector<arrow::Array> Arrays() const {
    std::vector<arrow::Array> copies;
    for (const SharedArray& array : arrays) copies.push_back(ShareOf(array));
    return copies;
  }
};

class PyBatchResult {
 public:
  explicit PyBatchResult(std::shared_ptr<const Kept> kept)
      : kept_(std::move(kept)), reader_(*kept_->schema->get(), kept_->types()) {}

  const Columns& columns() const { return kept_->columns; }
  nb::object Schema() const { return MakeCapsule(ShareOf(kept_->schema)); }
  // In the batches that there are, whatever their size.
  nb::object Stream(uint64_t) const {
    return MakeCapsule(arrow::MakeStream(ShareOf(kept_->schema), kept_->Arrays()));
  }
  nb::list FetchRows(int64_t count) {
    nb::list rows;
    while (count > 0 && array_ < kept_->arrays.size()) {
      const ArrowArray& array = *kept_->arrays[array_]->get();
      const int64_t take = std::min(count, array.length - row_);
      reader_.Append(array, row_, take, &rows);
      row_ += take;
      count -= take;
      if (row_ == array.length) {
        ++array_;
        row_ = 0;
      }
    }
    return rows;
  }
  nb::dict ToNumpy(bool text_as_streams) const {
    return NumpyColumns(*kept_->schema->get(), kept_->Arrays(), kept_->types(),
                        {.writable = false, .text_as_streams = text_as_streams});
  }

 private:
  std::shared_ptr<const Kept> kept_;
  RowReader reader_;
  size_t array_ = 0;
  int64_t row_ = 0;
};

class PyBatches {
 public:
  PyBatches(nb::handle capsule, Columns columns) {
    auto stream = ValueOrRaise(TakeStream(capsule));
    auto kept = [&] {
      GilRelease release;
      return Read(std::move(stream), std::move(columns));
    }();
    kept_ = std::make_shared<const Kept>(ValueOrRaise(std::move(kept)));
  }

  int64_t num_rows() const { return kept_->rows; }
  std::unique_ptr<PyBatchResult> Open() const { return std::make_unique<PyBatchResult>(kept_); }

 private:
  static Result<Kept> Read(arrow::ArrayStream stream, Columns columns) {
    COLONNADE_ASSIGN_OR_RETURN(OpenStream open, OpenReader(std::move(stream)));
    Kept kept{open.schema, {}, std::move(columns)};
    for (;;) {
      COLONNADE_ASSIGN_OR_RETURN(std::optional<arrow::Array> array, open.reader.Next());
      if (!array) return kept;
      kept.rows += (*array)->length;
      kept.arrays.push_back(std::make_shared<const arrow::Array>(*std::move(array)));
    }
  }

  std::shared_ptr<const Kept> kept_;
};

nb::tuple FieldOf(const ArrowSchema& schema) {
  nb::list children;
  for (int64_t i = 0; i < schema.n_children; ++i) children.append(FieldOf(*schema.children[i]));
  nb::object dictionary = nb::none();
  if (schema.dictionary != nullptr) dictionary = FieldOf(*schema.dictionary);
  return nb::make_tuple(schema.name != nullptr ? schema.name : "", schema.format, children,
                        dictionary);
}

nb::object SchemaFields(nb::handle capsule) {
  const arrow::Schema schema = ValueOrRaise(TakeSchema(capsule));
  RaiseIfError(arrow::ValidateSchema(schema.get()));
  return FieldOf(*schema.get())[2];
}

}  // namespace

void BindBatches(nb::module_& module) {
  nb::class_<PyRecordBatch>(module, "RecordBatch",
                            "Rows in Arrow's form, for anything that takes __arrow_c_array__.")
      .def("__arrow_c_array__", &PyRecordBatch::Export, nb::arg("requested_schema") = nb::none())
      .def("__arrow_c_schema__", &PyRecordBatch::Schema)
      .def("__len__", &PyRecordBatch::num_rows)
      .def_prop_ro("num_rows", &PyRecordBatch::num_rows)
      .def_prop_ro("num_columns", &PyRecordBatch::num_columns);
  nb::class_<PyBatchReader>(module, "BatchReader", "Record batches of a stream, one by one.")
      .def(nb::init<nb::handle>(), nb::arg("stream"))
      .def("next", &PyBatchReader::Next);
  nb::class_<PyBatchResult>(module, "BatchResult", "Rows that are kept, read once more.")
      .def_prop_ro("columns", &PyBatchResult::columns)
      .def("schema", &PyBatchResult::Schema)
      .def("stream", &PyBatchResult::Stream, nb::arg("batch_rows") = 122'880)
      .def("fetch_rows", &PyBatchResult::FetchRows, nb::arg("count"))
      .def("to_numpy", &PyBatchResult::ToNumpy, nb::arg("text_as_streams") = false)
      .def("failure", [](const PyBatchResult&) { return nb::none(); });
  nb::class_<PyBatches>(module, "Batches", "The rows of a stream, kept to be read again.")
      .def(nb::init<nb::handle, Columns>(), nb::arg("stream"), nb::arg("columns"))
      .def_prop_ro("num_rows", &PyBatches::num_rows)
      .def("open", &PyBatches::Open);
  module.def("schema_fields", &SchemaFields, nb::arg("schema"));
}

}  // namespace colonnade::python
