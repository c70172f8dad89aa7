#include "sql_type_hint.h"

#include <cctype>
#include <cstdint>
#include <optional>
#include <utility>

namespace colonnade::python {
namespace {

// The types that Arrow does not tell apart from others.
bool SaysMore(std::string_view type) {
  for (const std::string_view name : {"UUID", "HUGEINT", "BIT", "BIGNUM", "TIME WITH TIME ZONE"}) {
    if (type.find(name) != std::string_view::npos) return true;
  }
  return false;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  bool at_end() {
    SkipSpaces();
    return text_.empty();
  }

  // A type with its [] suffixes. Those come last in the text but are the outermost lists, so the
  // type is parsed along as many children of the schema as there are suffixes.
  std::optional<TypeHint> Type(const ArrowSchema& schema) {
    const std::string_view begin = text_;
    if (!SkipBase()) return std::nullopt;
    std::string_view base = begin.substr(0, begin.size() - text_.size());
    int lists = 0;
    while (SkipList()) ++lists;

    const ArrowSchema* inner = &schema;
    for (int i = 0; i < lists; ++i) {
      if (inner->n_children != 1) return std::nullopt;
      inner = inner->children[0];
    }
    std::optional<TypeHint> hint = Parser(base).Base(*inner);
    for (int i = 0; i < lists && hint.has_value(); ++i) {
      TypeHint list{"LIST", {}};
      list.children.push_back(*std::move(hint));
      hint = std::move(list);
    }
    return hint;
  }

 private:
  void SkipSpaces() {
    while (!text_.empty() && text_[0] == ' ') text_.remove_prefix(1);
  }

  bool Skip(char expected) {
    SkipSpaces();
    if (text_.empty() || text_[0] != expected) return false;
    text_.remove_prefix(1);
    return true;
  }

  // Text in quotes, which are doubled inside.
  bool SkipQuoted(char quote) {
    if (!Skip(quote)) return false;
    while (!text_.empty()) {
      if (!Skip1(quote)) {
        text_.remove_prefix(1);
      } else if (!Skip1(quote)) {
        return true;
      }
    }
    return false;
  }
  bool Skip1(char expected) {  // no spaces skipped
    if (text_.empty() || text_[0] != expected) return false;
    text_.remove_prefix(1);
    return true;
  }

  // The words of a type, and what is in parentheses after them.
  bool SkipBase() {
    SkipSpaces();
    bool any = false;
    while (!text_.empty() && text_[0] != ',' && text_[0] != ')' && text_[0] != '[') {
      if (text_[0] == '(') return SkipParentheses();
      if (text_[0] == '"') {
        if (!SkipQuoted('"')) return false;
      } else {
        text_.remove_prefix(1);
      }
      any = true;
    }
    return any;
  }

  bool SkipParentheses() {
    int depth = 0;
    while (!text_.empty()) {
      const char c = text_[0];
      if (c == '"' || c == '\'') {
        if (!SkipQuoted(c)) return false;
        continue;
      }
      text_.remove_prefix(1);
      if (c == '(') ++depth;
      if (c == ')' && --depth == 0) return true;
    }
    return false;
  }

  bool SkipList() {
    if (text_.empty() || text_[0] != '[') return false;
    text_.remove_prefix(1);
    while (!text_.empty() && std::isdigit(static_cast<unsigned char>(text_[0])) != 0)
      text_.remove_prefix(1);
    return Skip1(']');
  }

  // A field's name, which may be a quoted one.
  bool SkipName() {
    SkipSpaces();
    if (!text_.empty() && text_[0] == '"') return SkipQuoted('"');
    const size_t end = text_.find_first_of(" ,()");
    if (end == std::string_view::npos || end == 0 || text_[end] != ' ') return false;
    text_.remove_prefix(end);
    return true;
  }

  std::optional<TypeHint> Base(const ArrowSchema& schema) {
    SkipSpaces();
    size_t end = text_.find('(');
    TypeHint hint;
    hint.name = text_.substr(0, end);
    if (hint.name != "STRUCT" && hint.name != "UNION" && hint.name != "MAP") return hint;
    if (end == std::string_view::npos) return std::nullopt;
    text_.remove_prefix(end + 1);

    const ArrowSchema* fields = &schema;
    if (hint.name == "MAP") {
      if (schema.n_children != 1) return std::nullopt;
      fields = schema.children[0];
    }
    for (int64_t i = 0; i < fields->n_children; ++i) {
      const ArrowSchema& field = *fields->children[i];
      const bool named = hint.name != "MAP" && field.name != nullptr && *field.name != '\0';
      if ((i > 0 && !Skip(',')) || (named && !SkipName())) return std::nullopt;
      std::optional<TypeHint> child = Type(field);
      if (!child.has_value()) return std::nullopt;
      hint.children.push_back(*std::move(child));
    }
    if (!Skip(')') || !at_end()) return std::nullopt;
    return hint;
  }

  std::string_view text_;
};

}  // namespace

TypeHint ParseTypeHint(const ArrowSchema& schema, std::string_view sql_type) {
  if (!SaysMore(sql_type)) return {};
  Parser parser(sql_type);
  std::optional<TypeHint> hint = parser.Type(schema);
  return hint.has_value() && parser.at_end() ? *std::move(hint) : TypeHint{};
}

}  // namespace colonnade::python
