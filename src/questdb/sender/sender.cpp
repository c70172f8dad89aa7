#include "questdb/sender/sender.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "arrow/stream.h"
#include "arrow/validate.h"
#include "questdb/sender/frame_encoder.h"
#include "questdb/sender/frame_writer.h"
#include "questdb/wire/names.h"

namespace colonnade::questdb {
namespace {

using net::Deadline;

constexpr int64_t kBatchesPerCheckpoint = 64;
// What is sent before a checkpoint where frames are kept.
constexpr size_t kKeptBytesPerCheckpoint = size_t{32} << 20;
constexpr size_t kMaxColumns = 2'048;

Status CheckColumns(std::span<const wire::Column> columns, int64_t max_name_bytes) {
  if (columns.size() > kMaxColumns) {
    return InvalidArgument(columns.size(), " columns; a table has at most ", kMaxColumns);
  }
  std::vector<std::string_view> names;
  size_t timestamps = 0;
  for (const wire::Column& column : columns) {
    if (column.is_designated_timestamp()) {
      ++timestamps;
      continue;
    }
    COLONNADE_RETURN_IF_ERROR(wire::CheckColumnName(column.name));
    if (static_cast<int64_t>(column.name.size()) > max_name_bytes) {
      return InvalidArgument("column ", column.name, ": the name is longer than max_name_len, ",
                             max_name_bytes);
    }
    names.push_back(column.name);
  }
  if (timestamps > 1) return InvalidArgument("there are two designated timestamps");
  if (names.empty()) return InvalidArgument("there is no column beside the designated timestamp");
  return wire::CheckDistinct(names);
}

// Whether two columns' symbol codes refer to one dictionary in memory.
bool SameDictionary(const wire::Column& left, const wire::Column& right) {
  const auto* a = std::get_if<wire::SymbolValues>(&left.values);
  const auto* b = std::get_if<wire::SymbolValues>(&right.values);
  return a != nullptr && b != nullptr && a->dictionary_size == b->dictionary_size &&
         a->dictionary.layout == b->dictionary.layout &&
         a->dictionary.offsets == b->dictionary.offsets &&
         a->dictionary.data == b->dictionary.data &&
         a->dictionary.view_buffers == b->dictionary.view_buffers &&
         a->dictionary_validity.bits == b->dictionary_validity.bits &&
         a->dictionary_validity.offset == b->dictionary_validity.offset;
}

}  // namespace

class Sender::State {
 public:
  explicit State(std::shared_ptr<Connector> connector)
      : max_name_bytes_(connector->options().max_name_len),
        durable_(connector->options().request_durable_ack),
        writer(std::move(connector), dictionary_, encoder_) {}

  // Encodes and writes rows 0 .. rows. `maps` has an element per column.
  Status Flush(std::string_view table, std::span<const wire::Column> columns, int64_t rows,
               int64_t max_rows, std::span<wire::SymbolMap> maps, bool commit_last) {
    if (rows < 0) return InvalidArgument(rows, " rows");
    if (max_rows < 1 || max_rows > kMaxBlockRows) {
      return InvalidArgument("max_rows_per_batch is ", max_rows, ", not 1 to ", kMaxBlockRows);
    }
    COLONNADE_RETURN_IF_ERROR(wire::CheckTableName(table));
    if (static_cast<int64_t>(table.size()) > max_name_bytes_) {
      return InvalidArgument("table ", table, ": the name is longer than max_name_len, ",
                             max_name_bytes_);
    }
    COLONNADE_RETURN_IF_ERROR(CheckColumns(columns, max_name_bytes_));
    for (int64_t begin = 0; begin < rows;) {
      const wire::RowRange batch = {begin, std::min(rows, begin + max_rows)};
      COLONNADE_RETURN_IF_ERROR(
          FlushBatch(table, columns, batch, max_rows, maps, commit_last && batch.end == rows));
      begin = batch.end;
    }
    return {};
  }

  Status Commit(AckLevel level, Deadline deadline) {
    COLONNADE_RETURN_IF_ERROR(writer.failure());
    if (level == AckLevel::kDurable && !durable_) {
      return InvalidState(
          "durable acknowledgements were not asked for: set request_durable_ack=on");
    }
    if (writer.uncommitted_rows() > 0) {
      batches_since_commit_ = 0;
      COLONNADE_RETURN_IF_ERROR(writer.Write(encoder_.EncodeCommit(writer.NextKey()()), true));
    }
    COLONNADE_RETURN_IF_ERROR(writer.AwaitCommits(deadline));
    return level == AckLevel::kDurable ? writer.AwaitUploads(deadline) : Status();
  }

  // Ends a public call: an interrupt that the caller is told of is used up.
  Status Told(Status status) {
    if (status.code() == StatusCode::kCancelled) writer.ClearInterrupt();
    return status;
  }

 private:
  Status FlushBatch(std::string_view table, std::span<const wire::Column> columns,
                    wire::RowRange rows, int64_t max_rows, std::span<wire::SymbolMap> maps,
                    bool commit) {
    COLONNADE_RETURN_IF_ERROR(writer.Connect(Deadline::Never()));
    // Before the batch is encoded: what it adds to the dictionary must be sent or taken back.
    COLONNADE_RETURN_IF_ERROR(writer.MakeRoom());
    const auto encode = [&] {
      return encoder_.Encode(table, columns, rows, writer.frame_limit(), dictionary_, maps,
                             writer.NextKey());
    };
    auto frames = encode();
    if (frames.status().code() == StatusCode::kLimitExceeded && dictionary_.size() > 0) {
      // This connection has no ids left for what the batch needs; a new one has all of them.
      COLONNADE_RETURN_IF_ERROR(Commit(AckLevel::kOk, Deadline::After(kStallLimit)));
      writer.Disconnect();
      COLONNADE_RETURN_IF_ERROR(writer.Connect(Deadline::Never()));
      frames = encode();
    }
    if (!frames.ok()) return std::move(frames).status();

    ++batches_since_commit_;
    commit = commit || batches_since_commit_ >= kBatchesPerCheckpoint ||
             writer.uncommitted_rows() + rows.size() + max_rows > kMaxBlockRows ||
             writer.kept_bytes() >= kKeptBytesPerCheckpoint;
    if (commit) batches_since_commit_ = 0;
    for (size_t i = 0; i < frames->size(); ++i) {
      const bool commits = commit && i + 1 == frames->size();
      COLONNADE_RETURN_IF_ERROR(writer.Write(std::move((*frames)[i]), commits));
    }
    return {};
  }

  const int64_t max_name_bytes_;
  const bool durable_;
  wire::SymbolDictionary dictionary_;
  FrameEncoder encoder_;
  int64_t batches_since_commit_ = 0;

 public:
  FrameWriter writer;
  std::atomic<bool> in_use = false;
};

namespace {

// Notices a second thread.
class Usage {
 public:
  explicit Usage(std::atomic<bool>& in_use) : in_use_(in_use), entered_(!in_use.exchange(true)) {}
  ~Usage() {
    if (entered_) in_use_.store(false);
  }
  Usage(const Usage&) = delete;
  Usage& operator=(const Usage&) = delete;
  Status Check() const {
    if (entered_) return {};
    return InvalidState("the sender is in use by another thread");
  }

 private:
  std::atomic<bool>& in_use_;
  bool entered_;
};

// The timestamp of every row of a batch.
struct ConstantTimestamp {
  std::vector<int64_t> values;
  void AppendTo(int64_t nanoseconds, int64_t rows, std::vector<wire::Column>& columns) {
    values.assign(static_cast<size_t>(rows), nanoseconds);
    wire::Column column;
    column.type = wire::ColumnType::kTimestampNanos;
    column.values = wire::FixedValues{.values = values.data(), .element = wire::Element::kInt64};
    columns.push_back(std::move(column));
  }
};

Result<wire::ArrowPlan> MakePlan(const ArrowSchema& schema, const SendOptions& options) {
  if (options.timestamp.kind == DesignatedTimestamp::Kind::kValue &&
      options.timestamp.nanoseconds < 0) {
    return InvalidArgument("the designated timestamp is ", options.timestamp.nanoseconds,
                           " ns, before 1970");
  }
  wire::ArrowImportOptions import = options.import;
  import.timestamp_column = options.timestamp.column;
  return wire::ArrowPlan::Make(schema, import);
}

Result<std::vector<wire::Column>> ColumnsOf(const wire::ArrowPlan& plan, const ArrowArray& batch,
                                            const SendOptions& options,
                                            ConstantTimestamp& constant) {
  COLONNADE_ASSIGN_OR_RETURN(auto columns, plan.Columns(batch));
  if (options.timestamp.kind == DesignatedTimestamp::Kind::kValue) {
    constant.AppendTo(options.timestamp.nanoseconds, batch.length, columns);
  }
  return columns;
}

}  // namespace

Sender::Sender(std::shared_ptr<Connector> connector)
    : state_(std::make_unique<State>(std::move(connector))) {}
Sender::~Sender() = default;

void Sender::BeginLease(OnDoubt on_doubt) { state_->writer.BeginLease(on_doubt); }

Status Sender::Connect(net::Deadline deadline) {
  const Usage usage(state_->in_use);
  COLONNADE_RETURN_IF_ERROR(usage.Check());
  return state_->Told(state_->writer.Connect(deadline));
}

bool Sender::IsAlive() {
  const Usage usage(state_->in_use);
  return usage.Check().ok() && state_->writer.IsAlive();
}

Status Sender::Flush(std::string_view table, std::span<const wire::Column> columns, int64_t rows,
                     int64_t max_rows_per_batch) {
  const Usage usage(state_->in_use);
  COLONNADE_RETURN_IF_ERROR(usage.Check());
  std::vector<wire::SymbolMap> maps(columns.size());
  return state_->Told(state_->Flush(table, columns, rows, max_rows_per_batch, maps, false));
}

Status Sender::FlushArrow(std::string_view table, const ArrowSchema& schema,
                          const ArrowArray& batch, const SendOptions& options) {
  const Usage usage(state_->in_use);
  COLONNADE_RETURN_IF_ERROR(usage.Check());
  COLONNADE_RETURN_IF_ERROR(arrow::ValidateSchema(&schema));
  COLONNADE_RETURN_IF_ERROR(arrow::ValidateArray(&schema, &batch));
  COLONNADE_ASSIGN_OR_RETURN(const auto plan, MakePlan(schema, options));
  ConstantTimestamp constant;
  COLONNADE_ASSIGN_OR_RETURN(const auto columns, ColumnsOf(plan, batch, options, constant));
  std::vector<wire::SymbolMap> maps(columns.size());
  return state_->Told(
      state_->Flush(table, columns, batch.length, options.max_rows_per_batch, maps, false));
}

Status Sender::SendStream(std::string_view table, arrow::ArrayStream stream,
                          const SendOptions& options, AckLevel level, net::Deadline deadline) {
  const Usage usage(state_->in_use);
  COLONNADE_RETURN_IF_ERROR(usage.Check());
  COLONNADE_ASSIGN_OR_RETURN(auto reader, arrow::StreamReader::Open(std::move(stream)));
  COLONNADE_ASSIGN_OR_RETURN(const auto plan, MakePlan(*reader.schema(), options));

  std::vector<wire::SymbolMap> maps;
  ConstantTimestamp constant;
  // The batch before is held until its dictionaries have been compared with the next one's: memory
  // that is still in use cannot have been given to another dictionary.
  arrow::Array previous;
  std::vector<wire::Column> previous_columns;
  COLONNADE_ASSIGN_OR_RETURN(auto batch, reader.Next());
  while (batch.has_value()) {
    COLONNADE_ASSIGN_OR_RETURN(auto next, reader.Next());
    COLONNADE_ASSIGN_OR_RETURN(auto columns, ColumnsOf(plan, *batch->get(), options, constant));
    maps.resize(columns.size());
    for (size_t i = 0; i < columns.size(); ++i) {
      if (previous_columns.empty() || !SameDictionary(previous_columns[i], columns[i])) {
        maps[i].Reset();
      }
    }
    COLONNADE_RETURN_IF_ERROR(state_->Told(state_->Flush(
        table, columns, (*batch)->length, options.max_rows_per_batch, maps, !next.has_value())));
    previous = *std::move(batch);
    previous_columns = std::move(columns);
    batch = std::move(next);
  }
  return state_->Told(state_->Commit(level, deadline));
}

Status Sender::Commit(AckLevel level, net::Deadline deadline) {
  const Usage usage(state_->in_use);
  COLONNADE_RETURN_IF_ERROR(usage.Check());
  return state_->Told(state_->Commit(level, deadline));
}

void Sender::Discard() {
  const Usage usage(state_->in_use);
  if (usage.Check().ok()) state_->writer.Discard();
}

void Sender::Interrupt() { state_->writer.Interrupt(); }
DeliveryReport Sender::report() const { return state_->writer.report(); }
int64_t Sender::flushed_frame() const { return state_->writer.flushed_frame(); }
int64_t Sender::acknowledged_frame() const { return state_->writer.acknowledged_frame(); }
size_t Sender::frame_limit() const { return state_->writer.frame_limit(); }
int64_t Sender::uncommitted_rows() const { return state_->writer.uncommitted_rows(); }
Status Sender::failure() const { return state_->writer.failure(); }

}  // namespace colonnade::questdb
