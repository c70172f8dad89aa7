#include "table/partition_reader.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>

#include "arrow/schema.h"
#include "base/quote.h"

namespace colonnade::table {
namespace {

std::string_view NameOf(const ArrowSchema& schema) {
  return schema.name != nullptr ? std::string_view(schema.name) : std::string_view();
}

std::string NamesOf(const ArrowSchema& schema, const std::vector<size_t>& columns) {
  constexpr size_t kMostNames = 20;
  std::string names;
  for (size_t i = 0; i < columns.size() && i < kMostNames; ++i) {
    names += (i == 0 ? "" : ", ") + EscapeControls(NameOf(*schema.children[columns[i]]), 60);
  }
  if (columns.size() > kMostNames) names += ", ...";
  return names.empty() ? "none" : names;
}

std::vector<size_t> AllColumns(const ArrowSchema& schema) {
  std::vector<size_t> columns(static_cast<size_t>(schema.n_children));
  std::iota(columns.begin(), columns.end(), size_t{0});
  return columns;
}

bool HasNames(const ArrowSchema& stream, const ArrowSchema& table,
              const std::vector<size_t>& columns) {
  if (stream.n_children != static_cast<int64_t>(columns.size())) return false;
  for (size_t i = 0; i < columns.size(); ++i) {
    if (NameOf(*stream.children[i]) != NameOf(*table.children[columns[i]])) return false;
  }
  return true;
}

// Where the requested columns are in the stream. The stream has them in their order, or all of the
// table's.
Result<std::vector<size_t>> FindColumns(const ArrowSchema& stream, const ArrowSchema& table,
                                        const std::vector<size_t>& requested) {
  const std::vector<size_t> all = AllColumns(table);
  const std::vector<size_t>* delivered = nullptr;
  if (HasNames(stream, table, requested)) {
    delivered = &requested;
  } else if (HasNames(stream, table, all)) {
    delivered = &all;
  } else {
    return InvalidData("the stream has the columns ", NamesOf(stream, AllColumns(stream)),
                       " instead of ", NamesOf(table, requested),
                       requested.size() < all.size() ? " (or all of the table's)" : "");
  }
  for (size_t i = 0; i < delivered->size(); ++i) {
    const ArrowSchema& announced = *table.children[(*delivered)[i]];
    if (arrow::SameType(*stream.children[i], announced)) continue;
    return InvalidData("column ", Quote(NameOf(announced)), ": the stream has ",
                       arrow::TypeName(*stream.children[i]), ", the table says ",
                       arrow::TypeName(announced));
  }
  if (delivered == &all) return requested;
  return AllColumns(stream);
}

// A batch of some columns of another one, whose buffers it shares.
struct ColumnsOfBatch {
  arrow::Array batch;
  std::vector<ArrowArray> columns;
  std::vector<ArrowArray*> children;
  const void* validity = nullptr;

  static void Release(ArrowArray* array) {
    delete static_cast<ColumnsOfBatch*>(array->private_data);
    array->private_data = nullptr;
    array->release = nullptr;
  }
};

// A column is released with the batch that it belongs to.
void ReleaseColumn(ArrowArray* array) { array->release = nullptr; }

arrow::Array TakeColumns(arrow::Array batch, const std::vector<size_t>& columns) {
  auto holder = std::make_unique<ColumnsOfBatch>();
  const ArrowArray& source = *batch.get();
  holder->columns.reserve(columns.size());
  for (const size_t column : columns) {
    ArrowArray part = *source.children[column];
    if (source.offset != 0 || part.length != source.length) {
      part.offset += source.offset;
      part.length = source.length;
      // Fewer rows have at most as many nulls; only "none" stays known.
      if (part.null_count > 0) part.null_count = -1;
    }
    part.release = ReleaseColumn;
    part.private_data = nullptr;
    holder->columns.push_back(part);
  }
  for (ArrowArray& part : holder->columns) holder->children.push_back(&part);

  arrow::Array taken;
  ArrowArray* out = taken.out();
  out->length = source.length;
  out->n_buffers = 1;
  out->buffers = &holder->validity;
  out->n_children = static_cast<int64_t>(holder->children.size());
  out->children = holder->children.data();
  holder->batch = std::move(batch);
  out->private_data = holder.release();
  out->release = ColumnsOfBatch::Release;
  return taken;
}

// A batch is a struct, and could have rows that are null as a whole. A table's rows are not.
bool HasNullRows(const ArrowArray& batch) {
  if (batch.null_count == 0 || batch.n_buffers == 0 || batch.buffers[0] == nullptr) return false;
  const auto* bits = static_cast<const uint8_t*>(batch.buffers[0]);
  for (int64_t row = batch.offset; row < batch.offset + batch.length; ++row) {
    if ((bits[row / 8] >> (row % 8) & 1) == 0) return true;
  }
  return false;
}

// The partitions of a table, one after the other.
class WholeTable final : public arrow::BatchSource {
 public:
  WholeTable(std::shared_ptr<const StreamTable> table, std::vector<size_t> columns)
      : table_(std::move(table)) {
    request_.columns = std::move(columns);
    request_.environment = {&NeverCancelled(), &UnlimitedMemory(), &counters_};
  }

  Result<arrow::Schema> GetSchema() override {
    return arrow::SelectColumns(table_->schema(), request_.columns);
  }

  Result<std::optional<arrow::Array>> Next() override {
    for (;;) {
      if (!reader_) {
        if (partition_ == table_->partition_count()) return std::optional<arrow::Array>();
        COLONNADE_ASSIGN_OR_RETURN(auto reader,
                                   PartitionReader::Open(*table_, partition_, request_));
        ++partition_;
        reader_.emplace(std::move(reader));
      }
      COLONNADE_ASSIGN_OR_RETURN(auto batch, reader_->Next());
      if (batch) return batch;
      reader_.reset();
    }
  }

 private:
  std::shared_ptr<const StreamTable> table_;
  array::ReadCounters counters_;
  StreamRequest request_;
  std::optional<PartitionReader> reader_;  // before what it borrows goes
  int64_t partition_ = 0;
};

}  // namespace

Result<PartitionReader> PartitionReader::Open(const StreamTable& table, int64_t partition,
                                              const StreamRequest& request) {
  std::string context = "table " + Quote(table.name());
  if (table.partition_count() > 1) context += ": partition " + std::to_string(partition);
  auto opened = table.Open(partition, request);
  if (!opened.ok()) return std::move(opened).status().WithContext(context);
  if (opened->stream.empty())
    return InvalidData(context, ": the stream has been released, or was read before");
  for (const size_t term : opened->exact) {
    if (term >= request.filters.size())
      return InvalidArgument(context, ": filter ", term, " of ", request.filters.size(),
                             " is said to be applied");
  }
  auto reader = arrow::StreamReader::Open(std::move(opened->stream));
  if (!reader.ok()) return std::move(reader).status().WithContext(context);
  auto columns = FindColumns(*reader->schema(), table.schema(), request.columns);
  if (!columns.ok()) return std::move(columns).status().WithContext(context);

  PartitionReader result(*std::move(reader), std::move(context));
  result.cancel_ = request.environment.cancel;
  result.columns_ = *std::move(columns);
  result.exact_ = std::move(opened->exact);
  return result;
}

Result<std::optional<arrow::Array>> PartitionReader::Next() {
  for (;;) {
    if (cancel_ != nullptr) COLONNADE_RETURN_IF_ERROR(cancel_->Check());
    auto batch = reader_.Next();
    if (!batch.ok()) return std::move(batch).status().WithContext(context_);
    if (!batch->has_value()) return std::optional<arrow::Array>();
    if ((**batch)->length == 0) continue;
    if (HasNullRows(*(*batch)->get()))
      return InvalidData(context_, ": a batch has rows that are null as a whole");
    return std::optional<arrow::Array>(TakeColumns(**std::move(batch), columns_));
  }
}

Result<arrow::ArrayStream> MakeArrayStream(std::shared_ptr<const StreamTable> table,
                                           std::vector<size_t> columns) {
  return arrow::MakeStream(std::make_unique<WholeTable>(std::move(table), std::move(columns)));
}

}  // namespace colonnade::table
