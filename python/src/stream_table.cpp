#include "stream_table.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arrow/schema.h"
#include "arrow/stream.h"
#include "arrow/validate.h"
#include "base/quote.h"
#include "interop.h"
#include "table/stream_table.h"
#include "tables.h"

namespace colonnade::python {
namespace {

//===--------------------------------------------------------------------===//
// What was asked, as Python objects
//===--------------------------------------------------------------------===//

const char* NameOf(table::Scalar::Type type) {
  switch (type) {
    case table::Scalar::Type::kBool: return "bool";
    case table::Scalar::Type::kInteger: return "integer";
    case table::Scalar::Type::kDecimal: return "decimal";
    case table::Scalar::Type::kFloat: return "float";
    case table::Scalar::Type::kText: return "text";
    case table::Scalar::Type::kBinary: return "binary";
    case table::Scalar::Type::kDate: return "date";
    case table::Scalar::Type::kTime: return "time";
    case table::Scalar::Type::kTimestamp: return "timestamp";
    case table::Scalar::Type::kInstant: return "instant";
  }
  return "";
}

nb::object ToPython(const table::Scalar& scalar) {
  return std::visit(
      [&](const auto& value) -> nb::object {
        using Value = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<Value, std::string>) {
          if (scalar.type == table::Scalar::Type::kBinary)
            return nb::bytes(value.data(), value.size());
          return nb::str(value.data(), value.size());
        } else {
          return nb::cast(value);
        }
      },
      scalar.value);
}

nb::str ColumnName(const ArrowSchema& schema, size_t column) {
  const char* name = schema.children[column]->name;
  return nb::str(name != nullptr ? name : "");
}

// (name, operator, [(type, value), ...])
nb::object ToPython(const table::FilterTerm& term, const ArrowSchema& schema) {
  nb::list values;
  for (const table::Scalar& scalar : term.values)
    values.append(nb::make_tuple(NameOf(scalar.type), ToPython(scalar)));
  const std::string_view op = table::ToString(term.op);
  return nb::make_tuple(ColumnName(schema, term.column), nb::str(op.data(), op.size()), values);
}

nb::dict ToPython(const table::StreamRequest& request, const ArrowSchema& schema) {
  nb::list columns;
  for (const size_t column : request.columns) columns.append(ColumnName(schema, column));
  nb::list filters;
  for (const table::FilterTerm& term : request.filters) filters.append(ToPython(term, schema));
  nb::dict dict;
  dict["columns"] = columns;
  dict["filters"] = filters;
  dict["filter_sql"] =
      request.filter_sql.empty()
          ? nb::none()
          : nb::object(nb::str(request.filter_sql.data(), request.filter_sql.size()));
  dict["limit"] = request.limit ? nb::cast(*request.limit) : nb::none();
  return dict;
}

//===--------------------------------------------------------------------===//
// What came, as streams
//===--------------------------------------------------------------------===//

std::string TypeNameOf(nb::handle object) { return nb::type_name(object.type()).c_str(); }

// A stream that Python code may stand behind. It is released only while there is an interpreter.
struct ExitSafeStream {
  arrow::ArrayStream inner;

  static arrow::ArrayStream Make(arrow::ArrayStream inner) {
    arrow::ArrayStream outer;
    *outer.out() = {GetSchema, GetNext, GetLastError, Release,
                    new ExitSafeStream{std::move(inner)}};
    return outer;
  }

 private:
  static ArrowArrayStream* InnerOf(ArrowArrayStream* stream) {
    return static_cast<ExitSafeStream*>(stream->private_data)->inner.get();
  }
  static int GetSchema(ArrowArrayStream* stream, ArrowSchema* out) {
    ArrowArrayStream* inner = InnerOf(stream);
    return inner->get_schema(inner, out);
  }
  static int GetNext(ArrowArrayStream* stream, ArrowArray* out) {
    ArrowArrayStream* inner = InnerOf(stream);
    return inner->get_next(inner, out);
  }
  static const char* GetLastError(ArrowArrayStream* stream) {
    ArrowArrayStream* inner = InnerOf(stream);
    return inner->get_last_error != nullptr ? inner->get_last_error(inner) : nullptr;
  }
  static void Release(ArrowArrayStream* stream) {
    auto* self = static_cast<ExitSafeStream*>(stream->private_data);
    // Once Python has ended, what the stream holds of it is lost anyway.
    if (GilAcquire gil; gil.held()) delete self;
    stream->private_data = nullptr;
    stream->release = nullptr;
  }
};

bool Has(nb::handle object, const char* attribute) { return nb::hasattr(object, attribute); }

Result<arrow::ArrayStream> StreamOf(nb::handle object, const ArrowSchema& fallback);

// One record batch of an object with __arrow_c_array__.
struct SchemaAndBatch {
  arrow::Schema schema;
  arrow::Array batch;
};

Result<SchemaAndBatch> BatchOf(nb::handle object) {
  const nb::object pair = object.attr("__arrow_c_array__")();
  if (!nb::isinstance<nb::tuple>(pair) || nb::len(pair) != 2)
    return InvalidArgument(TypeNameOf(object), ".__arrow_c_array__() is no pair of capsules");
  SchemaAndBatch result;
  COLONNADE_ASSIGN_OR_RETURN(result.schema, TakeSchema(nb::object(pair[0])));
  COLONNADE_ASSIGN_OR_RETURN(result.batch, TakeArray(nb::object(pair[1])));
  COLONNADE_RETURN_IF_ERROR(arrow::ValidateSchema(result.schema.get()));
  if (std::string_view(result.schema->format) != "+s") {
    return InvalidData("a batch is an array of ", arrow::TypeName(*result.schema.get()),
                       ", not of structs");
  }
  return result;
}

// What is wrong with a batch's schema, given that it is another than that of the batches before.
Status OtherSchema(const ArrowSchema& first, const ArrowSchema& other, int64_t batch) {
  for (int64_t i = 0; i < first.n_children && i < other.n_children; ++i) {
    const ArrowSchema& left = *first.children[i];
    const ArrowSchema& right = *other.children[i];
    const std::string_view name = left.name != nullptr ? left.name : "";
    if (name != (right.name != nullptr ? right.name : "")) {
      return InvalidData("batch ", batch, ": column ", i, " is named ",
                         Quote(right.name != nullptr ? right.name : ""), " instead of ",
                         Quote(name));
    }
    if (arrow::SameType(left, right)) continue;
    return InvalidData("batch ", batch, ": column ", Quote(name), ": ", arrow::TypeName(right),
                       " instead of ", arrow::TypeName(left));
  }
  return InvalidData("batch ", batch, ": ", other.n_children, " columns instead of ",
                     first.n_children);
}

// The batches of a Python iterator: objects with __arrow_c_array__ or __arrow_c_stream__.
class IteratedBatches final : public arrow::BatchSource {
 public:
  // \pre the interpreter lock is held
  static Result<arrow::ArrayStream> Make(nb::handle iterable, const ArrowSchema& fallback) {
    auto batches = std::unique_ptr<IteratedBatches>(new IteratedBatches);
    // A reader knows its schema; of others, the first batch does.
    if (Has(iterable, "schema") && Has(iterable.attr("schema"), "__arrow_c_schema__")) {
      COLONNADE_ASSIGN_OR_RETURN(batches->schema_,
                                 TakeSchema(iterable.attr("schema").attr("__arrow_c_schema__")()));
    }
    COLONNADE_ASSIGN_OR_RETURN(batches->fallback_, arrow::CopySchema(fallback));
    batches->iterator_ = SharedObject(nb::object(nb::iter(iterable)));
    return arrow::MakeStream(std::move(batches));
  }

  Result<arrow::Schema> GetSchema() override {
    if (schema_.empty()) {
      COLONNADE_ASSIGN_OR_RETURN(first_, Pull());
      if (schema_.empty()) schema_ = std::move(fallback_);  // there is no batch
    }
    return arrow::CopySchema(*schema_.get());
  }

  Result<std::optional<arrow::Array>> Next() override {
    if (first_) return std::exchange(first_, std::nullopt);
    return Pull();
  }

 private:
  IteratedBatches() = default;

  Result<std::optional<arrow::Array>> Pull() {
    for (;;) {
      if (part_) {  // a batch that is a stream itself
        COLONNADE_ASSIGN_OR_RETURN(auto batch, part_->Next());
        if (batch) return batch;
        part_.reset();
      }
      if (ended_) return std::optional<arrow::Array>();
      GilAcquire gil;
      if (!gil.held()) return gil.status();
      try {
        nb::object item = nb::steal(PyIter_Next(iterator_.get().ptr()));
        if (!item.is_valid()) {
          if (PyErr_Occurred() != nullptr) throw nb::python_error();
          ended_ = true;
          iterator_ = SharedObject();
          continue;
        }
        const int64_t number = count_++;
        if (Has(item, "__arrow_c_array__")) {
          COLONNADE_ASSIGN_OR_RETURN(SchemaAndBatch part, BatchOf(item));
          COLONNADE_RETURN_IF_ERROR(CheckSchema(*part.schema.get(), number));
          return std::optional<arrow::Array>(std::move(part.batch));
        }
        if (!Has(item, "__arrow_c_stream__")) {
          return InvalidArgument("batch ", number, " is of type ", TypeNameOf(item),
                                 ", which has neither __arrow_c_array__ nor __arrow_c_stream__");
        }
        COLONNADE_ASSIGN_OR_RETURN(auto stream, TakeStream(item.attr("__arrow_c_stream__")()));
        Result<arrow::StreamReader> reader = [&] {
          GilRelease release;
          return arrow::StreamReader::Open(ExitSafeStream::Make(std::move(stream)));
        }();
        if (!reader.ok()) return std::move(reader).status();
        COLONNADE_RETURN_IF_ERROR(CheckSchema(*reader->schema(), number));
        part_.emplace(*std::move(reader));
      } catch (nb::python_error& error) {
        return StatusFromPython(error, "batch " + std::to_string(count_));
      } catch (const std::exception& error) {
        return InvalidArgument("batch ", count_, ": ", error.what());
      }
    }
  }

  // The first batch decides what the others have to be.
  Status CheckSchema(const ArrowSchema& schema, int64_t number) {
    if (schema_.empty()) {
      COLONNADE_ASSIGN_OR_RETURN(schema_, arrow::CopySchema(schema));
      return {};
    }
    return arrow::SameType(*schema_.get(), schema) ? Status()
                                                   : OtherSchema(*schema_.get(), schema, number);
  }

  SharedObject iterator_;
  arrow::Schema fallback_;
  arrow::Schema schema_;
  std::optional<arrow::Array> first_;
  std::optional<arrow::StreamReader> part_;
  int64_t count_ = 0;
  bool ended_ = false;
};

// pyarrow's readers over Python iterators keep the exception only when read from Python.
bool IsPyarrowReader(nb::handle object) {
  if (!Has(object, "read_next_batch")) return false;
  const std::string module = nb::str(object.type().attr("__module__")).c_str();
  return module == "pyarrow" || module.starts_with("pyarrow.");
}

// \pre the interpreter lock is held
Result<arrow::ArrayStream> StreamOf(nb::handle object, const ArrowSchema& fallback) {
  if (PyCapsule_CheckExact(object.ptr()) != 0) {
    COLONNADE_ASSIGN_OR_RETURN(auto stream, TakeStream(object));
    return ExitSafeStream::Make(std::move(stream));
  }
  if (IsPyarrowReader(object)) return IteratedBatches::Make(object, fallback);
  if (Has(object, "__arrow_c_stream__")) {
    COLONNADE_ASSIGN_OR_RETURN(auto stream, TakeStream(object.attr("__arrow_c_stream__")()));
    return ExitSafeStream::Make(std::move(stream));
  }
  if (Has(object, "__arrow_c_array__")) {
    COLONNADE_ASSIGN_OR_RETURN(SchemaAndBatch part, BatchOf(object));
    std::vector<arrow::Array> batches;
    batches.push_back(std::move(part.batch));
    return arrow::MakeStream(std::move(part.schema), std::move(batches));
  }
  if (Has(object, "__iter__") && !nb::isinstance<nb::str>(object) &&
      !nb::isinstance<nb::bytes>(object) && !nb::isinstance<nb::dict>(object)) {
    return IteratedBatches::Make(object, fallback);
  }
  return InvalidArgument("the factory returned an object of type ", TypeNameOf(object),
                         ", which has neither __arrow_c_stream__ nor __arrow_c_array__ and is no "
                         "iterator of objects that have");
}

//===--------------------------------------------------------------------===//
// The table
//===--------------------------------------------------------------------===//

class PythonStreamTable final : public table::StreamTable {
 public:
  PythonStreamTable(std::string name, arrow::Schema schema, SharedObject factory,
                    int64_t partitions, bool passes_arguments, bool one_shot,
                    std::optional<int64_t> row_count)
      : name_(std::move(name)),
        schema_(std::move(schema)),
        factory_(std::move(factory)),
        partitions_(partitions),
        passes_arguments_(passes_arguments),
        one_shot_(one_shot),
        row_count_(row_count) {}

  nb::handle SoleFactory() const { return factory_.is_sole() ? factory_.get() : nb::handle(); }

  const std::string& name() const override { return name_; }
  const ArrowSchema& schema() const override { return *schema_.get(); }
  int64_t partition_count() const override { return partitions_; }
  std::optional<int64_t> row_count() const override { return row_count_; }

  Result<table::OpenedStream> Open(int64_t partition,
                                   const table::StreamRequest& request) const override {
    if (one_shot_) {
      const std::lock_guard lock(mutex_);
      if (!opened_.insert(partition).second) {
        return InvalidState(
            "it is a reader, which an earlier query has consumed (a query that names it twice "
            "reads "
            "it twice); give a function that makes a new one each time it is called: "
            "stream_table(schema, lambda: make_reader())");
      }
    }
    GilAcquire gil;
    if (!gil.held()) return gil.status();
    try {
      const nb::object arguments =
          passes_arguments_ ? nb::object(ToPython(request, schema())) : nb::none();
      nb::object made = nb::borrow(factory_.get())(partition, arguments);
      table::OpenedStream opened;
      if (nb::isinstance<nb::tuple>(made) && nb::len(made) == 2) {
        opened.exact = nb::cast<std::vector<size_t>>(nb::object(made[1]));
        made = nb::object(made[0]);
      }
      COLONNADE_ASSIGN_OR_RETURN(const auto fallback,
                                 arrow::SelectColumns(schema(), request.columns));
      COLONNADE_ASSIGN_OR_RETURN(opened.stream, StreamOf(made, *fallback.get()));
      return opened;
    } catch (nb::python_error& error) {
      return StatusFromPython(error, "the factory");
    } catch (const std::exception& error) {
      return InvalidArgument("the factory returned something else than a stream: ", error.what());
    }
  }

 private:
  const std::string name_;
  const arrow::Schema schema_;
  const SharedObject factory_;
  const int64_t partitions_;
  const bool passes_arguments_;
  const bool one_shot_;
  const std::optional<int64_t> row_count_;
  mutable std::mutex mutex_;
  mutable std::set<int64_t> opened_;  // guarded by mutex_; of one-shot tables
};

PyTable MakeStreamTable(const std::string& name, nb::handle schema_capsule, nb::object factory,
                        int64_t partitions, bool passes_arguments, bool one_shot,
                        std::optional<int64_t> row_count) {
  arrow::Schema schema = ValueOrRaise(TakeSchema(schema_capsule));
  const std::string what = "table " + Quote(name);
  RaiseIfError(arrow::ValidateSchema(schema.get()).WithContext(what));
  if (std::string_view(schema->format) != "+s") {
    RaiseStatus(InvalidArgument(what, ": its schema is that of ", arrow::TypeName(*schema.get()),
                                ", a table's is a struct of columns"));
  }
  if (schema->n_children == 0) RaiseStatus(InvalidArgument(what, " has no columns"));
  if (partitions < 1) RaiseStatus(InvalidArgument(what, ": ", partitions, " partitions"));
  PyTable table;
  table.name = name;
  table.object.stream =
      std::make_shared<PythonStreamTable>(name, std::move(schema), SharedObject(std::move(factory)),
                                          partitions, passes_arguments, one_shot, row_count);
  return table;
}

nb::object PeekStream(nb::handle capsule) {
  arrow::ArrayStream stream = ValueOrRaise(TakeStream(capsule));
  arrow::Schema schema;
  const int error = [&] {
    GilRelease release;
    return stream->get_schema(stream.get(), schema.out());
  }();
  if (error != 0) {
    *schema.out() = ArrowSchema{};  // what it holds after a failure is not defined
    const char* text =
        stream->get_last_error != nullptr ? stream->get_last_error(stream.get()) : nullptr;
    RaiseStatus(InvalidData("the stream has no schema: ",
                            EscapeControls(text != nullptr ? text : "unknown error")));
  }
  return nb::make_tuple(MakeCapsule(std::move(schema)), MakeCapsule(std::move(stream)));
}

}  // namespace

nb::handle SoleFactory(const std::shared_ptr<const table::StreamTable>& table) {
  if (table.use_count() != 1) return {};
  const auto* made_here = dynamic_cast<const PythonStreamTable*>(table.get());
  return made_here != nullptr ? made_here->SoleFactory() : nb::handle();
}

void BindStreamTable(nb::module_& module) {
  module.def("stream_table", &MakeStreamTable, nb::arg("name"), nb::arg("schema"),
             nb::arg("factory"), nb::arg("partitions"), nb::arg("passes_arguments"),
             nb::arg("one_shot"), nb::arg("row_count") = nb::none(),
             "A table whose rows are streams that a factory makes when a query runs.");
  module.def("peek_stream", &PeekStream, nb::arg("capsule"),
             "The schema of a stream, and the stream.");
}

}  // namespace colonnade::python
