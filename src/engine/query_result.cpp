#include "engine/query_result.h"

#include <utility>

#include "arrow/stream.h"

namespace colonnade::engine {
namespace {

class ResultBatches final : public arrow::BatchSource {
 public:
  ResultBatches(std::unique_ptr<QueryResult> result, uint64_t batch_rows,
                std::function<void(const Status&)> on_error)
      : result_(std::move(result)), batch_rows_(batch_rows), on_error_(std::move(on_error)) {}

  Result<arrow::Schema> GetSchema() override { return Told(result_->Schema()); }

  Result<std::optional<arrow::Array>> Next() override {
    COLONNADE_ASSIGN_OR_RETURN(arrow::Array batch, Told(result_->NextBatch(batch_rows_)));
    if (batch.empty()) return std::optional<arrow::Array>();
    return std::optional(std::move(batch));
  }

 private:
  template <typename T>
  Result<T> Told(Result<T> result) const {
    if (!result.ok() && on_error_) on_error_(result.status());
    return result;
  }

  std::unique_ptr<QueryResult> result_;
  uint64_t batch_rows_;
  std::function<void(const Status&)> on_error_;
};

}  // namespace

Result<arrow::ArrayStream> MakeArrayStream(std::unique_ptr<QueryResult> result, uint64_t batch_rows,
                                           std::function<void(const Status&)> on_error) {
  if (batch_rows == 0) return InvalidArgument("batches of 0 rows");
  return arrow::MakeStream(
      std::make_unique<ResultBatches>(std::move(result), batch_rows, std::move(on_error)));
}

}  // namespace colonnade::engine
