#include "base/json.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "base/quote.h"

namespace colonnade {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// The length of the non-finite token that starts at `at`, or 0. Only where a value may stand: an
// object key or a part of a longer word stays as it is, for the parser to refuse.
size_t NonFiniteLength(std::string_view text, size_t at) {
  size_t length = 0;
  for (const std::string_view token : {"NaN", "Infinity", "-Infinity"}) {
    if (text.substr(at, token.size()) == token) length = token.size();
  }
  if (length == 0) return 0;
  if (at > 0 && !IsSpace(text[at - 1]) &&
      std::string_view("[,:").find(text[at - 1]) == std::string_view::npos) {
    return 0;
  }
  size_t next = at + length;
  while (next < text.size() && IsSpace(text[next])) ++next;
  if (next == text.size()) return length;
  return std::string_view(",]}").find(text[next]) == std::string_view::npos ? 0 : length;
}

// One pass ahead of the parser. It applies the limits without recursion, because the parser's own
// callbacks know no byte offset, and finds the non-finite tokens.
Status Scan(std::string_view text, const JsonLimits& limits, std::vector<size_t>* non_finite) {
  size_t depth = 0;
  size_t values = 1;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
      continue;
    }
    switch (c) {
      case '"': in_string = true; break;
      case '[':
      case '{':
        if (++depth > limits.max_depth) {
          return LimitExceeded("JSON nested deeper than ", limits.max_depth, " levels at byte ", i);
        }
        ++values;
        break;
      case ']':
      case '}':
        if (depth > 0) --depth;
        break;
      case ',': ++values; break;
      case 'N':
      case 'I':
      case '-':
        if (const size_t length = NonFiniteLength(text, i); length != 0) {
          non_finite->push_back(i);
          i += length - 1;
        }
        break;
      case '\0':
        // The parser takes it for the end and would not see what follows.
        return InvalidData("not JSON at byte ", i, ": a zero byte",
                           i < 4 ? " (UTF-16 or UTF-32 text is not JSON)" : "");
      default: break;
    }
    if (values > limits.max_values) {
      return LimitExceeded("JSON of more than ", limits.max_values, " values at byte ", i);
    }
  }
  return {};
}

// The text with the non-finite tokens in quotes.
std::string QuoteTokens(std::string_view text, const std::vector<size_t>& tokens) {
  std::string quoted;
  quoted.reserve(text.size() + 2 * tokens.size());
  size_t done = 0;
  for (const size_t at : tokens) {
    const size_t end = at + NonFiniteLength(text, at);
    quoted.append(text, done, at - done).append(1, '"').append(text, at, end - at).append(1, '"');
    done = end;
  }
  return quoted.append(text, done);
}

// The offset in the original text of an offset in QuoteTokens(text, tokens).
size_t OriginalOffset(size_t offset, const std::vector<size_t>& tokens) {
  size_t before = 0;  // tokens that start before `offset`; token i starts at tokens[i] + 2 * i
  for (size_t count = tokens.size(); count > 0;) {
    const size_t half = count / 2;
    if (tokens[before + half] + 2 * (before + half) < offset) {
      before += half + 1;
      count -= half + 1;
    } else {
      count = half;
    }
  }
  return offset - std::min(offset, 2 * before);
}

// Builds the document from the parser's events, so that duplicate keys are seen.
class Builder final : public nlohmann::json_sax<Json> {
 public:
  Builder(const JsonLimits& limits, std::vector<std::string>* duplicates)
      : limits_(limits), duplicates_(duplicates) {}

  bool null() override { return Add(nullptr); }
  bool boolean(bool value) override { return Add(value); }
  bool number_integer(int64_t value) override { return Add(value); }
  bool number_unsigned(uint64_t value) override { return Add(value); }
  bool number_float(double value, const std::string&) override { return Add(value); }
  bool string(std::string& value) override { return Add(std::move(value)); }
  bool binary(Json::binary_t&) override { return false; }
  bool start_object(size_t) override { return Open(Json::object()); }
  bool end_object() override { return Close(); }
  bool start_array(size_t) override { return Open(Json::array()); }
  bool end_array() override { return Close(); }

  bool key(std::string& key) override {
    auto& object = open_.back().container->get_ref<Json::object_t&>();
    const auto [member, is_new] = object.try_emplace(std::move(key));
    open_.back().key = &member->first;
    target_ = &member->second;
    return is_new || duplicates_ == nullptr || ReportDuplicate();
  }

  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    failed_at_ = position == 0 ? 0 : position - 1;  // the parser counts from 1
    failure_ = error.what();
    return false;
  }

  Json TakeDocument() { return std::move(document_); }
  const Status& limit() const { return limit_; }
  size_t failed_at() const { return failed_at_; }
  const std::string& failure() const { return failure_; }

 private:
  struct OpenContainer {
    Json* container;         // stable: a parent does not change while a child is open
    const std::string* key;  // of the current member; null in an array
  };

  Json* Put(Json value) {
    if (open_.empty()) {
      document_ = std::move(value);
      return &document_;
    }
    if (open_.back().container->is_array()) {
      auto& array = open_.back().container->get_ref<Json::array_t&>();
      array.push_back(std::move(value));
      return &array.back();
    }
    *target_ = std::move(value);
    return target_;
  }

  bool Add(Json value) {
    Put(std::move(value));
    return true;
  }

  bool Open(Json value) {
    open_.push_back({Put(std::move(value)), nullptr});
    return true;
  }

  bool Close() {
    open_.pop_back();
    return true;
  }

  bool ReportDuplicate() {
    if (++reported_ > limits_.max_duplicates) {
      limit_ = LimitExceeded("JSON with more than ", limits_.max_duplicates, " duplicate keys");
      return false;
    }
    constexpr size_t kMaxPath = 4096;  // keys may be as long as the document
    std::string path;
    for (const auto& [container, key] : open_) {
      if (path.size() > kMaxPath) break;
      path += '/';
      if (key == nullptr) {
        path += std::to_string(container->size() - 1);
        continue;
      }
      for (const char c : std::string_view(*key).substr(0, kMaxPath)) {
        if (c == '~') {
          path += "~0";
        } else if (c == '/') {
          path += "~1";
        } else {
          path += c;
        }
      }
    }
    duplicates_->push_back(std::move(path));
    return true;
  }

  const JsonLimits& limits_;
  std::vector<std::string>* const duplicates_;
  Json document_;
  Json* target_ = nullptr;  // value of the current key
  std::vector<OpenContainer> open_;
  size_t reported_ = 0;
  Status limit_;
  size_t failed_at_ = 0;
  std::string failure_;
};

// The reason in the library's message, without its prefix ("[json.exception...] parse error at line
// 1, column 2: ") and without the text it read, which may be as long as the document.
std::string Reason(std::string_view message) {
  if (const size_t end = message.find("] "); end != std::string_view::npos) {
    message.remove_prefix(end + 2);
  }
  constexpr std::string_view kSyntax = "syntax error ";
  if (const size_t start = message.find(kSyntax); start != std::string_view::npos) {
    message.remove_prefix(start + kSyntax.size());
  }
  std::string reason(message);
  constexpr std::string_view kRead = "; last read: '";
  if (const size_t read = message.find(kRead); read != std::string_view::npos) {
    const size_t end = message.rfind('\'');
    reason = std::string(message.substr(0, read));
    reason += message.substr(std::max(end, read + kRead.size() - 1) + 1);
  }
  return EscapeControls(reason);
}

}  // namespace

Result<Json> ParseJson(std::string_view text, const JsonLimits& limits,
                       std::vector<std::string>* duplicates) {
  if (text.size() > limits.max_bytes) {
    return LimitExceeded("JSON of ", text.size(), " bytes, the limit is ", limits.max_bytes);
  }
  const size_t skipped = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  std::vector<size_t> non_finite;
  COLONNADE_RETURN_IF_ERROR(Scan(text, limits, &non_finite));
  std::string quoted;
  std::string_view document = text;
  if (!non_finite.empty()) {
    quoted = QuoteTokens(text, non_finite);
    document = quoted;
  }
  document.remove_prefix(skipped);

  Builder builder(limits, duplicates);
  if (document.starts_with(kByteOrderMark)) {  // the parser would skip a second one
    return InvalidData("not JSON at byte ", skipped, ": a second byte order mark");
  }
  if (!Json::sax_parse(document.begin(), document.end(), &builder)) {
    if (!builder.limit().ok()) return builder.limit();
    return InvalidData("not JSON at byte ",
                       OriginalOffset(builder.failed_at() + skipped, non_finite), ": ",
                       Reason(builder.failure()));
  }
  return builder.TakeDocument();
}

const Json* FindMember(const Json& json, std::string_view key) {
  if (!json.is_object()) return nullptr;
  const auto& object = json.get_ref<const Json::object_t&>();
  const auto member = object.find(key);
  return member == object.end() ? nullptr : &member->second;
}

}  // namespace colonnade
