// A directory that lives as long as a test.

#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace colonnade {

/// Made by mkdtemp, open to every user (tests may drop their rights), removed with its contents.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = std::filesystem::temp_directory_path() / "colonnade-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = std::filesystem::canonical(name);
    ::chmod(path_.c_str(), 0755);
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  /// Absolute and without links.
  const std::string& path() const { return path_; }
  std::string operator/(std::string_view relative) const {
    return path_ + "/" + std::string(relative);
  }

  /// Writes a file and the directories on its way.
  void Write(std::string_view relative, std::string_view contents) const {
    const std::filesystem::path file = *this / relative;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream out(file, std::ios::binary);
    out.write(contents.data(), static_cast<std::streamsize>(contents.size()));
    ASSERT_TRUE(out.flush().good()) << file;
  }
  /// Makes a directory and those on its way.
  void MakeDirectory(std::string_view relative) const {
    std::filesystem::create_directories(*this / relative);
  }
  /// Makes the link `relative`, which leads to `target` as it is written.
  void Link(std::string_view relative, const std::string& target) const {
    std::filesystem::create_symlink(target, *this / relative);
  }

 private:
  std::string path_;
};

}  // namespace colonnade
