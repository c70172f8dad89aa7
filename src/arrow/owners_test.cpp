#include "arrow/owners.h"

#include <gtest/gtest.h>

#include <utility>

namespace colonnade::arrow {
namespace {

// A struct whose release counts.
ArrowSchema Counted(int* releases) {
  ArrowSchema schema{};
  schema.format = "n";
  schema.private_data = releases;
  schema.release = [](ArrowSchema* self) {
    ++*static_cast<int*>(self->private_data);
    self->release = nullptr;
  };
  return schema;
}

TEST(Owner, ReleasesOnceInItsDestructor) {
  int releases = 0;
  {
    ArrowSchema schema = Counted(&releases);
    const Schema owner = Schema::TakeFrom(&schema);
    EXPECT_EQ(schema.release, nullptr);
    EXPECT_FALSE(owner.empty());
  }
  EXPECT_EQ(releases, 1);
}

TEST(Owner, IsEmptyAfterAMove) {
  int releases = 0;
  ArrowSchema schema = Counted(&releases);
  Schema first = Schema::TakeFrom(&schema);
  Schema second = std::move(first);
  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move): what is tested
  first.Reset();
  EXPECT_EQ(releases, 0);
  second.Reset();
  second.Reset();
  EXPECT_EQ(releases, 1);
}

TEST(Owner, ReleasesWhatItHeldWhenAssigned) {
  int first_releases = 0;
  int second_releases = 0;
  ArrowSchema first = Counted(&first_releases);
  ArrowSchema second = Counted(&second_releases);
  Schema owner = Schema::TakeFrom(&first);
  owner = Schema::TakeFrom(&second);
  EXPECT_EQ(first_releases, 1);
  EXPECT_EQ(second_releases, 0);
  owner = std::move(*&owner);
  EXPECT_EQ(second_releases, 0);
}

TEST(Owner, GivesOwnershipAway) {
  int releases = 0;
  ArrowSchema schema = Counted(&releases);
  ArrowSchema target{};
  {
    Schema owner = Schema::TakeFrom(&schema);
    owner.MoveTo(&target);
  }
  EXPECT_EQ(releases, 0);
  target.release(&target);
  EXPECT_EQ(releases, 1);
}

TEST(Owner, OfAReleasedOrNullStructIsEmpty) {
  ArrowSchema released{};
  EXPECT_TRUE(Schema::TakeFrom(&released).empty());
  EXPECT_TRUE(Schema::TakeFrom(nullptr).empty());
}

}  // namespace
}  // namespace colonnade::arrow
