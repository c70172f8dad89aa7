#include "array/element_type.h"

#include <gtest/gtest.h>

namespace colonnade::array {
namespace {

TEST(ElementType, SizeFollowsFromTheKind) {
  const auto size = [](ElementKind kind) { return ElementType::Of(kind).size; };
  EXPECT_EQ(size(ElementKind::kBool), 1u);
  EXPECT_EQ(size(ElementKind::kInt8), 1u);
  EXPECT_EQ(size(ElementKind::kUInt16), 2u);
  EXPECT_EQ(size(ElementKind::kFloat16), 2u);
  EXPECT_EQ(size(ElementKind::kInt32), 4u);
  EXPECT_EQ(size(ElementKind::kFloat32), 4u);
  EXPECT_EQ(size(ElementKind::kUInt64), 8u);
  EXPECT_EQ(size(ElementKind::kFloat64), 8u);
  EXPECT_EQ(size(ElementKind::kDatetime64), 8u);
  EXPECT_EQ(size(ElementKind::kTimedelta64), 8u);
  EXPECT_EQ(size(ElementKind::kString), 0u);
}

TEST(ElementType, TextTakesAViewInMemoryAndOthersTheirStoredSize) {
  EXPECT_EQ(ElementType::Of(ElementKind::kFloat16).memory_size(), 2u);
  EXPECT_EQ(ElementType::Of(ElementKind::kString).memory_size(), sizeof(std::string_view));
  EXPECT_EQ((ElementType{ElementKind::kFixedBytes, 3}).memory_size(), sizeof(std::string_view));
}

TEST(ElementType, PrintsLikeNumPyNamesThings) {
  EXPECT_EQ(ToString(ElementType::Of(ElementKind::kBool)), "bool");
  EXPECT_EQ(ToString(ElementType::Of(ElementKind::kInt16)), "int16");
  EXPECT_EQ(ToString(ElementType::Of(ElementKind::kUInt64)), "uint64");
  EXPECT_EQ(ToString(ElementType::Of(ElementKind::kFloat32)), "float32");
  EXPECT_EQ(ToString(ElementType{ElementKind::kDatetime64, 8, TimeUnit::kSecond, 25}),
            "datetime64[25s]");
  EXPECT_EQ(ToString(ElementType{ElementKind::kTimedelta64, 8, TimeUnit::kNanosecond, 1}),
            "timedelta64[ns]");
  EXPECT_EQ(ToString(ElementType::Of(ElementKind::kDatetime64)), "datetime64[generic]");
  EXPECT_EQ(ToString(ElementType{ElementKind::kFixedUtf32, 12}), "fixed_utf32[12]");
  EXPECT_EQ(ToString(ElementType{ElementKind::kFixedBytes, 0}), "fixed_bytes[0]");
  EXPECT_EQ(ToString(ElementType::Of(ElementKind::kString)), "string");
}

TEST(ValueType, SizesAreThoseInMemory) {
  EXPECT_EQ(ValueSize(ValueType::kBool), 1u);
  EXPECT_EQ(ValueSize(ValueType::kUInt16), 2u);
  EXPECT_EQ(ValueSize(ValueType::kFloat32), 4u);
  EXPECT_EQ(ValueSize(ValueType::kTimestampMicros), 8u);
  EXPECT_EQ(ValueSize(ValueType::kString), sizeof(std::string_view));
}

TEST(ValueType, NamesSayTheUnitOfTimestamps) {
  EXPECT_EQ(ToString(ValueType::kInt8), "int8");
  EXPECT_EQ(ToString(ValueType::kTimestampMicros), "timestamp[us]");
  EXPECT_EQ(ToString(ValueType::kTimestampNanos), "timestamp[ns]");
}

}  // namespace
}  // namespace colonnade::array
