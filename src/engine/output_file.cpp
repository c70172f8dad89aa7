#include "engine/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

namespace colonnade::engine {
namespace {

Status OpenError(const std::string& target) {
  const int error = errno;
  return Status(error == EACCES || error == EPERM ? StatusCode::kPermissionDenied : StatusCode::kIo,
                "cannot write \"" + target + "\": " + std::generic_category().message(error));
}

// Asking umask(2) means setting it, for every thread of the process.
mode_t CurrentUmask() {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with("Umask:"))
      return static_cast<mode_t>(std::strtoul(line.c_str() + 6, nullptr, 8));
  }
  return 022;
}

}  // namespace

Result<OutputFile> OutputFile::Create(const std::string& target) {
  OutputFile file;
  file.target_ = target;
  struct stat status{};
  if (::stat(target.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    if (S_ISDIR(status.st_mode))
      return InvalidArgument("cannot write \"", target, "\": it is a directory");
    const int descriptor = ::open(target.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor < 0) return OpenError(target);
    file.descriptor_ = descriptor;
    file.direct_ = true;
    return file;
  }
  // A link keeps pointing where it does: its target is replaced.
  std::error_code error;
  if (std::filesystem::is_symlink(target, error)) {
    file.target_ = std::filesystem::weakly_canonical(target, error).string();
    if (error) return Io("cannot write \"", target, "\": ", error.message());
  }
  const std::filesystem::path path(file.target_);
  std::string pattern = path.parent_path().string();
  if (!pattern.empty()) pattern += '/';
  pattern += '.';
  pattern += path.filename().string();
  pattern += ".XXXXXX";
  file.descriptor_ = ::mkostemp(pattern.data(), O_CLOEXEC);
  if (file.descriptor_ < 0) return OpenError(target);
  file.temporary_ = pattern;
  // mkostemp makes private files; a result gets what any new file would.
  ::fchmod(file.descriptor_,
           status.st_mode != 0 ? (status.st_mode & 07777) : (0666 & ~CurrentUmask()));
  return file;
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : target_(std::move(other.target_)),
      temporary_(std::exchange(other.temporary_, {})),
      descriptor_(std::exchange(other.descriptor_, -1)),
      direct_(other.direct_) {}

OutputFile::~OutputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Status OutputFile::Commit() {
  if (direct_) return {};
  if (::fsync(descriptor_) != 0 || ::close(std::exchange(descriptor_, -1)) != 0)
    return Io("cannot write \"", target_, "\": ", std::generic_category().message(errno));
  if (::rename(temporary_.c_str(), target_.c_str()) != 0)
    return Io("cannot write \"", target_, "\": ", std::generic_category().message(errno));
  temporary_.clear();
  return {};
}

}  // namespace colonnade::engine
