#include "capi/callback_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "arrow/stream.h"
#include "colonnade/table.h"
#include "support/status_matchers.h"

namespace colonnade::capi {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// What the callbacks are given as user_data.
struct Calls {
  bool throws = false;
  bool lacks_a_callback = false;
  int destroyed = 0;
  std::vector<int64_t> columns;
};

void ReleaseSchema(ArrowSchema* schema) { schema->release = nullptr; }

ArrowSchema EmptySchema() {
  ArrowSchema schema{};
  schema.format = "+s";
  schema.name = "";
  schema.release = ReleaseSchema;
  return schema;
}

colonnade_error* Open(void* user_data, const colonnade_stream_request* request,
                      ArrowArrayStream* stream) {
  auto& calls = *static_cast<Calls*>(user_data);
  if (calls.throws) throw std::runtime_error("broke its word");
  calls.columns.assign(request->columns, request->columns + request->column_count);
  ArrowSchema schema = EmptySchema();
  arrow::MakeStream(arrow::Schema::TakeFrom(&schema), {}).MoveTo(stream);
  if (calls.lacks_a_callback) stream->get_next = nullptr;
  return nullptr;
}

void Destroy(void* user_data) { ++static_cast<Calls*>(user_data)->destroyed; }

std::shared_ptr<CallbackTable> MakeTable(Calls* calls) {
  colonnade_stream_table callbacks = COLONNADE_STREAM_TABLE_INIT;
  callbacks.open = Open;
  callbacks.destroy = Destroy;
  callbacks.user_data = calls;
  ArrowSchema schema = EmptySchema();
  return std::make_shared<CallbackTable>("t", &schema, callbacks);
}

TEST(CallbackTable, AStreamKeepsItsTableUntilItIsReleased) {
  Calls calls;
  auto table = MakeTable(&calls);
  ASSERT_OK_AND_ASSIGN(auto opened, table->Open(0, {.columns = {1, 4}}));
  EXPECT_THAT(calls.columns, ElementsAre(1, 4));
  table.reset();
  EXPECT_EQ(calls.destroyed, 0);
  arrow::Array batch;
  EXPECT_EQ(opened.stream->get_next(opened.stream.get(), batch.out()), 0);
  EXPECT_TRUE(batch.empty());
  opened.stream.Reset();
  EXPECT_EQ(calls.destroyed, 1);
}

TEST(CallbackTable, ACallbackThatThrowsIsInternalAndNamesTheTable) {
  Calls calls;
  calls.throws = true;
  EXPECT_THAT(MakeTable(&calls)->Open(0, {}),
              StatusIs(StatusCode::kInternal, HasSubstr("table 't': its callback threw: broke")));
  EXPECT_EQ(calls.destroyed, 1);
}

TEST(CallbackTable, AStreamThatLacksACallbackIsRefused) {
  Calls calls;
  calls.lacks_a_callback = true;
  EXPECT_THAT(MakeTable(&calls)->Open(0, {}),
              StatusIs(StatusCode::kInvalidData, HasSubstr("lacks a callback")));
}

}  // namespace
}  // namespace colonnade::capi
