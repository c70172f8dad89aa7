#include "questdb/wire/column_type.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace colonnade::questdb::wire {
namespace {

TEST(ColumnType, TwentyThreeBytesAreTypesWithNamesOfTheirOwn) {
  std::set<std::string> names;
  for (int byte = 0; byte < 256; ++byte) {
    const auto type = ColumnTypeFromByte(static_cast<uint8_t>(byte));
    EXPECT_EQ(type.has_value(), byte >= 1 && byte <= 0x18 && byte != 8) << byte;
    if (!type) continue;
    EXPECT_EQ(static_cast<int>(*type), byte);
    EXPECT_TRUE(names.emplace(ColumnTypeName(*type)).second) << byte;
  }
  EXPECT_EQ(names.size(), 23);
  EXPECT_FALSE(names.contains("unknown"));
  EXPECT_EQ(ColumnTypeName(static_cast<ColumnType>(99)), "unknown");
}

TEST(ColumnType, MissingValuesWithoutABitmapAreThoseOfBooleansNumbersAndCharacters) {
  std::set<std::string> names;
  for (int byte = 1; byte < 0x19; ++byte) {
    if (byte != 8 && !HasNullBitmap(static_cast<ColumnType>(byte)))
      names.emplace(ColumnTypeName(static_cast<ColumnType>(byte)));
  }
  EXPECT_EQ(names, (std::set<std::string>{"boolean", "byte", "short", "int", "long", "float",
                                          "double", "char"}));
}

}  // namespace
}  // namespace colonnade::questdb::wire
