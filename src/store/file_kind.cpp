#include "store/file_kind.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>

#include "store/file_descriptor.h"

namespace colonnade::store {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::string_view kZip = "a zip archive";

struct Magic {
  size_t offset;
  std::string_view bytes;
  std::string_view description;
};

constexpr Magic kMagics[] = {
    {0, "PK\3\4", kZip},
    {0, "PK\5\6", kZip},  // without members
    {0, "CDF\1", "a NetCDF classic file"},
    {0, "CDF\2", "a NetCDF classic file"},
    {0, "CDF\5", "a NetCDF classic file"},
    {0, "\x89HDF\r\n\x1a\n", "an HDF5 or NetCDF-4 file"},
    {512, "\x89HDF\r\n\x1a\n", "an HDF5 or NetCDF-4 file"},  // after a user block
    {1024, "\x89HDF\r\n\x1a\n", "an HDF5 or NetCDF-4 file"},
    {2048, "\x89HDF\r\n\x1a\n", "an HDF5 or NetCDF-4 file"},
    {0, "\x0e\x03\x13\x01", "an HDF4 file"},
    {0, "GRIB", "a GRIB file"},
    {0, "BUFR", "a BUFR file"},
    {0, "PAR1", "a Parquet file"},
    {0, "ARROW1\0\0"sv, "an Arrow file"},
    {8, "DUCK", "a DuckDB database"},
    {0, "SQLite format 3\0"sv, "an SQLite database"},
    {0, "II*\0"sv, "a TIFF file"},
    {0, "MM\0*"sv, "a TIFF file"},
    {0, "\x1f\x8b", "gzip-compressed data"},
    {0, "\x28\xb5\x2f\xfd", "Zstandard-compressed data"},
    {0, "BZh", "bzip2-compressed data"},
    {0,
     "\xfd"
     "7zXZ\0"sv,
     "xz-compressed data"},
    {0, "7z\xbc\xaf\x27\x1c", "a 7z archive"},
    {257, "ustar", "a tar archive"},
    {0, "\x93NUMPY", "a NumPy file"},
};

bool IsText(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<uint8_t>(c);
    return byte >= 0x20 ? byte != 0x7f : byte == '\n' || byte == '\r' || byte == '\t';
  });
}

}  // namespace

std::string_view DescribeContents(Bytes first) {
  if (first.empty()) return "an empty file";
  const std::string_view text(reinterpret_cast<const char*>(first.data()), first.size());
  for (const Magic& magic : kMagics) {
    if (text.size() > magic.offset && text.substr(magic.offset).starts_with(magic.bytes)) {
      return magic.description;
    }
  }
  if (!IsText(text)) return "a file of unknown format";
  const size_t start = text.find_first_not_of(" \t\r\n");
  if (start != std::string_view::npos && (text[start] == '{' || text[start] == '[')) {
    return "a JSON file";
  }
  return "a text file";
}

Result<FileKind> DetectFileKind(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  if (!file.is_open() && errno == ENXIO) return FileKind{false, "a socket or a device"};
  if (!file.is_open()) return SystemError(errno);
  struct stat info;
  if (::fstat(file.get(), &info) != 0) return SystemError(errno);
  if (!S_ISREG(info.st_mode)) return FileKind{false, FileTypeName(info.st_mode)};
  std::array<std::byte, 4096> first;
  const auto bytes = std::min(first.size(), static_cast<size_t>(info.st_size));
  COLONNADE_RETURN_IF_ERROR(ReadFully(file.get(), 0, MutableBytes(first.data(), bytes)));
  const std::string_view description = DescribeContents(Bytes(first.data(), bytes));
  return FileKind{description == kZip, description};
}

}  // namespace colonnade::store
