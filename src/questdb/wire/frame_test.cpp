#include "questdb/wire/frame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "support/hex_file.h"
#include "support/status_matchers.h"

namespace colonnade::questdb::wire {
namespace {

using ::testing::HasSubstr;

TEST(Frame, ItsHeaderIsReadAsItWasWritten) {
  net::MessageBuffer message;
  message.Begin(0x11223344);
  BeginFrame(kDeltaDictionary | kDeferCommit, 513, message);
  message.Append(std::string_view("abc"));
  FinishFrame(message);
  const auto bytes = message.Unmasked();
  EXPECT_EQ(HexOf(bytes), "515750310109010203000000616263");
  ASSERT_OK_AND_ASSIGN(const FrameHeader header, ParseFrameHeader(bytes));
  EXPECT_EQ(header.flags, 0x09);
  EXPECT_EQ(header.table_count, 513);
  EXPECT_EQ(header.payload_bytes, 3);
}

TEST(Frame, WhatIsNoneIsRefused) {
  const std::pair<const char*, const char*> kBad[] = {
      {"", "0 bytes"},
      {"5157503101090000000000", "11 bytes"},
      {"515750320109000000000000", "'QWP2'"},
      {"515750310209000000000000", "version 2"},
      {"515750310109000001000000", "1 bytes follow its header; there are 0"},
      {"51575031010900000000000000", "0 bytes follow its header; there are 1"},
      {"5157503101090000ffffffff00", "4294967295 bytes"},
  };
  for (const auto& [hex, message] : kBad) {
    EXPECT_THAT(ParseFrameHeader(BytesOfHex(hex)),
                StatusIs(StatusCode::kProtocolError, HasSubstr(message)))
        << hex;
  }
}

}  // namespace
}  // namespace colonnade::questdb::wire
