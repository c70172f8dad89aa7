#include "zarr/extension.h"

namespace colonnade::zarr {

const Json* Extension::Find(std::string_view key) const { return FindMember(configuration, key); }

Result<Extension> ParseExtension(const Json& json, std::string_view what) {
  Extension extension;
  if (json.is_string()) {
    extension.name = json.get<std::string>();
    return extension;
  }
  if (!json.is_object()) {
    return InvalidData(what, " ", Quoted(json), " must be a name or an object with a name");
  }
  const auto name = json.find("name");
  if (name == json.end() || !name->is_string()) {
    return InvalidData(what, " ", Quoted(json), " has no name");
  }
  extension.name = name->get<std::string>();
  if (const auto found = json.find("configuration"); found != json.end() && !found->is_null()) {
    if (!found->is_object()) {
      return InvalidData(what, " ", Quoted(*name), ": its configuration must be an object");
    }
    extension.configuration = *found;
  }
  if (const auto found = json.find("must_understand"); found != json.end()) {
    if (!found->is_boolean()) {
      return InvalidData(what, " ", Quoted(*name), ": must_understand must be true or false");
    }
    extension.must_understand = found->get<bool>();
  }
  return extension;
}

std::string Quoted(const Json& json) {
  constexpr size_t kMaxBytes = 80;
  // ASCII only, so that cutting cannot split a character.
  std::string text = json.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > kMaxBytes) text = text.substr(0, kMaxBytes) + "...";
  return text;
}

}  // namespace colonnade::zarr
