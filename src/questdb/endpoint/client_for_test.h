// An endpoint on a port of its own, and the client that talks to it.

#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "questdb/connect_string.h"
#include "questdb/endpoint/endpoint.h"
#include "questdb/endpoint/memory_store.h"
#include "questdb/endpoint/sessions_for_test.h"
#include "questdb/pool/pool.h"
#include "support/status_matchers.h"

namespace colonnade::questdb::endpoint {

MATCHER_P(Says, message, "") {
  const Status& status = StatusOf(arg);
  *result_listener << status.ToString();
  return !status.ok() &&
         ::testing::ExplainMatchResult(message, std::string(status.message()), result_listener);
}

class ClientTest : public ::testing::Test {
 protected:
  void Start(EndpointOptions options = {}) {
    auto endpoint = Endpoint::Start(store_, std::move(options));
    ASSERT_OK(endpoint);
    endpoint_ = *std::move(endpoint);
  }
  void StartWith(std::vector<std::string> faults) {
    EndpointOptions options;
    for (const std::string& text : faults) options.faults.push_back(FaultOf(text));
    Start(std::move(options));
  }
  static Fault FaultOf(std::string_view text) {
    auto fault = ParseFault(text);
    EXPECT_OK(fault);
    return fault.ok() ? *std::move(fault) : Fault();
  }

  /// A pool of this endpoint that opens nothing by itself.
  Result<Pool> Open(const std::string& more = "", const std::string& schema = "ws") {
    COLONNADE_ASSIGN_OR_RETURN(auto options,
                               ParseConnectString(schema + "::addr=" + endpoint_->address() +
                                                  ";lazy_connect=true;" + more));
    return Pool::Open(std::move(options), [this](const ConnectionEvent& event) {
      const std::lock_guard lock(mutex_);
      events_.push_back(event);
    });
  }

  /// Columns v = first .. first + rows, and the timestamp of the same microseconds.
  std::vector<wire::Column> Numbers(int64_t first, int64_t rows) {
    std::vector<std::optional<int64_t>> values;
    for (int64_t i = 0; i < rows; ++i) values.push_back(first + i);
    return {memory_.Fixed<int64_t>("v", wire::ColumnType::kLong, values),
            memory_.Fixed<int64_t>("", wire::ColumnType::kTimestamp, values)};
  }

  static net::Deadline Soon() { return net::Deadline::After(std::chrono::seconds(30)); }

  /// What the store answers, without the network.
  std::string Stored(const std::string& sql) { return AnswerOf(*store_, sql); }

  std::shared_ptr<MemoryStore> store_ = std::make_shared<MemoryStore>();
  std::unique_ptr<Endpoint> endpoint_;
  wire::TestColumns memory_;
  std::mutex mutex_;
  std::vector<ConnectionEvent> events_;
};

}  // namespace colonnade::questdb::endpoint
