#include "zarr/chunk_key.h"

#include <charconv>

#include "zarr/extension.h"

namespace colonnade::zarr {

void ChunkKeyEncoding::Append(std::span<const int64_t> chunk, std::string* key) const {
  const bool prefixed = kind == Kind::kDefault;
  if (prefixed) key->push_back('c');
  if (chunk.empty() && !prefixed) key->push_back('0');
  for (size_t dim = 0; dim < chunk.size(); ++dim) {
    if (prefixed || dim > 0) key->push_back(separator);
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof(digits), chunk[dim]).ptr;
    key->append(digits, end);
  }
}

Result<ChunkKeyEncoding> ParseChunkKeyEncoding(const Json& json) {
  COLONNADE_ASSIGN_OR_RETURN(const Extension extension, ParseExtension(json, "chunk key encoding"));
  ChunkKeyEncoding keys;
  if (extension.name == "default") {
    keys = {ChunkKeyEncoding::Kind::kDefault, '/', false};
  } else if (extension.name == "v2") {
    keys = {ChunkKeyEncoding::Kind::kV2, '.', false};
  } else {
    return Unsupported("chunk key encoding ", Quoted(extension.name), " is not supported");
  }
  if (const Json* separator = extension.Find("separator")) {
    if (*separator == "/") {
      keys.separator = '/';
    } else if (*separator == ".") {
      keys.separator = '.';
    } else {
      return InvalidData("chunk key separator ", Quoted(*separator), R"( must be "/" or ".")");
    }
  }
  return keys;
}

}  // namespace colonnade::zarr
