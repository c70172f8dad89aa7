#include "engine/descriptor_files.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <system_error>

#include "engine/duckdb_status.h"

namespace colonnade::engine {
namespace {

constexpr std::string_view kPrefix = "colonnade-descriptor:";

class DescriptorHandle final : public duckdb::FileHandle {
 public:
  DescriptorHandle(duckdb::FileSystem& files, const std::string& name, duckdb::FileOpenFlags mode,
                   int number)
      : FileHandle(files, name, mode), descriptor(number) {}
  ~DescriptorHandle() override = default;
  void Close() override {}

  const int descriptor;
  duckdb::idx_t written = 0;
};

class DescriptorFiles final : public duckdb::FileSystem {
 public:
  duckdb::unique_ptr<duckdb::FileHandle> OpenFile(
      const std::string& path, duckdb::FileOpenFlags flags,
      duckdb::optional_ptr<duckdb::FileOpener>) override {
    const int descriptor = std::atoi(path.c_str() + kPrefix.size());
    return duckdb::make_uniq<DescriptorHandle>(*this, path, flags, descriptor);
  }

  int64_t Write(duckdb::FileHandle& handle, void* buffer, int64_t size) override {
    auto& file = handle.Cast<DescriptorHandle>();
    const char* data = static_cast<const char*>(buffer);
    int64_t left = size;
    while (left > 0) {
      const ssize_t count = ::write(file.descriptor, data, static_cast<size_t>(left));
      if (count < 0) {
        if (errno == EINTR) continue;
        Throw(Io("cannot write the output: ", std::generic_category().message(errno)));
      }
      data += count;
      left -= count;
      file.written += static_cast<duckdb::idx_t>(count);
    }
    return size;
  }

  duckdb::idx_t SeekPosition(duckdb::FileHandle& handle) override {
    return handle.Cast<DescriptorHandle>().written;
  }
  int64_t GetFileSize(duckdb::FileHandle& handle) override {
    return static_cast<int64_t>(handle.Cast<DescriptorHandle>().written);
  }
  duckdb::FileType GetFileType(duckdb::FileHandle&) override {
    return duckdb::FileType::FILE_TYPE_FIFO;
  }
  void FileSync(duckdb::FileHandle&) override {}
  bool FileExists(const std::string&, duckdb::optional_ptr<duckdb::FileOpener>) override {
    return false;
  }
  bool IsPipe(const std::string&, duckdb::optional_ptr<duckdb::FileOpener>) override {
    return true;
  }
  bool CanSeek() override { return false; }
  bool OnDiskFile(duckdb::FileHandle&) override { return false; }
  bool CanHandleFile(const std::string& path) override { return path.starts_with(kPrefix); }
  std::string GetName() const override { return "DescriptorFiles"; }
};

}  // namespace

std::string DescriptorPath(int descriptor) {
  return std::string(kPrefix) + std::to_string(descriptor);
}

duckdb::unique_ptr<duckdb::FileSystem> MakeDescriptorFiles() {
  return duckdb::make_uniq<DescriptorFiles>();
}

}  // namespace colonnade::engine
