#include "arrow/stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <stdexcept>

#include "arrow/batch_builder.h"
#include "support/status_matchers.h"

namespace colonnade::arrow {
namespace {

using ::testing::HasSubstr;

Schema OneColumn() {
  const std::vector<Field> fields{{"n", ColumnType::kInt64, {{"k", "v"}}}};
  auto schema = MakeSchema(fields);
  EXPECT_OK(schema);
  return *std::move(schema);
}

Array BatchOf(std::vector<int64_t> values) {
  BatchBuilder builder(static_cast<int64_t>(values.size()));
  EXPECT_OK(builder.AddFixedWidth(ColumnType::kInt64, values.data(), nullptr));
  auto batch = builder.Finish();
  EXPECT_OK(batch);
  return *std::move(batch);
}

std::vector<Array> TwoBatches() {
  std::vector<Array> batches;
  batches.push_back(BatchOf({1, 2}));
  batches.push_back(BatchOf({3}));
  return batches;
}

class FailingSource final : public BatchSource {
 public:
  FailingSource(Status failure, bool* destroyed) : failure_(failure), destroyed_(destroyed) {}
  ~FailingSource() override { *destroyed_ = true; }
  Result<Schema> GetSchema() override { return OneColumn(); }
  Result<std::optional<Array>> Next() override {
    if (failure_.ok()) throw std::runtime_error("thrown");
    return failure_;
  }

 private:
  Status failure_;
  bool* destroyed_;
};

TEST(MemoryStream, GivesItsSchemaAndBatchesInOrder) {
  ASSERT_OK_AND_ASSIGN(auto reader, StreamReader::Open(MakeStream(OneColumn(), TwoBatches())));
  EXPECT_STREQ(reader.schema()->children[0]->name, "n");
  EXPECT_NE(reader.schema()->children[0]->metadata, nullptr);
  ASSERT_OK_AND_ASSIGN(auto batch, reader.Next());
  ASSERT_TRUE(batch.has_value());
  EXPECT_EQ((*batch)->length, 2);
  ASSERT_OK_AND_ASSIGN(batch, reader.Next());
  ASSERT_TRUE(batch.has_value());
  EXPECT_EQ(static_cast<const int64_t*>((*batch)->children[0]->buffers[1])[0], 3);
  for (int i = 0; i < 2; ++i) {
    ASSERT_OK_AND_ASSIGN(batch, reader.Next());
    EXPECT_FALSE(batch.has_value());
  }
}

TEST(MemoryStream, GivesItsSchemaAsOftenAsAsked) {
  ArrayStream stream = MakeStream(OneColumn(), {});
  Schema first;
  Schema second;
  EXPECT_EQ(stream->get_schema(stream.get(), first.out()), 0);
  EXPECT_EQ(stream->get_schema(stream.get(), second.out()), 0);
  first.Reset();
  EXPECT_STREQ(second->children[0]->format, "l");
}

TEST(MemoryStream, MayBeReleasedBeforeItsEnd) {
  ArrayStream stream = MakeStream(OneColumn(), TwoBatches());
  Array batch;
  ASSERT_EQ(stream->get_next(stream.get(), batch.out()), 0);
  stream.Reset();
  EXPECT_EQ(static_cast<const int64_t*>(batch->children[0]->buffers[1])[1], 2);
}

TEST(Stream, MapsAFailureToAnErrnoAndKeepsItsText) {
  const std::pair<Status, int> kCases[] = {{Cancelled("stop"), ECANCELED},
                                           {LimitExceeded("full"), ENOMEM},
                                           {InvalidData("broken"), EIO},
                                           {InvalidArgument("wrong"), EINVAL},
                                           {NotFound("gone"), ENOENT}};
  for (const auto& [failure, error] : kCases) {
    bool destroyed = false;
    ArrayStream stream = MakeStream(std::make_unique<FailingSource>(failure, &destroyed));
    EXPECT_EQ(stream->get_last_error(stream.get()), nullptr);
    Array batch;
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(stream->get_next(stream.get(), batch.out()), error);
      EXPECT_EQ(stream->get_last_error(stream.get()), failure.ToString());
      EXPECT_TRUE(batch.empty());
    }
    EXPECT_TRUE(destroyed);
    Schema schema;
    EXPECT_EQ(stream->get_schema(stream.get(), schema.out()), error);
  }
}

TEST(Stream, LetsNoExceptionThrough) {
  bool destroyed = false;
  ArrayStream stream = MakeStream(std::make_unique<FailingSource>(Status(), &destroyed));
  Array batch;
  EXPECT_EQ(stream->get_next(stream.get(), batch.out()), EIO);
  EXPECT_EQ(stream->get_next(stream.get(), batch.out()), EIO);
  EXPECT_TRUE(destroyed);
}

TEST(Stream, DestroysItsSourceWhenReleased) {
  bool destroyed = false;
  ArrayStream stream = MakeStream(std::make_unique<FailingSource>(Io("x"), &destroyed));
  EXPECT_FALSE(destroyed);
  stream.Reset();
  EXPECT_TRUE(destroyed);
}

TEST(StreamReader, KeepsTheKindAndTextOfAFailure) {
  bool destroyed = false;
  ASSERT_OK_AND_ASSIGN(
      auto reader,
      StreamReader::Open(MakeStream(std::make_unique<FailingSource>(Cancelled("s"), &destroyed))));
  EXPECT_THAT(reader.Next(), StatusIs(StatusCode::kCancelled, HasSubstr("s")));
}

TEST(StreamReader, RefusesAReleasedStream) {
  EXPECT_THAT(StreamReader::Open(ArrayStream()),
              StatusIs(StatusCode::kInvalidData, HasSubstr("released")));
}

TEST(StreamReader, RefusesAStreamThatIsNotOfStructs) {
  Schema schema = OneColumn();
  Schema column = Schema::TakeFrom(schema->children[0]);
  EXPECT_THAT(StreamReader::Open(MakeStream(std::move(column), {})),
              StatusIs(StatusCode::kInvalidData, HasSubstr("no columns")));
}

TEST(StreamReader, RefusesABatchThatIsMalformed) {
  std::vector<Array> batches = TwoBatches();
  batches[0]->children[0]->length = 1;  // shorter than its parent
  ASSERT_OK_AND_ASSIGN(auto reader,
                       StreamReader::Open(MakeStream(OneColumn(), std::move(batches))));
  EXPECT_THAT(reader.Next(), StatusIs(StatusCode::kInvalidData, HasSubstr("child 0 has 1 rows")));
}

}  // namespace
}  // namespace colonnade::arrow
