#include "table/record_batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cmath>

#include "arrow/stream.h"
#include "support/fake_dataset.h"
#include "support/status_matchers.h"
#include "table/grid.h"
#include "table/memory_table.h"

namespace colonnade::table {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

bool IsValid(const ArrowArray& column, int64_t row) {
  if (column.buffers[0] == nullptr) return true;
  return (static_cast<const uint8_t*>(column.buffers[0])[row / 8] >> (row % 8) & 1) != 0;
}

// A column as text, row by row; "-" for missing.
std::vector<std::string> Texts(const ArrowSchema& schema, const ArrowArray& column) {
  std::vector<std::string> out;
  for (int64_t row = 0; row < column.length; ++row) {
    const std::string_view format = schema.format;
    if (!IsValid(column, row)) {
      out.push_back("-");
    } else if (format == "u") {
      const auto* offsets = static_cast<const int32_t*>(column.buffers[1]);
      out.emplace_back(static_cast<const char*>(column.buffers[2]) + offsets[row],
                       static_cast<size_t>(offsets[row + 1] - offsets[row]));
    } else if (format == "g") {
      out.push_back(
          std::to_string(std::lround(static_cast<const double*>(column.buffers[1])[row])));
    } else if (format == "l" || format == "tsu:") {
      out.push_back(std::to_string(static_cast<const int64_t*>(column.buffers[1])[row]));
    } else if (format == "s") {
      out.push_back(std::to_string(static_cast<const int16_t*>(column.buffers[1])[row]));
    } else if (format == "b") {
      out.push_back((static_cast<const uint8_t*>(column.buffers[1])[row / 8] >> (row % 8) & 1) != 0
                        ? "true"
                        : "false");
    } else {
      out.push_back("format " + std::string(format));
    }
  }
  return out;
}

class KeepOdd final : public BlockFilter {
 public:
  bool MayMatch(const std::vector<AxisPositions>&) override { return true; }
  const std::vector<size_t>& columns() const override { return columns_; }
  Status Select(const Block& block, std::vector<uint32_t>* rows) override {
    for (uint32_t row = 1; row < block.row_count; row += 2) rows->push_back(row);
    return Status();
  }

 private:
  std::vector<size_t> columns_;
};

class RecordBatch : public ::testing::Test {
 protected:
  void SetUp() override {
    dataset_->Add<std::string>("name", {"x"}, {3}, {}, {"one", "", "drei"}).is_coordinate = true;
    dataset_->Add<double>("time", {"time"}, {2}, {}, {0, 1},
                          {{"units", "days since 1970-01-02"}, {"long_name", "time"}});
    dataset_->Add<int16_t>("v", {"x", "time"}, {3, 2}, {1, 2}, {1, 2, 3, -9, 5, 6},
                           {{"missing_value", -9}});
    dataset_->Add<double>("height", {}, {}, {}, {2}).is_coordinate = true;
    auto grids = Grids::Create(dataset_, {});
    ASSERT_OK(grids);
    table_ = (*grids)->table(0);  // x, time, height, name, v
    for (const Axis& axis : table_->axes()) all_.push_back(AxisSelection::All(axis.length));
  }

  // The rows of the stream, one text per column and row.
  Result<std::vector<std::vector<std::string>>> Read(std::vector<size_t> columns,
                                                     BlockFilter* filter = nullptr) {
    COLONNADE_ASSIGN_OR_RETURN(auto stream,
                               MakeArrayStream(table_, std::move(columns), all_, {}, filter));
    COLONNADE_ASSIGN_OR_RETURN(auto reader, arrow::StreamReader::Open(std::move(stream)));
    std::vector<std::vector<std::string>> out(static_cast<size_t>(reader.schema()->n_children));
    while (true) {
      COLONNADE_ASSIGN_OR_RETURN(auto batch, reader.Next());
      if (!batch.has_value()) return out;
      ++batches_;
      rows_ += (*batch)->length;
      for (size_t i = 0; i < out.size(); ++i) {
        for (std::string& text : Texts(*reader.schema()->children[i], *(*batch)->children[i]))
          out[i].push_back(std::move(text));
      }
    }
  }

  std::shared_ptr<FakeDataset> dataset_ = std::make_shared<FakeDataset>();
  std::shared_ptr<const TableSource> table_;
  Selection all_;
  int batches_ = 0;
  int64_t rows_ = 0;
};

TEST_F(RecordBatch, HasAxisConstantAndStoredColumns) {
  ASSERT_OK_AND_ASSIGN(const auto rows, Read({0, 1, 2, 3, 4}));
  EXPECT_THAT(rows[0], ElementsAre("0", "0", "1", "1", "2", "2"));
  EXPECT_THAT(rows[1], ElementsAre("86400000000", "172800000000", "86400000000", "172800000000",
                                   "86400000000", "172800000000"));
  EXPECT_THAT(rows[2], ElementsAre("2", "2", "2", "2", "2", "2"));
  EXPECT_THAT(rows[3], ElementsAre("one", "one", "", "", "drei", "drei"));
  EXPECT_THAT(rows[4], ElementsAre("1", "2", "3", "-", "5", "6"));
  EXPECT_EQ(batches_, 3);
}

TEST_F(RecordBatch, HasOnlyRowsThatPassedTheFilter) {
  KeepOdd filter;
  ASSERT_OK_AND_ASSIGN(const auto rows, Read({3, 4}, &filter));
  EXPECT_THAT(rows[0], ElementsAre("one", "", "drei"));
  EXPECT_THAT(rows[1], ElementsAre("2", "-", "6"));
}

TEST_F(RecordBatch, WithoutColumnsHasALength) {
  ASSERT_OK_AND_ASSIGN(const auto rows, Read({}));
  EXPECT_EQ(rows_, 6);
  EXPECT_TRUE(rows.empty());
}

TEST_F(RecordBatch, NamesItsFieldsAndCarriesComments) {
  ASSERT_OK_AND_ASSIGN(const auto schema, MakeSchema(*table_, {1, 4}));
  EXPECT_STREQ(schema->children[0]->name, "time");
  EXPECT_STREQ(schema->children[0]->format, "tsu:");
  ASSERT_NE(schema->children[0]->metadata, nullptr);
  EXPECT_STREQ(schema->children[1]->format, "s");
  EXPECT_EQ(schema->children[1]->metadata, nullptr);
}

TEST_F(RecordBatch, StreamReadsNothingBeforeTheFirstBatch) {
  ASSERT_OK_AND_ASSIGN(auto stream, MakeArrayStream(table_, {0, 1, 4}, all_, {}));
  arrow::Schema schema;
  ASSERT_EQ(stream->get_schema(stream.get(), schema.out()), 0);
  EXPECT_EQ(dataset_->total_chunk_reads(), 0);
  arrow::Array batch;
  ASSERT_EQ(stream->get_next(stream.get(), batch.out()), 0);
  EXPECT_EQ(batch->length, 2);
}

TEST_F(RecordBatch, StreamReportsAFailureLate) {
  ASSERT_OK_AND_ASSIGN(auto stream, MakeArrayStream(table_, {4}, all_, {}));
  dataset_->FailReads(InvalidData("variable v: chunk 0.0: broken"));
  arrow::Array batch;
  EXPECT_EQ(stream->get_next(stream.get(), batch.out()), EIO);
  EXPECT_THAT(stream->get_last_error(stream.get()), HasSubstr("chunk 0.0"));
  EXPECT_TRUE(batch.empty());
}

TEST(RecordBatchOfMemoryTable, PacksBooleansAndNulls) {
  MemoryTableBuilder builder("flags");
  const size_t flag = builder.AddColumn("flag", array::ValueType::kBool);
  builder.AppendBool(flag, true);
  builder.AppendNull(flag);
  builder.AppendBool(flag, false);
  ASSERT_OK_AND_ASSIGN(const auto table, std::move(builder).Finish());
  ASSERT_OK_AND_ASSIGN(auto stream, MakeArrayStream(table, {0}, {AxisSelection::All(3)}, {}));
  ASSERT_OK_AND_ASSIGN(auto reader, arrow::StreamReader::Open(std::move(stream)));
  ASSERT_OK_AND_ASSIGN(auto batch, reader.Next());
  ASSERT_TRUE(batch.has_value());
  EXPECT_THAT(Texts(*reader.schema()->children[0], *(*batch)->children[0]),
              ElementsAre("true", "-", "false"));
  EXPECT_EQ((*batch)->children[0]->null_count, 1);
}

}  // namespace
}  // namespace colonnade::table
