#include "store/path_name.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/quote.h"
#include "store/store.h"

namespace colonnade::store {

Status ValidatePath(const std::string& path) {
  if (path.empty()) return InvalidArgument("the path is empty");
  if (path.find('\0') != std::string::npos) {
    return InvalidArgument("a path cannot contain a zero byte: ", Quote(path));
  }
  if (path.size() > kMaxKeyBytes) {
    return InvalidArgument("path of ", path.size(), " bytes, the limit is ", kMaxKeyBytes, ": ",
                           Quote(path));
  }
  return {};
}

std::string WithoutTrailingSlashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

std::string StoreName(const std::string& path) {
  const std::string trimmed = WithoutTrailingSlashes(path);
  const std::string_view text = trimmed;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('/', begin), text.size());
    const std::string_view component = text.substr(begin, end - begin);
    if (end == text.size() || (component.size() > 5 && component.ends_with(".zarr"))) {
      return std::string(text.substr(begin));
    }
    begin = end + 1;
  }
  return trimmed;
}

}  // namespace colonnade::store
