#include "tables.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "arrow/stream.h"
#include "base/nearest_name.h"
#include "interop.h"
#include "session/zarr_source.h"
#include "stream_table.h"
#include "table/partition_reader.h"
#include "table/record_batch.h"
#include "table/stream_table.h"

namespace colonnade::python {
namespace {

using ColumnTuple = std::tuple<std::string, std::string, bool>;

std::vector<std::string> ColumnNames(const PyTable& table) {
  std::vector<std::string> names;
  if (table.object.source) {
    for (const table::Column& column : table.object.source->columns()) names.push_back(column.name);
    return names;
  }
  const ArrowSchema& schema = table.object.stream->schema();
  for (int64_t i = 0; i < schema.n_children; ++i) names.emplace_back(schema.children[i]->name);
  return names;
}

std::vector<ColumnTuple> Columns(const PyTable& table) {
  std::vector<ColumnTuple> columns;
  if (table.object.source) {
    for (const table::Column& column : table.object.source->columns())
      columns.emplace_back(column.name, std::string(array::ToString(column.type)), column.hidden);
    return columns;
  }
  const ArrowSchema& schema = table.object.stream->schema();
  for (int64_t i = 0; i < schema.n_children; ++i)
    columns.emplace_back(schema.children[i]->name, schema.children[i]->format, false);
  return columns;
}

// Positions of named columns; of all visible ones without names.
Result<std::vector<size_t>> Requested(const PyTable& table,
                                      const std::optional<std::vector<std::string>>& names) {
  std::vector<size_t> columns;
  const std::vector<std::string> all = ColumnNames(table);
  if (!names) {
    for (size_t i = 0; i < all.size(); ++i) {
      if (!table.object.source || !table.object.source->columns()[i].hidden) columns.push_back(i);
    }
    return columns;
  }
  for (const std::string& name : *names) {
    size_t i = 0;
    while (i < all.size() && all[i] != name) ++i;
    if (i == all.size()) {
      const std::string* nearest = NearestName(name, all);
      return NotFound(table.name, ": no column \"", name, "\"",
                      nearest != nullptr ? "; did you mean \"" + *nearest + "\"?" : "");
    }
    columns.push_back(i);
  }
  return columns;
}

// A scan outside any query, with what it borrows.
class TableBatches final : public arrow::BatchSource {
 public:
  static Result<arrow::ArrayStream> Open(std::shared_ptr<const table::TableSource> source,
                                         std::vector<size_t> columns) {
    auto batches = std::unique_ptr<TableBatches>(new TableBatches);
    table::Selection all;
    for (const table::Axis& axis : source->axes())
      all.push_back(table::AxisSelection::All(axis.length));
    const table::ScanEnvironment environment{&batches->cancel_, &UnlimitedMemory(),
                                             &batches->counters_};
    COLONNADE_ASSIGN_OR_RETURN(
        auto stream,
        table::MakeArrayStream(std::move(source), std::move(columns), std::move(all), environment));
    COLONNADE_ASSIGN_OR_RETURN(auto reader, arrow::StreamReader::Open(std::move(stream)));
    batches->reader_.emplace(std::move(reader));
    return arrow::MakeStream(std::move(batches));
  }

  Result<arrow::Schema> GetSchema() override { return arrow::CopySchema(*reader_->schema()); }
  Result<std::optional<arrow::Array>> Next() override { return reader_->Next(); }

 private:
  TableBatches() = default;

  CancelFlag cancel_;
  array::ReadCounters counters_;
  std::optional<arrow::StreamReader> reader_;  // before what it borrows goes
};

Result<arrow::Schema> SchemaOf(const PyTable& table) {
  if (table.object.stream) return arrow::CopySchema(table.object.stream->schema());
  COLONNADE_ASSIGN_OR_RETURN(const auto columns, Requested(table, std::nullopt));
  return table::MakeSchema(*table.object.source, columns);
}

Result<arrow::ArrayStream> StreamOf(const PyTable& table,
                                    const std::optional<std::vector<std::string>>& names) {
  COLONNADE_ASSIGN_OR_RETURN(auto columns, Requested(table, names));
  if (table.object.stream) return table::MakeArrayStream(table.object.stream, std::move(columns));
  return TableBatches::Open(table.object.source, std::move(columns));
}

std::optional<int64_t> RowCount(const PyTable& table) {
  if (table.object.stream) return table.object.stream->row_count();
  int64_t rows = 1;
  for (const table::Axis& axis : table.object.source->axes()) rows *= axis.length;
  return rows;
}

engine::OptionValue ToOption(const std::string& name, nb::handle value) {
  if (nb::isinstance<nb::bool_>(value)) return nb::cast<bool>(value);
  if (nb::isinstance<nb::int_>(value)) return nb::cast<int64_t>(value);
  if (nb::isinstance<nb::str>(value)) return nb::cast<std::string>(value);
  RaiseStatus(InvalidArgument("option ", name, ": a text, a number or a bool is needed, not ",
                              nb::type_name(value.type()).c_str()));
}

using ZarrTable = std::tuple<std::string, std::string, std::vector<std::string>, PyTable>;

Result<std::vector<ZarrTable>> OpenZarr(const engine::SourceArguments& arguments) {
  COLONNADE_ASSIGN_OR_RETURN(const auto catalog, session::OpenZarrCatalog(arguments));
  std::vector<ZarrTable> tables;
  COLONNADE_ASSIGN_OR_RETURN(const auto schemas, catalog->ListSchemas());
  for (const std::string& schema : schemas) {
    COLONNADE_ASSIGN_OR_RETURN(const auto names, catalog->ListTables(schema));
    for (const std::string& name : names) {
      COLONNADE_ASSIGN_OR_RETURN(auto source, catalog->Open(schema, name));
      std::vector<std::string> dims;
      for (const table::Axis& axis : source->axes()) dims.push_back(axis.name);
      tables.emplace_back(schema, name, std::move(dims),
                          PyTable{source->name(), {std::move(source), nullptr}});
    }
  }
  return tables;
}

std::vector<ZarrTable> ZarrTables(const std::string& uri, const nb::dict& options) {
  engine::SourceArguments arguments{uri, {}};
  const std::vector<engine::SourceOption> declared = session::ZarrStoreOptions();
  std::vector<std::string> names;
  for (const engine::SourceOption& option : declared) names.push_back(option.name);
  for (const auto& [key, value] : options) {
    const auto name = nb::cast<std::string>(key);
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      const std::string* nearest = NearestName(name, names);
      RaiseStatus(
          InvalidArgument("no option \"", name, "\"",
                          nearest != nullptr ? "; did you mean \"" + *nearest + "\"?" : ""));
    }
    arguments.options.emplace(name, ToOption(name, value));
  }
  auto tables = [&] {
    GilRelease release;
    return OpenZarr(arguments);
  }();
  return ValueOrRaise(std::move(tables));
}

// A factory may hold the table that it is of, through its closure or its module.
int Traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  if (!nb::inst_ready(self)) return 0;
  Py_VISIT(SoleFactory(nb::inst_ptr<PyTable>(self)->object.stream).ptr());
  return 0;
}

int Clear(PyObject* self) {
  nb::inst_ptr<PyTable>(self)->object = {};
  return 0;
}

PyType_Slot kTableSlots[] = {{Py_tp_traverse, reinterpret_cast<void*>(Traverse)},
                             {Py_tp_clear, reinterpret_cast<void*>(Clear)},
                             {0, nullptr}};

}  // namespace

void BindTable(nb::module_& module) {
  nb::class_<PyTable>(module, "Table", nb::type_slots(kTableSlots),
                      "A table of rows, read when asked for. Thread-safe.")
      .def_ro("name", &PyTable::name)
      .def_prop_ro("columns", &Columns, "(name, type, hidden) of every column.")
      .def_prop_ro("row_count", &RowCount, "Number of rows, or None if it is not known.")
      .def("schema",
           [](const PyTable& table) { return MakeCapsule(ValueOrRaise(SchemaOf(table))); })
      .def(
          "stream",
          [](const PyTable& table, const std::optional<std::vector<std::string>>& columns) {
            Result<arrow::ArrayStream> stream = [&] {
              GilRelease release;
              return StreamOf(table, columns);
            }();
            return MakeCapsule(ValueOrRaise(std::move(stream)));
          },
          nb::arg("columns") = nb::none(),
          "A stream of the visible columns, or of the named ones, outside any session.");
  module.def("zarr_tables", &ZarrTables, nb::arg("uri"), nb::arg("options"),
             "(schema, name, dims, Table) of every table of a Zarr store.");
}

}  // namespace colonnade::python
