// A file that appears under its name when it is complete.

#pragma once

#include <string>

#include "base/status.h"

namespace colonnade::engine {

/// Written under a temporary name beside its target until Commit; dropped without one. Devices and
/// pipes are written directly.
class OutputFile {
 public:
  /// \error PermissionDenied, Io with the path.
  static Result<OutputFile> Create(const std::string& target);

  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();

  int descriptor() const { return descriptor_; }

  /// Flushes to the disk and gives the file its name.
  Status Commit();

 private:
  OutputFile() = default;

  std::string target_;
  std::string temporary_;
  int descriptor_ = -1;
  bool direct_ = false;
};

}  // namespace colonnade::engine
