#include "questdb/sender/durable_watermarks.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace colonnade::questdb {
namespace {

using Tables = std::vector<wire::TableTransaction>;

TEST(DurableWatermarks, WaitForEveryTableThatCommitted) {
  DurableWatermarks marks;
  EXPECT_TRUE(marks.all_uploaded());
  ASSERT_TRUE(marks.Committed(Tables{{"a", 3}, {"b", 5}}).ok());
  EXPECT_FALSE(marks.all_uploaded());
  marks.Uploaded(Tables{{"a", 3}});
  EXPECT_FALSE(marks.all_uploaded());
  marks.Uploaded(Tables{{"b", 4}});
  EXPECT_FALSE(marks.all_uploaded());
  marks.Uploaded(Tables{{"b", 9}});
  EXPECT_TRUE(marks.all_uploaded());
}

TEST(DurableWatermarks, AnUploadMayBeToldBeforeItsCommit) {
  DurableWatermarks marks;
  marks.Uploaded(Tables{{"a", 7}});
  ASSERT_TRUE(marks.Committed(Tables{{"a", 7}}).ok());
  EXPECT_TRUE(marks.all_uploaded());
  ASSERT_TRUE(marks.Committed(Tables{{"a", 8}}).ok());
  EXPECT_FALSE(marks.all_uploaded());
}

TEST(DurableWatermarks, NeverFall) {
  DurableWatermarks marks;
  ASSERT_TRUE(marks.Committed(Tables{{"a", 5}}).ok());
  ASSERT_TRUE(marks.Committed(Tables{{"a", 2}}).ok());
  marks.Uploaded(Tables{{"a", 4}});
  EXPECT_FALSE(marks.all_uploaded());
  marks.Uploaded(Tables{{"a", 5}});
  marks.Uploaded(Tables{{"a", 1}});
  EXPECT_TRUE(marks.all_uploaded());
}

TEST(DurableWatermarks, HoldNoMoreTablesThanThereCanBe) {
  DurableWatermarks marks;
  for (size_t i = 0; i < DurableWatermarks::kMaxTables; ++i) {
    ASSERT_TRUE(marks.Committed(Tables{{"t" + std::to_string(i), 1}}).ok());
  }
  EXPECT_EQ(marks.Committed(Tables{{"one more", 1}}).code(), StatusCode::kProtocolError);
  marks.Uploaded(Tables{{"one more", 1}});
  ASSERT_TRUE(marks.Committed(Tables{{"t7", 2}}).ok());
  marks.Clear();
  EXPECT_TRUE(marks.all_uploaded());
}

}  // namespace
}  // namespace colonnade::questdb
