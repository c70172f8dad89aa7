#include "arrow/batch_builder.h"

#include <nanoarrow/nanoarrow.h>

#include <bit>
#include <cstring>
#include <limits>

#include "base/quote.h"

namespace colonnade::arrow {
namespace {

struct TypeInfo {
  enum ArrowType type;
  size_t bytes;  // of one value as it is given to the builder
};

TypeInfo InfoOf(ColumnType type) {
  switch (type) {
    case ColumnType::kBool: return {NANOARROW_TYPE_BOOL, 1};
    case ColumnType::kInt8: return {NANOARROW_TYPE_INT8, 1};
    case ColumnType::kInt16: return {NANOARROW_TYPE_INT16, 2};
    case ColumnType::kInt32: return {NANOARROW_TYPE_INT32, 4};
    case ColumnType::kInt64: return {NANOARROW_TYPE_INT64, 8};
    case ColumnType::kUInt8: return {NANOARROW_TYPE_UINT8, 1};
    case ColumnType::kUInt16: return {NANOARROW_TYPE_UINT16, 2};
    case ColumnType::kUInt32: return {NANOARROW_TYPE_UINT32, 4};
    case ColumnType::kUInt64: return {NANOARROW_TYPE_UINT64, 8};
    case ColumnType::kFloat32: return {NANOARROW_TYPE_FLOAT, 4};
    case ColumnType::kFloat64: return {NANOARROW_TYPE_DOUBLE, 8};
    case ColumnType::kTimestampMicros: return {NANOARROW_TYPE_TIMESTAMP, 8};
    case ColumnType::kTimestampNanos: return {NANOARROW_TYPE_TIMESTAMP, 8};
    case ColumnType::kUtf8: return {NANOARROW_TYPE_STRING, sizeof(std::string_view)};
  }
  return {NANOARROW_TYPE_UNINITIALIZED, 0};
}

// nanoarrow's functions return an errno; the only one they can meet here is ENOMEM.
Status FromErrno(ArrowErrorCode code, const char* what) {
  if (code == NANOARROW_OK) return Status();
  if (code == ENOMEM) return LimitExceeded("out of memory ", what);
  return Internal("Arrow: error ", code, " ", what);
}

struct BufferOwner {
  BufferOwner() { ArrowBufferInit(&buffer); }
  ~BufferOwner() { ArrowBufferReset(&buffer); }
  BufferOwner(const BufferOwner&) = delete;
  BufferOwner& operator=(const BufferOwner&) = delete;
  ArrowBuffer buffer;
};

Status SetMetadata(const Field& field, ArrowSchema* schema) {
  if (field.metadata.empty()) return Status();
  BufferOwner metadata;
  COLONNADE_RETURN_IF_ERROR(
      FromErrno(ArrowMetadataBuilderInit(&metadata.buffer, nullptr), "making metadata"));
  for (const auto& [key, value] : field.metadata) {
    const ArrowStringView key_view{key.data(), static_cast<int64_t>(key.size())};
    const ArrowStringView value_view{value.data(), static_cast<int64_t>(value.size())};
    COLONNADE_RETURN_IF_ERROR(FromErrno(
        ArrowMetadataBuilderAppend(&metadata.buffer, key_view, value_view), "making metadata"));
  }
  return FromErrno(
      ArrowSchemaSetMetadata(schema, reinterpret_cast<const char*>(metadata.buffer.data)),
      "making metadata");
}

}  // namespace

Result<Schema> MakeSchema(std::span<const Field> fields) {
  Schema schema;
  ArrowSchemaInit(schema.out());
  COLONNADE_RETURN_IF_ERROR(
      FromErrno(ArrowSchemaSetTypeStruct(schema.get(), static_cast<int64_t>(fields.size())),
                "making a schema"));
  for (size_t i = 0; i < fields.size(); ++i) {
    const Field& field = fields[i];
    if (field.name.find('\0') != std::string::npos)
      return InvalidArgument("column name ", Quote(field.name), " has a NUL byte");
    ArrowSchema* child = schema->children[i];
    const bool is_time =
        field.type == ColumnType::kTimestampMicros || field.type == ColumnType::kTimestampNanos;
    const ArrowErrorCode code =
        is_time ? ArrowSchemaSetTypeDateTime(child, NANOARROW_TYPE_TIMESTAMP,
                                             field.type == ColumnType::kTimestampMicros
                                                 ? NANOARROW_TIME_UNIT_MICRO
                                                 : NANOARROW_TIME_UNIT_NANO,
                                             nullptr)
                : ArrowSchemaSetType(child, InfoOf(field.type).type);
    COLONNADE_RETURN_IF_ERROR(FromErrno(code, "making a schema"));
    COLONNADE_RETURN_IF_ERROR(
        FromErrno(ArrowSchemaSetName(child, field.name.c_str()), "making a schema"));
    COLONNADE_RETURN_IF_ERROR(SetMetadata(field, child));
  }
  return schema;
}

struct BatchBuilder::Impl {
  int64_t rows = 0;
  std::vector<Array> columns;
};

BatchBuilder::BatchBuilder(int64_t rows) : impl_(std::make_unique<Impl>()) { impl_->rows = rows; }
BatchBuilder::~BatchBuilder() = default;
BatchBuilder::BatchBuilder(BatchBuilder&&) noexcept = default;
BatchBuilder& BatchBuilder::operator=(BatchBuilder&&) noexcept = default;

namespace {

// Starts a column: its type, length and validity. The bitmap is dropped if nothing is missing.
Status StartColumn(ArrowType type, int64_t rows, const uint64_t* validity, Array* column) {
  COLONNADE_RETURN_IF_ERROR(
      FromErrno(ArrowArrayInitFromType(column->out(), type), "making a column"));
  (*column)->length = rows;
  (*column)->null_count = 0;
  if (validity == nullptr) return Status();
  int64_t valid = 0;
  for (int64_t word = 0; word < rows / 64; ++word) valid += std::popcount(validity[word]);
  if (rows % 64 != 0)
    valid += std::popcount(validity[rows / 64] & ((uint64_t{1} << (rows % 64)) - 1));
  if (valid == rows) return Status();
  (*column)->null_count = rows - valid;
  // Little-endian words, least significant bit first, are Arrow's bitmap.
  return FromErrno(ArrowBufferAppend(ArrowArrayBuffer(column->get(), 0), validity, (rows + 7) / 8),
                   "copying validity");
}

bool IsValid(const uint64_t* validity, int64_t row) {
  return validity == nullptr || (validity[row / 64] >> (row % 64) & 1) != 0;
}

}  // namespace

Status BatchBuilder::AddFixedWidth(ColumnType type, const void* values, const uint64_t* validity) {
  if (type == ColumnType::kUtf8) return InvalidArgument("text is not of fixed width");
  const int64_t rows = impl_->rows;
  const TypeInfo info = InfoOf(type);
  Array column;
  COLONNADE_RETURN_IF_ERROR(StartColumn(info.type, rows, validity, &column));
  ArrowBuffer* data = ArrowArrayBuffer(column.get(), 1);
  if (type == ColumnType::kBool) {
    COLONNADE_RETURN_IF_ERROR(
        FromErrno(ArrowBufferAppendFill(data, 0, (rows + 7) / 8), "copying values"));
    const auto* bytes = static_cast<const uint8_t*>(values);
    for (int64_t row = 0; row < rows; ++row)
      data->data[row / 8] |= static_cast<uint8_t>((bytes[row] != 0 ? 1 : 0) << (row % 8));
  } else {
    COLONNADE_RETURN_IF_ERROR(
        FromErrno(ArrowBufferAppend(data, values, rows * static_cast<int64_t>(info.bytes)),
                  "copying values"));
  }
  impl_->columns.push_back(std::move(column));
  return Status();
}

Status BatchBuilder::AddText(const std::string_view* values, const uint64_t* validity) {
  const int64_t rows = impl_->rows;
  int64_t bytes = 0;
  for (int64_t row = 0; row < rows; ++row) {
    if (!IsValid(validity, row)) continue;
    const size_t size = values[row].size();
    if (size > static_cast<size_t>(std::numeric_limits<int32_t>::max() - bytes)) {
      return LimitExceeded("a record batch holds at most ", std::numeric_limits<int32_t>::max(),
                           " bytes of text per column");
    }
    bytes += static_cast<int64_t>(size);
  }
  Array column;
  COLONNADE_RETURN_IF_ERROR(StartColumn(NANOARROW_TYPE_STRING, rows, validity, &column));
  ArrowBuffer* offsets = ArrowArrayBuffer(column.get(), 1);
  ArrowBuffer* data = ArrowArrayBuffer(column.get(), 2);
  COLONNADE_RETURN_IF_ERROR(FromErrno(
      ArrowBufferReserve(offsets, (rows + 1) * int64_t{sizeof(int32_t)}), "copying text"));
  COLONNADE_RETURN_IF_ERROR(FromErrno(ArrowBufferReserve(data, bytes), "copying text"));
  int32_t end = 0;
  ArrowBufferAppendUnsafe(offsets, &end, sizeof(end));
  for (int64_t row = 0; row < rows; ++row) {
    if (IsValid(validity, row) && !values[row].empty()) {
      ArrowBufferAppendUnsafe(data, values[row].data(), static_cast<int64_t>(values[row].size()));
      end += static_cast<int32_t>(values[row].size());
    }
    ArrowBufferAppendUnsafe(offsets, &end, sizeof(end));
  }
  impl_->columns.push_back(std::move(column));
  return Status();
}

Result<Array> BatchBuilder::Finish() {
  std::vector<Array> columns = std::move(impl_->columns);
  impl_->columns.clear();
  Array batch;
  COLONNADE_RETURN_IF_ERROR(
      FromErrno(ArrowArrayInitFromType(batch.out(), NANOARROW_TYPE_STRUCT), "making a batch"));
  COLONNADE_RETURN_IF_ERROR(
      FromErrno(ArrowArrayAllocateChildren(batch.get(), static_cast<int64_t>(columns.size())),
                "making a batch"));
  for (size_t i = 0; i < columns.size(); ++i) columns[i].MoveTo(batch->children[i]);
  batch->length = impl_->rows;
  batch->null_count = 0;
  ArrowError error;
  if (ArrowArrayFinishBuilding(batch.get(), NANOARROW_VALIDATION_LEVEL_MINIMAL, &error) !=
      NANOARROW_OK) {
    return Internal("Arrow: a batch of ", impl_->rows, " rows: ", error.message);
  }
  return batch;
}

}  // namespace colonnade::arrow
