#include "arrow/schema.h"

#include <nanoarrow/nanoarrow.h>

#include <string_view>

#include "arrow/validate.h"
#include "base/quote.h"

namespace colonnade::arrow {
namespace {

// "d:10,2,128" is another way to write "d:10,2".
std::string_view CanonicalFormat(std::string_view format) {
  constexpr std::string_view kDefaultWidth = ",128";
  if (format.starts_with("d:") && format.ends_with(kDefaultWidth) &&
      format.find(',') + kDefaultWidth.size() < format.size()) {
    format.remove_suffix(kDefaultWidth.size());
  }
  return format;
}

std::string_view NameOf(const ArrowSchema& schema) {
  return schema.name != nullptr ? std::string_view(schema.name) : std::string_view();
}

}  // namespace

Result<Schema> MakeSchema(std::span<const FieldFormat> fields) {
  Schema schema;
  ArrowSchemaInit(schema.out());
  if (ArrowSchemaSetTypeStruct(schema.get(), static_cast<int64_t>(fields.size())) != NANOARROW_OK)
    return LimitExceeded("out of memory making a schema of ", fields.size(), " columns");
  for (size_t i = 0; i < fields.size(); ++i) {
    const FieldFormat& field = fields[i];
    if (field.name.find('\0') != std::string::npos)
      return InvalidArgument("column name ", Quote(field.name), " has a NUL byte");
    ArrowSchema* child = schema->children[i];
    if (field.type != nullptr) {
      if (ArrowSchemaDeepCopy(field.type, child) != NANOARROW_OK) {
        child->release = nullptr;
        return LimitExceeded("out of memory copying a schema");
      }
    } else {
      ArrowSchemaInit(child);
      if (ArrowSchemaSetFormat(child, field.format.c_str()) != NANOARROW_OK)
        return LimitExceeded("out of memory making a schema");
    }
    if (ArrowSchemaSetName(child, field.name.c_str()) != NANOARROW_OK)
      return LimitExceeded("out of memory making a schema");
    if (field.type != nullptr || field.dictionary.empty()) continue;
    if (ArrowSchemaAllocateDictionary(child) != NANOARROW_OK)
      return LimitExceeded("out of memory making a schema");
    ArrowSchemaInit(child->dictionary);
    if (ArrowSchemaSetFormat(child->dictionary, field.dictionary.c_str()) != NANOARROW_OK)
      return LimitExceeded("out of memory making a schema");
    if (field.is_ordered) child->flags |= ARROW_FLAG_DICTIONARY_ORDERED;
  }
  COLONNADE_RETURN_IF_ERROR(ValidateSchema(schema.get()));
  return schema;
}

Result<Schema> SelectColumns(const ArrowSchema& schema, std::span<const size_t> columns) {
  Schema selected;
  ArrowSchemaInit(selected.out());
  if (ArrowSchemaSetTypeStruct(selected.get(), static_cast<int64_t>(columns.size())) !=
      NANOARROW_OK) {
    return LimitExceeded("out of memory making a schema of ", columns.size(), " columns");
  }
  for (size_t i = 0; i < columns.size(); ++i) {
    ArrowSchema* child = selected->children[i];
    if (child->release != nullptr) child->release(child);
    if (ArrowSchemaDeepCopy(schema.children[columns[i]], child) != NANOARROW_OK) {
      child->release = nullptr;
      return LimitExceeded("out of memory copying a schema");
    }
  }
  return selected;
}

bool SameType(const ArrowSchema& left, const ArrowSchema& right) {
  const std::string_view format = CanonicalFormat(left.format);
  if (format != CanonicalFormat(right.format) || left.n_children != right.n_children) return false;
  if ((left.dictionary == nullptr) != (right.dictionary == nullptr)) return false;
  if (left.dictionary != nullptr && !SameType(*left.dictionary, *right.dictionary)) return false;
  const bool has_names = format == "+s" || format.starts_with("+u");
  for (int64_t i = 0; i < left.n_children; ++i) {
    if (has_names && NameOf(*left.children[i]) != NameOf(*right.children[i])) return false;
    if (!SameType(*left.children[i], *right.children[i])) return false;
  }
  return true;
}

std::string TypeName(const ArrowSchema& schema) {
  char text[200];
  const int64_t length = ArrowSchemaToString(&schema, text, sizeof(text), 1);
  std::string name = EscapeControls(text);
  if (length >= static_cast<int64_t>(sizeof(text))) name += "...";
  return name;
}

}  // namespace colonnade::arrow
