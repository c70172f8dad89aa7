// What faults say, and each kind once between the client and the endpoint.

#include "questdb/endpoint/faults.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include "questdb/endpoint/client_for_test.h"
#include "support/status_matchers.h"

namespace colonnade::questdb::endpoint {
namespace {

using ::testing::HasSubstr;
using wire::ColumnType;

TEST(FaultTest, ATextSaysEverything) {
  auto fault = ParseFault("refuse,code=421,header=X-QuestDB-Role: REPLICA,on=ingest,times=2");
  ASSERT_OK(fault);
  EXPECT_EQ(fault->kind, FaultKind::kRefuse);
  EXPECT_EQ(fault->code, 421);
  EXPECT_EQ(fault->times, 2);
  EXPECT_EQ(fault->direction, Direction::kIngest);
  ASSERT_EQ(fault->headers.size(), 1U);
  EXPECT_EQ(fault->headers[0], (net::HttpHeader{"X-QuestDB-Role", "REPLICA"}));
  fault = ParseFault("answer,at=3,code=0x0d,text=try again");
  ASSERT_OK(fault);
  EXPECT_EQ(fault->at, 3);
  EXPECT_EQ(fault->code, 13);
  EXPECT_EQ(fault->text, "try again");
  EXPECT_EQ(fault->direction, std::nullopt);
  EXPECT_EQ(fault->times, -1);
}

TEST(FaultTest, WhatIsNotUnderstoodIsSaid) {
  const auto fault = [](std::string_view text) { return ParseFault(text).status().ToString(); };
  EXPECT_EQ(fault("explode"), "InvalidArgument: there is no fault 'explode'");
  EXPECT_THAT(fault(""), HasSubstr("there is no fault ''"));
  EXPECT_THAT(fault("close"), HasSubstr("fault close: code=0, must be 1000 to 4999"));
  EXPECT_THAT(fault("refuse,code=101"), HasSubstr("must be 200 to 599"));
  EXPECT_THAT(fault("answer,code=0"), HasSubstr("must be 1 to 255"));
  EXPECT_THAT(fault("reset,at=x"), HasSubstr("at='x' is not a number"));
  EXPECT_THAT(fault("reset,at=-1"), HasSubstr("is below 0"));
  EXPECT_THAT(fault("reset,when=3"), HasSubstr("unknown key 'when'"));
  EXPECT_THAT(fault("reset,3"), HasSubstr("'3' is not key=value"));
  EXPECT_THAT(fault("reset,on=both"), HasSubstr("neither ingest nor query"));
  EXPECT_THAT(fault("refuse,code=500,header=X"), HasSubstr("is not 'Name: value'"));
}

TEST(FaultTest, AScriptCountsHowOftenItStruck) {
  FaultScript script({*ParseFault("close,at=2,code=1011,times=2"), *ParseFault("stall,on=query")});
  EXPECT_FALSE(script.Strike(FaultKind::kClose, Direction::kIngest, 1));
  EXPECT_TRUE(script.Strike(FaultKind::kClose, Direction::kIngest, 2));
  EXPECT_TRUE(script.Strike(FaultKind::kClose, Direction::kQuery, 2));
  EXPECT_FALSE(script.Strike(FaultKind::kClose, Direction::kQuery, 2));
  EXPECT_FALSE(script.Strike(FaultKind::kStall, Direction::kIngest, 0));
  EXPECT_TRUE(script.Strike(FaultKind::kStall, Direction::kQuery, 0));
  EXPECT_TRUE(script.Strike(FaultKind::kStall, Direction::kQuery));
}

class FaultsTest : public ClientTest {
 protected:
  // Writes ten rows that are committed, then five and five that one commit is to commit: messages
  // 0, then 1 to 3. Says what became of it, and whether that is true.
  std::string WriteAndReport(OnDoubt on_doubt, const std::string& more = "") {
    auto pool = Open("reconnect_max_duration_millis=0;" + more);
    EXPECT_OK(pool);
    auto sender = pool->BorrowSender(on_doubt);
    if (!sender.ok()) return sender.status().ToString();
    Status status = (*sender)->Flush("t", Numbers(0, 10), 10);
    if (status.ok()) status = (*sender)->Commit(AckLevel::kOk, Soon());
    if (status.ok()) status = (*sender)->Flush("t", Numbers(10, 5), 5);
    if (status.ok()) status = (*sender)->Flush("t", Numbers(15, 5), 5);
    if (status.ok()) status = (*sender)->Commit(AckLevel::kOk, Soon());
    message_ = status.message();
    const DeliveryReport report = (*sender)->report();
    std::string text = status.ok() ? "ok" : std::string(StatusCodeName(status.code()));
    text += ", recovery " + std::to_string(static_cast<int>(status.recovery()));
    text += ", committed " + std::to_string(report.committed_rows);
    if (report.in_doubt()) {
      text += ", in doubt " + std::to_string(report.doubtful_rows.begin) + ".." +
              std::to_string(report.doubtful_rows.end);
    }
    endpoint_->ReleaseStalls();
    sender->Drop();
    endpoint_->Stop();
    const int64_t stored = std::max<int64_t>(0, store_->rows("t"));
    EXPECT_GE(stored, report.committed_rows) << "rows are lost";
    EXPECT_LE(stored, report.in_doubt() ? report.doubtful_rows.end : report.committed_rows)
        << "rows are there that were said not to be";
    return text + ", stored " + std::to_string(stored);
  }
  std::string message_;  // of the failure

  // Reads 100 rows in batches of ten: how many came, or what went wrong.
  std::string ReadAndReport(const std::string& more = "") {
    if (store_->rows("t") < 0) {
      EXPECT_EQ(TestWriter(*store_).SendRows("t", Numbers(0, 100), 100), "OK 0 t@1");
    }
    auto pool = Open("max_batch_rows=10;failover_backoff_initial_ms=1;" + more);
    EXPECT_OK(pool);
    auto reader = pool->BorrowReader();
    if (!reader.ok()) return reader.status().ToString();
    auto cursor = (*reader)->Execute({.sql = "SELECT * FROM t"});
    if (!cursor.ok()) return cursor.status().ToString();
    int64_t rows = 0;
    while (true) {
      auto block = cursor->Next();
      if (!block.ok()) {
        message_ = block.status().message();
        return std::string(StatusCodeName(block.status().code())) + " after " +
               std::to_string(rows) + " rows";
      }
      if (!block->has_value()) return std::to_string(rows) + " rows";
      for (int64_t i = 0; i < (*block)->rows; ++i, ++rows) {
        EXPECT_EQ(SlotText((*block)->columns[0], i), std::to_string(rows));
      }
    }
  }
};

constexpr const char* kNoFailover = "failover=off;";

TEST_F(FaultsTest, WithoutFaultsEverythingIsCommitted) {
  Start();
  EXPECT_EQ(WriteAndReport(OnDoubt::kStop), "ok, recovery 0, committed 20, stored 20");
}

TEST_F(FaultsTest, EveryStatusOfTheServersIsAnErrorWithoutDoubt) {
  const std::pair<const char*, const char*> cases[] = {
      {"0x03", "InvalidArgument, recovery 0"}, {"0x05", "InvalidArgument, recovery 0"},
      {"0x06", "Internal, recovery 2"},        {"0x08", "PermissionDenied, recovery 0"},
      {"0x09", "Unavailable, recovery 2"},     {"0x0c", "Unavailable, recovery 2"},
      {"0x0d", "ProtocolError, recovery 2"},   {"0x7f", "Internal, recovery 2"}};
  for (const auto& [code, expected] : cases) {
    store_ = std::make_shared<MemoryStore>();
    StartWith({std::string("answer,at=2,text=because,code=") + code});
    EXPECT_EQ(WriteAndReport(OnDoubt::kStop), std::string(expected) + ", committed 10, stored 10")
        << code;
    EXPECT_THAT(message_, HasSubstr("because"));
  }
}

TEST_F(FaultsTest, ARefusedCommitIsWithoutDoubt) {
  StartWith({"answer,at=3,code=9"});
  EXPECT_EQ(WriteAndReport(OnDoubt::kStop), "Unavailable, recovery 2, committed 10, stored 10");
}

TEST_F(FaultsTest, AConnectionThatClosesBeforeTheCommitLeavesDoubt) {
  StartWith({"close,at=3,code=1011,text=out of order"});
  EXPECT_EQ(WriteAndReport(OnDoubt::kStop),
            "Unavailable, recovery 3, committed 10, in doubt 10..20, stored 10");
  EXPECT_THAT(message_, HasSubstr("1011"));
  EXPECT_THAT(message_, HasSubstr("out of order"));
}

TEST_F(FaultsTest, AConnectionThatClosesAfterTheCommitLeavesDoubt) {
  StartWith({"close-after,at=3,code=1001"});
  EXPECT_EQ(WriteAndReport(OnDoubt::kStop),
            "Unavailable, recovery 3, committed 10, in doubt 10..20, stored 20");
}

TEST_F(FaultsTest, AResetLeavesDoubtWhereACommitMayHaveArrived) {
  StartWith({"reset,at=3"});
  EXPECT_EQ(WriteAndReport(OnDoubt::kStop),
            "Unavailable, recovery 3, committed 10, in doubt 10..20, stored 10");
  store_ = std::make_shared<MemoryStore>();
  StartWith({"reset-after,at=3"});
  EXPECT_EQ(WriteAndReport(OnDoubt::kStop),
            "Unavailable, recovery 3, committed 10, in doubt 10..20, stored 20");
}

TEST_F(FaultsTest, HalfAnAnswerIsNoAnswer) {
  StartWith({"half-answer,at=3"});
  auto pool = Open("reconnect_max_duration_millis=0;");
  ASSERT_OK(pool);
  ASSERT_OK_AND_ASSIGN(auto sender, pool->BorrowSender());
  ASSERT_OK(sender->Flush("t", Numbers(0, 10), 10));
  ASSERT_OK(sender->Commit(AckLevel::kOk, Soon()));
  ASSERT_OK(sender->Flush("t", Numbers(10, 5), 5));
  ASSERT_OK(sender->Flush("t", Numbers(15, 5), 5));
  EXPECT_THAT(sender->Commit(AckLevel::kOk, net::Deadline::After(std::chrono::milliseconds(100))),
              StatusIs(StatusCode::kTimeout, HasSubstr("has not acknowledged in time")));
  EXPECT_EQ(sender->report().committed_rows, 10);
  EXPECT_EQ(sender->report().doubtful_rows.begin, 10);
  EXPECT_EQ(sender->report().doubtful_rows.end, 20);
}

TEST_F(FaultsTest, AServerThatStallsIsGivenUpInTime) {
  StartWith({"stall,at=1"});
  ASSERT_OK_AND_ASSIGN(Pool pool, Open("reconnect_max_duration_millis=0;"));
  ASSERT_OK_AND_ASSIGN(auto sender, pool.BorrowSender());
  ASSERT_OK(sender->Flush("t", Numbers(0, 10), 10));
  ASSERT_OK(sender->Commit(AckLevel::kOk, Soon()));
  ASSERT_OK(sender->Flush("t", Numbers(10, 10), 10));
  EXPECT_THAT(sender->Commit(AckLevel::kOk, net::Deadline::After(std::chrono::milliseconds(100))),
              StatusIs(StatusCode::kTimeout, HasSubstr("rows 10 to 19 may be")));
  EXPECT_EQ(sender->report().committed_rows, 10);
  EXPECT_EQ(store_->rows("t"), 10);
}

TEST_F(FaultsTest, AServerThatStallsForAWhileIsWaitedFor) {
  StartWith({"stall-after,at=1,times=1"});
  ASSERT_OK_AND_ASSIGN(Pool pool, Open());
  ASSERT_OK_AND_ASSIGN(auto sender, pool.BorrowSender());
  ASSERT_OK(sender->Flush("t", Numbers(0, 10), 10));
  ASSERT_OK(sender->Flush("t", Numbers(10, 10), 10));
  std::atomic<bool> committed = false;
  std::thread release([&] {
    // Again and again: it may not be stalling yet.
    while (!committed) {
      endpoint_->ReleaseStalls();
      std::this_thread::yield();
    }
  });
  EXPECT_OK(sender->Commit(AckLevel::kOk, Soon()));
  committed = true;
  release.join();
  EXPECT_EQ(sender->report().committed_rows, 20);
}

TEST_F(FaultsTest, AResetAtAnyByteIsReportedTruly) {
  // About 600 bytes are received in all, and 60 sent.
  for (const std::string kind : {"reset-received", "reset-sent"}) {
    for (int at = 0; at < (kind == "reset-sent" ? 70 : 700); at += kind == "reset-sent" ? 3 : 29) {
      const ::testing::ScopedTrace trace(__FILE__, __LINE__, kind + " " + std::to_string(at));
      store_ = std::make_shared<MemoryStore>();
      StartWith({kind + ",at=" + std::to_string(at)});
      WriteAndReport(OnDoubt::kStop);
    }
  }
}

TEST_F(FaultsTest, WithResendAndKeysEverythingArrivesOnce) {
  const char* const kinds[] = {"close,code=1011,",      "close-after,code=1011,", "reset,",
                               "reset-after,",          "answer,code=9,",         "answer,code=13,",
                               "close-after,code=1001,"};
  for (const std::string kind : kinds) {
    for (int at = 0; at < 4; ++at) {
      const ::testing::ScopedTrace trace(__FILE__, __LINE__, kind + "at=" + std::to_string(at));
      store_ = std::make_shared<MemoryStore>();
      EXPECT_EQ(Stored("CREATE TABLE t (v LONG, timestamp TIMESTAMP) TIMESTAMP(timestamp) "
                       "DEDUP UPSERT KEYS(timestamp)"),
                "DONE -1");
      StartWith({kind + "times=1,at=" + std::to_string(at)});
      ASSERT_OK_AND_ASSIGN(Pool pool, Open("reconnect_initial_backoff_millis=1;"));
      ASSERT_OK_AND_ASSIGN(auto sender, pool.BorrowSender(OnDoubt::kResend));
      ASSERT_OK(sender->Flush("t", Numbers(0, 10), 10));
      ASSERT_OK(sender->Commit(AckLevel::kOk, Soon()));
      ASSERT_OK(sender->Flush("t", Numbers(10, 5), 5));
      ASSERT_OK(sender->Flush("t", Numbers(15, 5), 5));
      ASSERT_OK(sender->Commit(AckLevel::kOk, Soon()));
      EXPECT_EQ(sender->report().committed_rows, 20);
      EXPECT_FALSE(sender->report().in_doubt());
      EXPECT_EQ(store_->rows("t"), 20);
    }
  }
}

TEST_F(FaultsTest, SymbolsAreToldAgainToANewConnection) {
  EXPECT_EQ(Stored("CREATE TABLE t (s SYMBOL, timestamp TIMESTAMP) TIMESTAMP(timestamp) "
                   "DEDUP UPSERT KEYS(timestamp)"),
            "DONE -1");
  StartWith({"reset-after,at=1,times=1"});
  ASSERT_OK_AND_ASSIGN(Pool pool, Open("reconnect_initial_backoff_millis=1;"));
  ASSERT_OK_AND_ASSIGN(auto sender, pool.BorrowSender(OnDoubt::kResend));
  const auto rows = [&](int32_t code, int64_t time) {
    return std::vector<wire::Column>{memory_.Codes("s", {code}, {"a", "b", "c"}),
                                     memory_.Fixed<int64_t>("", ColumnType::kTimestamp, {time})};
  };
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK(sender->Flush("t", rows(2 - i, i), 1));
    ASSERT_OK(sender->Commit(AckLevel::kOk, Soon()));
  }
  EXPECT_EQ(Stored("SELECT * FROM t"), "s symbol: c b a\ntimestamp timestamp: 0 1 2\n");
  EXPECT_EQ(endpoint_->counters().upgraded, 2);
}

TEST_F(FaultsTest, UpgradesAreRefusedWithAnyStatus) {
  const std::pair<const char*, const char*> cases[] = {
      {"401", "401"}, {"403", "403"}, {"404", "404"}, {"500", "500"}, {"503", "503"}};
  for (const auto& [code, said] : cases) {
    StartWith({std::string("refuse,code=") + code});
    ASSERT_OK_AND_ASSIGN(Pool pool, Open());
    EXPECT_THAT(pool.BorrowSender(), Says(HasSubstr(said)));
    EXPECT_THAT(pool.BorrowReader(), Says(HasSubstr(said)));
  }
  StartWith({"refuse,code=421,header=X-QuestDB-Role: PRIMARY_CATCHUP,on=ingest"});
  ASSERT_OK_AND_ASSIGN(Pool pool, Open());
  EXPECT_THAT(pool.BorrowSender(), Says(HasSubstr("PRIMARY_CATCHUP")));
  EXPECT_OK(pool.BorrowReader());
}

TEST_F(FaultsTest, ARefusalThatPassesIsOvercomeByPatience) {
  StartWith({"refuse,code=503,times=2"});
  ASSERT_OK_AND_ASSIGN(
      auto options,
      ParseConnectString("ws::addr=" + endpoint_->address() +
                         ";initial_connect_retry=on;reconnect_initial_backoff_millis=1;"
                         "query_pool_min=0;"));
  ASSERT_OK_AND_ASSIGN(Pool pool, Pool::Open(options));
  EXPECT_OK(pool.BorrowSender());
  EXPECT_EQ(endpoint_->counters().accepted, 3);
}

TEST_F(FaultsTest, LostAndRepeatedBatchesAreNoticed) {
  StartWith({});
  EXPECT_EQ(ReadAndReport(), "100 rows");
  for (const char* kind : {"lose-batch", "repeat-batch", "swap-batch", "corrupt-batch"}) {
    endpoint_->SetFaults({FaultOf(std::string(kind) + ",at=3")});
    EXPECT_THAT(ReadAndReport(kNoFailover), ::testing::AnyOf(HasSubstr("ProtocolError after 30"),
                                                             HasSubstr("ProtocolError after 40")))
        << kind;
  }
  endpoint_->SetFaults({FaultOf("lose-batch,at=9")});
  EXPECT_EQ(ReadAndReport(kNoFailover), "ProtocolError after 90 rows");
  EXPECT_THAT(message_, HasSubstr("the result ends with batch 9, but 9 batches arrived"));
}

TEST_F(FaultsTest, AnEndThatDoesNotFitIsNoticed) {
  StartWith({"wrong-rows,code=1"});
  EXPECT_EQ(ReadAndReport(kNoFailover), "ProtocolError after 100 rows");
  EXPECT_THAT(message_, HasSubstr("ends with 101 rows, but 100 arrived"));
  endpoint_->SetFaults({FaultOf("wrong-batches,code=-1")});
  EXPECT_EQ(ReadAndReport(kNoFailover), "ProtocolError after 100 rows");
}

TEST_F(FaultsTest, AResultThatBreaksOffIsNeverWhole) {
  StartWith({"reset-sent,at=700,on=query"});
  EXPECT_THAT(ReadAndReport(kNoFailover), HasSubstr("Unavailable after "));
  EXPECT_THAT(message_, HasSubstr("the result broke off after"));
}

TEST_F(FaultsTest, AQueryThatBreaksOffBeforeItsFirstBatchIsAskedAgain) {
  StartWith({"reset,at=0,times=2,on=query"});
  EXPECT_EQ(ReadAndReport(), "100 rows");
  endpoint_->SetFaults({FaultOf("corrupt-batch,at=0,times=1")});
  EXPECT_EQ(ReadAndReport(), "100 rows");
  endpoint_->SetFaults({FaultOf("corrupt-batch,at=0")});
  EXPECT_EQ(ReadAndReport(), "ProtocolError after 0 rows") << "the second one is final";
  EXPECT_EQ(endpoint_->counters().upgraded, 3 + 2 + 2);
}

TEST_F(FaultsTest, ACallerThatCanBeginAgainGetsTheWholeResult) {
  EXPECT_EQ(TestWriter(*store_).SendRows("t", Numbers(0, 100), 100), "OK 0 t@1");
  StartWith({"lose-batch,at=5,times=1"});
  ASSERT_OK_AND_ASSIGN(Pool pool, Open("max_batch_rows=10;failover_backoff_initial_ms=1;"));
  ASSERT_OK_AND_ASSIGN(auto reader, pool.BorrowReader());
  int resets = 0;
  ASSERT_OK_AND_ASSIGN(auto cursor,
                       reader->Execute({.sql = "SELECT * FROM t",
                                        .on_reset = [&](const FailoverEvent&) { ++resets; }}));
  ASSERT_OK_AND_ASSIGN(const auto blocks, cursor.ReadAll());
  EXPECT_EQ(resets, 1);
  EXPECT_EQ(blocks.size(), 10U);
}

TEST_F(FaultsTest, HalfABatchCanBeCancelled) {
  EXPECT_EQ(TestWriter(*store_).SendRows("t", Numbers(0, 100), 100), "OK 0 t@1");
  StartWith({"half-batch,at=0"});
  ASSERT_OK_AND_ASSIGN(Pool pool, Open());
  ASSERT_OK_AND_ASSIGN(auto reader, pool.BorrowReader());
  ASSERT_OK_AND_ASSIGN(auto cursor, reader->Execute({.sql = "SELECT * FROM t"}));
  std::thread other([&] { cursor.Cancel(); });
  EXPECT_THAT(cursor.Next(), StatusIs(StatusCode::kCancelled, HasSubstr("cancelled")));
  other.join();
}

TEST_F(FaultsTest, QueriesAreRefusedWithAnyStatus) {
  StartWith({"answer,at=0,code=0x0b,text=too much,on=query"});
  EXPECT_EQ(ReadAndReport(), "LimitExceeded after 0 rows");
  EXPECT_THAT(message_, HasSubstr("too much"));
}

TEST_F(FaultsTest, AStalePlanIsAskedForAgain) {
  std::vector<std::string> faults;
  for (int at = 0; at < 15; ++at) {
    faults.push_back("answer,code=6,text=cached query plan cannot be used,at=" +
                     std::to_string(at));
  }
  StartWith(faults);
  EXPECT_EQ(ReadAndReport(), "100 rows");
  EXPECT_EQ(endpoint_->counters().messages, 16);
}

TEST_F(FaultsTest, ConnectionsThatAreKilledAllAtOnceAreReplaced) {
  EXPECT_EQ(Stored("CREATE TABLE t (v LONG, timestamp TIMESTAMP) TIMESTAMP(timestamp) "
                   "DEDUP UPSERT KEYS(timestamp)"),
            "DONE -1");
  Start();
  ASSERT_OK_AND_ASSIGN(Pool pool, Open("reconnect_initial_backoff_millis=1;"));
  ASSERT_OK_AND_ASSIGN(auto sender, pool.BorrowSender(OnDoubt::kResend));
  for (int64_t i = 0; i < 50; ++i) {
    ASSERT_OK(sender->Flush("t", Numbers(i * 10, 10), 10));
    if (i % 7 == 3) endpoint_->ResetConnections();
    if (i % 5 == 4) {
      ASSERT_OK(sender->Commit(AckLevel::kOk, Soon()));
    }
  }
  ASSERT_OK(sender->Commit(AckLevel::kOk, Soon()));
  EXPECT_EQ(sender->report().committed_rows, 500);
  EXPECT_EQ(store_->rows("t"), 500);
  EXPECT_GT(endpoint_->counters().upgraded, 1);
}

}  // namespace
}  // namespace colonnade::questdb::endpoint
