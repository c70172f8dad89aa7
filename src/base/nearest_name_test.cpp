#include "base/nearest_name.h"

#include <gtest/gtest.h>

#include <vector>

namespace colonnade {
namespace {

std::string Nearest(std::string_view name, const std::vector<std::string>& candidates) {
  const std::string* nearest = NearestName(name, candidates);
  return nearest == nullptr ? "" : *nearest;
}

TEST(NearestName, FindsSlipsOfTheFinger) {
  const std::vector<std::string> names = {"air.zarr", "levitus.zarr", "temperature", "time"};
  EXPECT_EQ(Nearest("air.zar", names), "air.zarr");
  EXPECT_EQ(Nearest("levtius.zarr", names), "levitus.zarr");
  EXPECT_EQ(Nearest("tempreture", names), "temperature");
  EXPECT_EQ(Nearest("tmie", names), "time");
  EXPECT_EQ(Nearest("TIME", {"times", "time"}), "time");
}

TEST(NearestName, IsSilentWhenNothingIsClose) {
  EXPECT_EQ(Nearest("pressure", {"air", "time", "lat"}), "");
  EXPECT_EQ(Nearest("x", {"y"}), "");
  EXPECT_EQ(Nearest("", {"a"}), "");
  EXPECT_EQ(Nearest("lat", {}), "");
}

TEST(NearestName, IsSilentWhenTheNameExists) { EXPECT_EQ(Nearest("lat", {"lav", "lat"}), ""); }

TEST(NearestName, PrefersTheSmallerEditAndThenTheFirst) {
  EXPECT_EQ(Nearest("latt", {"xatt", "lat", "lata"}), "xatt");
  EXPECT_EQ(Nearest("Lat", {"lot", "lat"}), "lat");
}

TEST(NearestName, DoesNotCompareHugeNames) {
  EXPECT_EQ(Nearest(std::string(1 << 20, 'a'), {std::string((1 << 20) - 1, 'a')}), "");
}

}  // namespace
}  // namespace colonnade
