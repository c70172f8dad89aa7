#include "questdb/wire/arrow_import.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "arrow/format.h"
#include "arrow/schema.h"
#include "base/quote.h"
#include "questdb/wire/field_metadata.h"
#include "questdb/wire/names.h"
#include "questdb/wire/valid_rows.h"

namespace colonnade::questdb::wire {

struct ArrowColumnPlan {
  enum class Kind : uint8_t { kFixed, kBits, kVarying, kCodes, kArrays };
  struct Level {
    VaryingValues::Layout layout = VaryingValues::Layout::kOffsets32;
    bool has_offsets = true;
    int64_t size = 0;
  };

  std::string name;  // empty for the designated timestamp
  int64_t child = 0;
  ColumnType type = ColumnType::kLong;
  int scale = 0;
  int geohash_bits = 0;
  Kind kind = Kind::kFixed;
  Element element = Element::kInt64;  // of values or codes
  int64_t multiplier = 1;
  VaryingValues::Layout layout = VaryingValues::Layout::kOffsets32;  // also of dictionaries
  int64_t width = 0;                                                 // of kFixedWidth
  std::vector<Level> levels;
};

namespace {

using Kind = ArrowColumnPlan::Kind;
using Layout = VaryingValues::Layout;

constexpr int64_t kMillisPerDay = 86'400'000;

// What an Arrow type is sent as, and what it may be sent as instead.
struct Choice {
  ColumnType type;
  Element element = Element::kInt64;
  int64_t multiplier = 1;
};

// Choices of the fixed-width types by their format, the default first.
std::vector<Choice> FixedChoices(std::string_view format) {
  using enum ColumnType;
  const auto integers = [](Element element, std::initializer_list<ColumnType> types) {
    std::vector<Choice> choices;
    for (const ColumnType type : types) choices.push_back({type, element});
    return choices;
  };
  if (format == "c") return integers(Element::kInt8, {kInt, kByte, kShort, kLong, kGeohash});
  if (format == "C") return integers(Element::kUInt8, {kInt, kShort, kLong});
  if (format == "s") return integers(Element::kInt16, {kInt, kShort, kLong, kGeohash});
  if (format == "S") return integers(Element::kUInt16, {kInt, kChar, kLong});
  if (format == "i") return integers(Element::kInt32, {kLong, kInt, kGeohash});
  if (format == "I") return integers(Element::kUInt32, {kLong, kIpv4});
  if (format == "l") return integers(Element::kInt64, {kLong, kGeohash});
  if (format == "L") return integers(Element::kUInt64, {kLong});
  if (format == "e") return integers(Element::kFloat16, {kFloat, kDouble});
  if (format == "f") return integers(Element::kFloat32, {kFloat, kDouble});
  if (format == "g") return integers(Element::kFloat64, {kDouble});
  if (format.starts_with("tss:")) return {{kTimestamp, Element::kInt64, 1'000'000}};
  if (format.starts_with("tsm:"))
    return {{kDate, Element::kInt64}, {kTimestamp, Element::kInt64, 1'000}};
  if (format.starts_with("tsu:")) return {{kTimestamp, Element::kInt64}};
  if (format.starts_with("tsn:")) return {{kTimestampNanos, Element::kInt64}};
  if (format == "tdD") return {{kDate, Element::kInt32, kMillisPerDay}};
  if (format == "tdm") return {{kDate, Element::kInt64}};
  if (format == "tts") return {{kLong, Element::kInt32, 1'000'000'000}};
  if (format == "ttm") return {{kLong, Element::kInt32, 1'000'000}};
  if (format == "tDs") return {{kLong, Element::kInt64, 1'000'000'000}};
  if (format == "tDm") return {{kLong, Element::kInt64, 1'000'000}};
  if (format == "ttu" || format == "tDu") return {{kLong, Element::kInt64, 1'000}};
  if (format == "ttn" || format == "tDn") return {{kLong, Element::kInt64}};
  return {};
}

std::vector<Choice> DecimalChoices(int64_t bits) {
  using enum ColumnType;
  if (bits == 32) return {{kDecimal64, Element::kInt32}};
  if (bits == 64) return {{kDecimal64, Element::kInt64}};
  // Decimals of 64 bits are exported as 128 for consumers without them.
  if (bits == 128) return {{kDecimal128, Element::kBytes16}, {kDecimal64, Element::kBytes16}};
  return {{kDecimal256, Element::kBytes32}};
}

std::optional<Layout> TextLayout(std::string_view format) {
  if (format == "u" || format == "z") return Layout::kOffsets32;
  if (format == "U" || format == "Z") return Layout::kOffsets64;
  if (format == "vu" || format == "vz") return Layout::kViews;
  return std::nullopt;
}

// How one column is sent: its Arrow type, its metadata, and what was asked for.
class ColumnPlanner {
 public:
  ColumnPlanner(const ArrowSchema& field, const ArrowImportOptions& options,
                const ColumnOverride* wanted, bool is_timestamp)
      : field_(field),
        format_text_(field.format),
        label_("column " + Quote(field.name != nullptr ? field.name : "")),
        options_(options),
        wanted_(wanted),
        is_timestamp_(is_timestamp) {}

  Result<ArrowColumnPlan> Make() {
    auto format = arrow::ParseFormat(format_text_);
    if (!format.ok()) return std::move(format).status().WithContext(label_);
    format_ = *std::move(format);
    auto metadata = ParseFieldMetadata(field_.metadata);
    if (!metadata.ok()) return std::move(metadata).status().WithContext(label_);
    metadata_ = *std::move(metadata);
    COLONNADE_RETURN_IF_ERROR(FindChoices());
    COLONNADE_ASSIGN_OR_RETURN(const Choice choice, Choose());
    plan_.type = choice.type;
    if (plan_.kind == Kind::kFixed || plan_.kind == Kind::kCodes) plan_.element = choice.element;
    plan_.multiplier = choice.multiplier;
    COLONNADE_RETURN_IF_ERROR(Finish());
    return std::move(plan_);
  }

 private:
  template <typename... Args>
  Status Bad(const Args&... args) const {
    return InvalidArgument(label_, ": ", args...);
  }
  Status NotSupported(std::string_view why = "") const {
    return Unsupported(label_, ": Arrow type ", arrow::TypeName(field_), " cannot be sent", why);
  }

  Status FindChoices() {
    using enum ColumnType;
    if (field_.dictionary != nullptr) return FindDictionaryChoices();
    if (format_text_ == "b") {
      plan_.kind = Kind::kBits;
      choices_ = {{kBoolean}};
    } else if (const auto layout = TextLayout(format_text_)) {
      plan_.kind = Kind::kVarying;
      plan_.layout = *layout;
      choices_ = format_.is_utf8 ? std::vector<Choice>{{kVarchar}, {kSymbol}}
                                 : std::vector<Choice>{{kBinary}, {kUuid}, {kLong256}};
    } else if (format_text_.starts_with("w:")) {
      plan_.kind = Kind::kVarying;
      plan_.layout = Layout::kFixedWidth;
      plan_.width = format_.bit_width / 8;
      choices_ = {{kBinary}, {kUuid}, {kLong256}};
    } else if (format_text_.starts_with("d:")) {
      choices_ = DecimalChoices(format_.bit_width);
      plan_.scale = format_.decimal_scale;
    } else if (format_text_.starts_with("+")) {
      return FindArrayChoices();
    } else {
      choices_ = FixedChoices(format_text_);
      if (choices_.empty()) return NotSupported();
    }
    return Status();
  }

  Status FindDictionaryChoices() {
    static constexpr std::pair<char, Element> kKeys[] = {
        {'c', Element::kInt8},   {'C', Element::kUInt8}, {'s', Element::kInt16},
        {'S', Element::kUInt16}, {'i', Element::kInt32}, {'I', Element::kUInt32}};
    const auto* key = std::find_if(std::begin(kKeys), std::end(kKeys),
                                   [&](const auto& k) { return k.first == format_text_[0]; });
    if (key == std::end(kKeys)) return NotSupported(" with keys of 64 bits");
    const std::string_view values = field_.dictionary->format;
    const auto layout = TextLayout(values);
    if (!layout || values.ends_with('z') || values.ends_with('Z') ||
        field_.dictionary->dictionary != nullptr) {
      return NotSupported(": its values are not text");
    }
    plan_.kind = Kind::kCodes;
    plan_.layout = *layout;
    choices_ = {{ColumnType::kSymbol, key->second}, {ColumnType::kVarchar, key->second}};
    return Status();
  }

  Status FindArrayChoices() {
    plan_.kind = Kind::kArrays;
    const ArrowSchema* level = &field_;
    while (level->format[0] == '+') {
      const auto format = arrow::ParseFormat(level->format);
      if (!format.ok() || level->dictionary != nullptr) return NotSupported();
      ArrowColumnPlan::Level planned;
      if (format->layout == arrow::Layout::kFixedList) {
        planned.has_offsets = false;
        planned.size = format->list_size;
      } else if (format->layout == arrow::Layout::kLargeList) {
        planned.layout = Layout::kOffsets64;
      } else if (format->layout != arrow::Layout::kList) {
        return NotSupported();
      }
      if (plan_.levels.size() == kMaxArrayDimensions)
        return NotSupported(": more than 32 dimensions");
      plan_.levels.push_back(planned);
      level = level->children[0];
    }
    if (std::string_view(level->format) != "g" || level->dictionary != nullptr)
      return NotSupported(": arrays are of float64");
    choices_ = {{ColumnType::kDoubleArray}};
    return Status();
  }

  bool MayBe(ColumnType type) const {
    return std::any_of(choices_.begin(), choices_.end(),
                       [type](const Choice& choice) { return choice.type == type; });
  }

  // An override, then metadata, then the Arrow type.
  Result<Choice> Choose() {
    std::optional<ColumnType> type;
    if (wanted_ != nullptr) {
      COLONNADE_ASSIGN_OR_RETURN(type, OverriddenType());
    } else {
      COLONNADE_ASSIGN_OR_RETURN(type, MetadataType());
      if (options_.symbols == SymbolChoice::kAll && MayBe(ColumnType::kSymbol))
        type = ColumnType::kSymbol;
      if (options_.symbols == SymbolChoice::kNone && MayBe(ColumnType::kSymbol))
        type = ColumnType::kVarchar;
    }
    if (is_timestamp_) {
      if (!format_text_.starts_with("ts"))
        return Bad("the designated timestamp is of type ", arrow::TypeName(field_));
      if (format_text_.starts_with("tsm:")) type = ColumnType::kTimestamp;
    }
    if (!type) return choices_.front();
    for (const Choice& choice : choices_) {
      if (choice.type == *type) return choice;
    }
    return Bad("Arrow type ", arrow::TypeName(field_), " cannot be sent as ",
               ColumnTypeName(*type));
  }

  Result<std::optional<ColumnType>> OverriddenType() {
    using Type = std::optional<ColumnType>;
    if (is_timestamp_) return Bad("the designated timestamp takes no override");
    switch (wanted_->kind) {
      case OverrideKind::kSymbol: return Type(ColumnType::kSymbol);
      case OverrideKind::kIpv4: return Type(ColumnType::kIpv4);
      case OverrideKind::kChar: return Type(ColumnType::kChar);
      case OverrideKind::kUuid: return Type(ColumnType::kUuid);
      case OverrideKind::kLong256: return Type(ColumnType::kLong256);
      case OverrideKind::kGeohash:
        plan_.geohash_bits = wanted_->argument;
        return Type(ColumnType::kGeohash);
      case OverrideKind::kNotSymbol:
        if (!MayBe(ColumnType::kSymbol)) {
          return Bad("Arrow type ", arrow::TypeName(field_),
                     " is not text, so that there is no symbol to avoid");
        }
        return Type(ColumnType::kVarchar);
    }
    return Bad("override ", static_cast<int>(wanted_->kind), " is not known");
  }

  // What the field's metadata agree on, if they say anything.
  Result<std::optional<ColumnType>> MetadataType() {
    std::optional<ColumnType> type = metadata_.column_type;
    const auto also = [&](ColumnType other, std::string_view why) {
      if (type && *type != other) {
        return Bad("its metadata ask for ", ColumnTypeName(*type), " and, by ", why, ", for ",
                   ColumnTypeName(other));
      }
      type = other;
      return Status();
    };
    if (metadata_.geohash_bits) {
      COLONNADE_RETURN_IF_ERROR(also(ColumnType::kGeohash, "questdb.geohash_bits"));
      plan_.geohash_bits = *metadata_.geohash_bits;
    }
    if (metadata_.is_uuid) COLONNADE_RETURN_IF_ERROR(also(ColumnType::kUuid, "arrow.uuid"));
    if (metadata_.symbol == true)
      COLONNADE_RETURN_IF_ERROR(also(ColumnType::kSymbol, "questdb.symbol"));
    if (metadata_.symbol == false) {
      if (type == ColumnType::kSymbol)
        return Bad("its metadata ask for a symbol and, by questdb.symbol, for none");
      if (MayBe(ColumnType::kSymbol)) type = ColumnType::kVarchar;
    }
    return type;
  }

  // The limits of the type that was chosen, and how its values come.
  Status Finish() {
    switch (plan_.type) {
      case ColumnType::kGeohash: {
        const int most = plan_.element == Element::kInt64
                             ? kMaxGeohashBits
                             : static_cast<int>(8 * ElementWidth(plan_.element));
        if (plan_.geohash_bits < 1 || plan_.geohash_bits > most) {
          return Bad("a geohash of ", plan_.geohash_bits, " bits; ", ElementName(plan_.element),
                     " takes 1 to ", most);
        }
        break;
      }
      case ColumnType::kUuid: return FinishCells(16, Element::kBytes16);
      case ColumnType::kLong256: return FinishCells(32, Element::kBytes32);
      case ColumnType::kDecimal64:
      case ColumnType::kDecimal128:
      case ColumnType::kDecimal256:
        if (plan_.scale < 0 || plan_.scale > MaxDecimalScale(plan_.type)) {
          return Unsupported(label_, ": a scale of ", plan_.scale, " is outside 0 .. ",
                             MaxDecimalScale(plan_.type), " of type ", ColumnTypeName(plan_.type));
        }
        break;
      default: break;
    }
    return Status();
  }

  // Values of one width that come as bytes.
  Status FinishCells(int64_t width, Element element) {
    if (plan_.layout != Layout::kFixedWidth) return Status();  // seen in the values
    if (plan_.width != width) {
      return Bad("values of ", plan_.width, " bytes cannot be sent as ", ColumnTypeName(plan_.type),
                 ", which has ", width);
    }
    plan_.kind = Kind::kFixed;
    plan_.element = element;
    return Status();
  }

  const ArrowSchema& field_;
  const std::string_view format_text_;
  const std::string label_;
  const ArrowImportOptions& options_;
  const ColumnOverride* const wanted_;
  const bool is_timestamp_;
  arrow::Format format_;
  FieldMetadata metadata_;
  std::vector<Choice> choices_;
  ArrowColumnPlan plan_;
};

std::string_view NameOf(const ArrowSchema& field) {
  return field.name != nullptr ? std::string_view(field.name) : std::string_view();
}

Status CheckNames(const ArrowSchema& schema, std::string_view timestamp) {
  std::vector<std::string_view> names;
  int64_t timestamps = 0;
  for (int64_t i = 0; i < schema.n_children; ++i) {
    const std::string_view name = NameOf(*schema.children[i]);
    if (!timestamp.empty() && name == timestamp) {
      ++timestamps;
      continue;
    }
    COLONNADE_RETURN_IF_ERROR(CheckColumnName(name));
    names.push_back(name);
  }
  if (!timestamp.empty() && timestamps != 1) {
    return InvalidArgument(
        "the designated timestamp ", Quote(timestamp),
        timestamps == 0 ? " is not among the columns" : " is the name of several columns");
  }
  if (names.empty()) return InvalidArgument("there is no column to send beside the timestamp");
  return CheckDistinct(names);
}

const void* Advance(const void* buffer, int64_t bytes) {
  return buffer == nullptr ? nullptr : static_cast<const std::byte*>(buffer) + bytes;
}

const uint8_t* BitsOf(const void* buffer) { return static_cast<const uint8_t*>(buffer); }

VaryingValues VaryingOf(const ArrowArray& array, int64_t offset, Layout layout, int64_t width) {
  VaryingValues values;
  values.layout = layout;
  switch (layout) {
    case Layout::kOffsets32:
    case Layout::kOffsets64:
      values.offsets = Advance(array.buffers[1], offset * (layout == Layout::kOffsets32 ? 4 : 8));
      values.data = BitsOf(array.buffers[2]);
      break;
    case Layout::kViews:
      values.offsets = Advance(array.buffers[1], offset * 16);
      values.view_buffers = array.buffers + 2;
      values.view_buffer_count = array.n_buffers - 3;
      break;
    case Layout::kFixedWidth:
      values.data = BitsOf(Advance(array.buffers[1], offset * width));
      values.width = width;
      break;
  }
  return values;
}

ArrayValues ArraysOf(const ArrowColumnPlan& plan, const ArrowArray& column, int64_t offset) {
  ArrayValues values;
  const ArrowArray* level = &column;
  for (const ArrowColumnPlan::Level& planned : plan.levels) {
    const bool is_outermost = values.levels.empty();
    ArrayValues::Level& made = values.levels.emplace_back();
    made.layout = planned.layout;
    made.offsets = planned.has_offsets ? level->buffers[1] : nullptr;
    made.size = planned.size;
    made.first = is_outermost ? offset : level->offset;
    made.validity = {BitsOf(level->buffers[0]), made.first};
    level = level->children[0];
  }
  values.elements = level->buffers[1];
  values.first_element = level->offset;
  values.element_validity = {BitsOf(level->buffers[0]), level->offset};
  return values;
}

Result<Column> ColumnOf(const ArrowColumnPlan& plan, const ArrowArray& array, int64_t offset) {
  Column column;
  column.name = plan.name;
  column.type = plan.type;
  column.scale = plan.scale;
  column.geohash_bits = plan.geohash_bits;
  column.validity = {BitsOf(array.buffers[0]), offset};
  switch (plan.kind) {
    case Kind::kFixed: {
      const auto width = static_cast<int64_t>(ElementWidth(plan.element));
      column.values =
          FixedValues{Advance(array.buffers[1], offset * width), plan.element, plan.multiplier};
      break;
    }
    case Kind::kBits: column.values = BitValues{BitsOf(array.buffers[1]), offset}; break;
    case Kind::kVarying: column.values = VaryingOf(array, offset, plan.layout, plan.width); break;
    case Kind::kCodes: {
      const ArrowArray& dictionary = *array.dictionary;
      if (dictionary.length > kMaxDictionaryEntries) {
        return LimitExceeded(ColumnLabel(column), ": a dictionary of ", dictionary.length,
                             " values, more than ", kMaxDictionaryEntries);
      }
      SymbolValues values;
      values.codes =
          Advance(array.buffers[1], offset * static_cast<int64_t>(ElementWidth(plan.element)));
      values.element = plan.element;
      values.dictionary = VaryingOf(dictionary, dictionary.offset, plan.layout, 0);
      values.dictionary_validity = {BitsOf(dictionary.buffers[0]), dictionary.offset};
      values.dictionary_size = dictionary.length;
      column.values = values;
      break;
    }
    case Kind::kArrays: column.values = ArraysOf(plan, array, offset); break;
  }
  return column;
}

}  // namespace

Result<ArrowPlan> ArrowPlan::Make(const ArrowSchema& schema, const ArrowImportOptions& options) {
  if (std::string_view(schema.format) != "+s") {
    return InvalidArgument("rows come as Arrow structs, not as ", arrow::TypeName(schema));
  }
  const std::string_view timestamp = options.timestamp_column;
  COLONNADE_RETURN_IF_ERROR(CheckNames(schema, timestamp));
  std::unordered_map<std::string_view, const ColumnOverride*> overrides;
  for (const ColumnOverride& wanted : options.overrides) {
    if (!overrides.emplace(wanted.column, &wanted).second)
      return InvalidArgument("there are two overrides of column ", Quote(wanted.column));
  }
  ArrowPlan plan;
  std::shared_ptr<const ArrowColumnPlan> last;
  for (int64_t i = 0; i < schema.n_children; ++i) {
    const ArrowSchema& field = *schema.children[i];
    const std::string_view name = NameOf(field);
    const bool is_timestamp = !timestamp.empty() && name == timestamp;
    const auto wanted = overrides.find(name);
    const ColumnOverride* override = wanted != overrides.end() ? wanted->second : nullptr;
    COLONNADE_ASSIGN_OR_RETURN(ArrowColumnPlan column,
                               ColumnPlanner(field, options, override, is_timestamp).Make());
    column.child = i;
    if (!is_timestamp) column.name = name;
    if (override != nullptr) overrides.erase(wanted);
    auto shared = std::make_shared<const ArrowColumnPlan>(std::move(column));
    if (is_timestamp) {
      last = std::move(shared);
    } else {
      plan.columns_.push_back(std::move(shared));
    }
  }
  for (const ColumnOverride& wanted : options.overrides) {
    if (overrides.contains(wanted.column))
      return InvalidArgument("there is no column ", Quote(wanted.column), " to override");
  }
  if (last != nullptr) plan.columns_.push_back(std::move(last));
  return plan;
}

Result<std::vector<Column>> ArrowPlan::Columns(const ArrowArray& batch) const {
  if (batch.length > kMaxBatchRows) {
    return LimitExceeded("a batch of ", batch.length, " rows, more than ", kMaxBatchRows);
  }
  const Validity rows{BitsOf(batch.buffers[0]), batch.offset};
  if (!AllValid(rows, 0, batch.length))
    return InvalidArgument("rows of the batch itself are missing");
  std::vector<Column> columns;
  columns.reserve(columns_.size());
  for (const auto& plan : columns_) {
    const ArrowArray& array = *batch.children[plan->child];
    COLONNADE_ASSIGN_OR_RETURN(Column column, ColumnOf(*plan, array, batch.offset + array.offset));
    columns.push_back(std::move(column));
  }
  return columns;
}

}  // namespace colonnade::questdb::wire
