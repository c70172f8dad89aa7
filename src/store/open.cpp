#include "store/open.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/nearest_name.h"
#include "base/quote.h"
#include "store/file_descriptor.h"
#include "store/file_kind.h"
#include "store/file_store.h"
#include "store/path_name.h"
#include "store/zip_store.h"

namespace colonnade::store {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The path of a "file:" URL (RFC 8089), given what follows the colon.
Result<std::string> UrlPath(std::string_view rest) {
  if (rest.starts_with("//")) {
    rest.remove_prefix(2);
    const std::string_view host = rest.substr(0, rest.find('/'));
    if (!host.empty() && host != "localhost") {
      return InvalidArgument("the file: URL names the host ", Quote(host),
                             "; write file:///path for a path on this machine");
    }
    rest.remove_prefix(host.size());
  }
  std::string path;
  for (size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] != '%') {
      path += rest[i];
      continue;
    }
    const int high = i + 2 < rest.size() ? HexDigit(rest[i + 1]) : -1;
    const int low = high >= 0 ? HexDigit(rest[i + 2]) : -1;
    if (low < 0) return InvalidArgument("bad percent escape in the URL path ", Quote(rest));
    path += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return path;
}

// The scheme of a URL ("s3" of "s3://bucket"), or nothing.
std::optional<std::string_view> SchemeOf(std::string_view path) {
  const size_t colon = path.find(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  const std::string_view scheme = path.substr(0, colon);
  const bool is_scheme = std::all_of(scheme.begin(), scheme.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '-' || c == '.';
  });
  if (!is_scheme) return std::nullopt;
  if (scheme != "file" && !path.substr(colon).starts_with("://")) return std::nullopt;
  return scheme;
}

// An existing name in `directory` that `name` may stand for: a similar one, or the same one with an
// ending ("air" for "air.zarr").
std::string SimilarName(const std::string& directory, std::string_view name) {
  struct Close {
    void operator()(DIR* open) const { ::closedir(open); }
  };
  const std::unique_ptr<DIR, Close> stream(::opendir(directory.c_str()));
  if (stream == nullptr) return "";
  constexpr size_t kMaxSiblings = 10'000;  // a directory of chunks may have millions
  std::vector<std::string> siblings;
  while (siblings.size() < kMaxSiblings) {
    const struct dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) break;
    if (entry->d_name[0] != '.') siblings.emplace_back(entry->d_name);
  }
  std::sort(siblings.begin(), siblings.end());
  if (const std::string* nearest = NearestName(name, siblings)) return *nearest;
  const std::string stem = std::string(name) + '.';
  for (const std::string& sibling : siblings) {
    if (sibling.starts_with(stem)) return sibling;
  }
  return "";
}

// `path` does not exist; `parent` is its deepest part that does, a directory ("": the current one).
Status Missing(const std::string& path, const std::string& parent) {
  std::string_view missing = std::string_view(path).substr(parent.size());
  while (missing.starts_with('/')) missing.remove_prefix(1);
  missing = missing.substr(0, missing.find('/'));
  const std::string base = parent.empty() || parent == "/" ? parent : parent + "/";
  const std::string entry = base + std::string(missing);
  struct stat info;
  if (::lstat(entry.c_str(), &info) == 0 && S_ISLNK(info.st_mode)) {
    return NotFound(Quote(path), ": ", Quote(entry), " is a symbolic link to nothing");
  }
  const std::string where = parent.empty() ? "." : parent;
  const std::string similar = SimilarName(where, missing);
  const std::string suggestion =
      similar.empty() ? "" : "; did you mean " + Quote(base + similar) + "?";
  if (entry == path) return NotFound("no such file or directory: ", Quote(path), suggestion);
  return NotFound("no such file or directory: ", Quote(path), " (", Quote(where), " has no ",
                  Quote(missing), ")", suggestion);
}

// A file that exists, and the path that was asked for inside it.
Result<Location> OpenFile(const std::string& path, std::string_view inside) {
  const Result<FileKind> kind = DetectFileKind(path);
  if (!kind.ok()) return kind.status().WithContext(Quote(path));
  if (!kind->is_zip) {
    return InvalidArgument(Quote(path), " is not a store (a directory or a zip archive): it is ",
                           kind->description);
  }
  Location location;
  while (!inside.empty()) {
    const size_t end = std::min(inside.find('/'), inside.size());
    const std::string_view segment = inside.substr(0, end);
    if (!segment.empty() && segment != ".") location.prefix = JoinKey(location.prefix, segment);
    inside.remove_prefix(std::min(end + 1, inside.size()));
  }
  if (!location.prefix.empty()) {
    if (Status valid = ValidateKey(location.prefix); !valid.ok()) {
      return std::move(valid).WithContext(Quote(path));
    }
  }
  COLONNADE_ASSIGN_OR_RETURN(location.store, OpenZipStore(path));
  return location;
}

}  // namespace

Result<Location> OpenLocation(const std::string& given) {
  COLONNADE_RETURN_IF_ERROR(ValidatePath(given));
  std::string path = given;
  if (const std::optional<std::string_view> scheme = SchemeOf(given)) {
    if (*scheme != "file") {
      return Unsupported("cannot open ", Quote(given),
                         ": only local paths and file: URLs can be opened");
    }
    COLONNADE_ASSIGN_OR_RETURN(path, UrlPath(std::string_view(given).substr(scheme->size() + 1)));
    COLONNADE_RETURN_IF_ERROR(ValidatePath(path));
  }
  path = WithoutTrailingSlashes(std::move(path));

  // The deepest part of the path that exists decides: it may be an archive, in which the rest lies.
  std::string existing = path;
  for (;;) {
    struct stat info;
    if (::stat(existing.c_str(), &info) == 0) {
      if (!S_ISDIR(info.st_mode)) {
        return OpenFile(existing, std::string_view(path).substr(existing.size()));
      }
      if (existing != path) return Missing(path, existing);
      COLONNADE_ASSIGN_OR_RETURN(std::shared_ptr<const Store> store, OpenFileStore(path));
      return Location{std::move(store), ""};
    }
    if (errno != ENOENT && errno != ENOTDIR) return SystemError(errno).WithContext(Quote(path));
    const size_t slash = existing.rfind('/');
    if (slash == std::string::npos) return Missing(path, "");
    existing = slash == 0 ? "/" : WithoutTrailingSlashes(existing.substr(0, slash));
  }
}

}  // namespace colonnade::store
