#include "store/open.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "store/file_kind.h"
#include "store/zip_writer_for_test.h"
#include "support/status_matchers.h"
#include "support/temporary_directory.h"

namespace colonnade::store {
namespace {

using std::string_literals::operator""s;
using ::testing::_;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

class OpenTest : public testing::Test {
 protected:
  OpenTest() : before_(std::filesystem::current_path()) {
    directory_.Write("air.zarr/zarr.json", "root");
    directory_.Write("air.zarr/group/zarr.json", "group");
    ZipWriter zip;
    zip.Add("zarr.json", "root");
    zip.Add("group/zarr.json", "group");
    directory_.Write("air.zarr.zip", std::move(zip).Finish());
    std::filesystem::current_path(directory_.path());
  }
  ~OpenTest() override { std::filesystem::current_path(before_); }

  // "name|prefix|text of zarr.json there", or what went wrong.
  static std::string Open(const std::string& path) {
    const Result<Location> location = OpenLocation(path);
    if (!location.ok()) return location.status().ToString();
    Buffer out;
    const auto read = location->store->Read(JoinKey(location->prefix, "zarr.json"),
                                            ByteRange::Whole(), 100, &out);
    if (!read.ok()) return read.status().ToString();
    return location->store->name() + "|" + location->prefix + "|" +
           std::string(reinterpret_cast<const char*>(out.data()), out.size());
  }

  TemporaryDirectory directory_;
  std::filesystem::path before_;
};

TEST_F(OpenTest, OpensDirectories) {
  EXPECT_EQ(Open("air.zarr"), "air.zarr||root");
  EXPECT_EQ(Open("air.zarr/"), "air.zarr||root");
  EXPECT_EQ(Open("./air.zarr//"), "air.zarr||root");
  EXPECT_EQ(Open("air.zarr/group"), "air.zarr/group||group");
  EXPECT_EQ(Open(directory_ / "air.zarr/group/"), "air.zarr/group||group");
  EXPECT_EQ(Open("air.zarr/group/.."), "air.zarr||root");
}

TEST_F(OpenTest, OpensZipArchivesAndPathsInsideThem) {
  EXPECT_EQ(Open("air.zarr.zip"), "air.zarr.zip||root");
  EXPECT_EQ(Open("air.zarr.zip/"), "air.zarr.zip||root");
  EXPECT_EQ(Open("air.zarr.zip/group"), "air.zarr.zip|group|group");
  EXPECT_EQ(Open(directory_ / "air.zarr.zip//./group/"), "air.zarr.zip|group|group");
  EXPECT_EQ(Open("air.zarr.zip/absent/path"), "air.zarr.zip|absent/path|");
  EXPECT_THAT(OpenLocation("air.zarr.zip/../air.zarr.zip/group/../.."),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("air.zarr.zip")));
}

TEST_F(OpenTest, OpensFileUrls) {
  EXPECT_EQ(Open("file://" + directory_ / "air.zarr"), "air.zarr||root");
  EXPECT_EQ(Open("file://localhost" + directory_ / "air.zarr.zip/group"),
            "air.zarr.zip|group|group");
  EXPECT_EQ(Open("file:" + directory_ / "air.zarr"), "air.zarr||root");
  EXPECT_EQ(Open("file:air.zarr"), "air.zarr||root");
  directory_.Write("a b%.zarr/zarr.json", "blank");
  EXPECT_EQ(Open("file://" + directory_ / "a%20b%25.zarr"), "a b%.zarr||blank");
  for (const char* url : {"file://host/air.zarr", "file:air%2", "file:air%zz", "file:air%",
                          "file:air%00.zarr", "file:", "file://"}) {
    EXPECT_THAT(OpenLocation(url), StatusIs(StatusCode::kInvalidArgument, _)) << url;
  }
}

TEST_F(OpenTest, RefusesOtherSchemesByName) {
  EXPECT_THAT(OpenLocation("s3://bucket/air.zarr"),
              StatusIs(StatusCode::kUnsupported, HasSubstr("s3://bucket")));
  EXPECT_THAT(OpenLocation("https://host/air.zarr"), StatusIs(StatusCode::kUnsupported, _));
  directory_.Write("12:00.zarr/zarr.json", "noon");
  EXPECT_EQ(Open("12:00.zarr"), "12:00.zarr||noon");
}

TEST_F(OpenTest, RefusesPathsThatNameNothing) {
  EXPECT_THAT(OpenLocation(""), StatusIs(StatusCode::kInvalidArgument, HasSubstr("empty")));
  EXPECT_THAT(OpenLocation("air.zarr\0.zip"s),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("\\x00")));
  EXPECT_THAT(OpenLocation(std::string(4097, 'x')),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("4097")));
  EXPECT_FALSE(OpenLocation(std::string(4000, 'x')).ok());
}

TEST_F(OpenTest, AMissingPathIsNamedWithItsNearestSibling) {
  EXPECT_EQ(Open("air.zrr"),
            "NotFound: no such file or directory: 'air.zrr'; did you mean 'air.zarr'?");
  EXPECT_EQ(Open("./ari.zarr/"),
            "NotFound: no such file or directory: './ari.zarr'; did you mean './air.zarr'?");
  EXPECT_EQ(Open("air"), "NotFound: no such file or directory: 'air'; did you mean 'air.zarr'?");
  EXPECT_EQ(Open("air.zarr/grop"),
            "NotFound: no such file or directory: 'air.zarr/grop'; did you mean 'air.zarr/group'?");
  EXPECT_EQ(Open("air.zrr/group"),
            "NotFound: no such file or directory: 'air.zrr/group' ('.' has no 'air.zrr'); did you "
            "mean 'air.zarr'?");
  EXPECT_EQ(Open(directory_ / "air.zarr/grop/sub"),
            "NotFound: no such file or directory: '" + directory_ / "air.zarr/grop/sub" + "' ('" +
                directory_ / "air.zarr" + "' has no 'grop'); did you mean '" +
                directory_ / "air.zarr/group" + "'?");
  EXPECT_EQ(Open("/no-such-directory-at-all"),
            "NotFound: no such file or directory: '/no-such-directory-at-all'");
  EXPECT_THAT(Open("completely-different"), Not(HasSubstr("did you mean")));
  EXPECT_THAT(Open("x\x1b[31m"), HasSubstr("x\\x1b[31m"));
}

TEST_F(OpenTest, ALinkToNothingIsCalledThat) {
  directory_.Link("latest.zarr", "gone.zarr");
  EXPECT_THAT(
      OpenLocation("latest.zarr"),
      StatusIs(StatusCode::kNotFound, HasSubstr("'latest.zarr' is a symbolic link to nothing")));
  directory_.Link("loop.zarr", "loop.zarr");
  EXPECT_THAT(OpenLocation("loop.zarr"), StatusIs(StatusCode::kIo, HasSubstr("loop.zarr")));
}

TEST_F(OpenTest, AFileThatIsNoArchiveIsDescribed) {
  directory_.Write("air.nc", "CDF\1...");
  EXPECT_EQ(Open("air.nc"),
            "InvalidArgument: 'air.nc' is not a store (a directory or a zip archive): it is a "
            "NetCDF classic file");
  EXPECT_THAT(Open("air.nc/t"), EndsWith("it is a NetCDF classic file"));
  EXPECT_THAT(Open("air.zarr/zarr.json"), EndsWith("it is a text file"));
  ASSERT_EQ(::mkfifo("fifo", 0666), 0);
  EXPECT_THAT(Open("fifo"), EndsWith("it is a FIFO"));
  EXPECT_THAT(Open("/dev/null"), EndsWith("it is a device"));
  directory_.Write("cut.zip", "PK\3\4 the rest was lost");
  EXPECT_THAT(
      OpenLocation("cut.zip"),
      StatusIs(StatusCode::kInvalidData, AllOf(HasSubstr("cut.zip"), HasSubstr("cut short"))));
}

TEST(DescribeContents, KnowsWhatPeopleTryToOpen) {
  const auto describe = [](const std::string& text) {
    return std::string(DescribeContents(std::as_bytes(std::span(text))));
  };
  EXPECT_EQ(describe("PK\3\4"), "a zip archive");
  EXPECT_EQ(describe("PK\5\6"), "a zip archive");
  EXPECT_EQ(describe("CDF\2"), "a NetCDF classic file");
  EXPECT_EQ(describe("\x89HDF\r\n\x1a\n"), "an HDF5 or NetCDF-4 file");
  EXPECT_EQ(describe(std::string(2048, '\0') + "\x89HDF\r\n\x1a\n"), "an HDF5 or NetCDF-4 file");
  EXPECT_EQ(describe("PAR1...."), "a Parquet file");
  EXPECT_EQ(describe("\x1f\x8b\x08"), "gzip-compressed data");
  EXPECT_EQ(describe("GRIB"), "a GRIB file");
  EXPECT_EQ(describe("12345678DUCK"), "a DuckDB database");
  EXPECT_EQ(describe(" \n{\"zarr_format\": 2}"), "a JSON file");
  EXPECT_EQ(describe("[1]"), "a JSON file");
  EXPECT_EQ(describe("time,lat\n1,2\n"), "a text file");
  EXPECT_EQ(describe(" "), "a text file");
  EXPECT_EQ(describe("a\0b"s), "a file of unknown format");
  EXPECT_EQ(describe(""), "an empty file");
  EXPECT_EQ(describe("PK"), "a text file");
}

}  // namespace
}  // namespace colonnade::store
