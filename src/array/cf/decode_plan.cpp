#include "array/cf/decode_plan.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "array/cf/sentinel.h"
#include "base/quote.h"

namespace colonnade::array::cf {
namespace {

// Each costs one comparison per value.
constexpr size_t kMaxSentinels = 64;

const Json* Find(const Json& attributes, const char* name) {
  if (!attributes.is_object()) return nullptr;
  const auto found = attributes.find(name);
  return found == attributes.end() || found->is_null() ? nullptr : &*found;
}

const std::string* FindText(const Json& attributes, const char* name) {
  const Json* value = Find(attributes, name);
  return value != nullptr && value->is_string() ? &value->get_ref<const std::string&>() : nullptr;
}

ValueType ValueTypeOf(ElementKind kind) {
  switch (kind) {
    case ElementKind::kBool: return ValueType::kBool;
    case ElementKind::kInt8: return ValueType::kInt8;
    case ElementKind::kInt16: return ValueType::kInt16;
    case ElementKind::kInt32: return ValueType::kInt32;
    case ElementKind::kInt64: return ValueType::kInt64;
    case ElementKind::kUInt8: return ValueType::kUInt8;
    case ElementKind::kUInt16: return ValueType::kUInt16;
    case ElementKind::kUInt32: return ValueType::kUInt32;
    case ElementKind::kUInt64: return ValueType::kUInt64;
    case ElementKind::kFloat16:
    case ElementKind::kFloat32: return ValueType::kFloat32;
    case ElementKind::kFloat64: return ValueType::kFloat64;
    case ElementKind::kDatetime64:
    case ElementKind::kTimedelta64: return ValueType::kInt64;
    case ElementKind::kFixedBytes:
    case ElementKind::kFixedUtf32:
    case ElementKind::kString: return ValueType::kString;
  }
  return ValueType::kString;
}

// The integer kind of the same width and the other signedness.
ElementKind WithSignedness(ElementKind kind, bool is_unsigned) {
  constexpr int kDistance =
      static_cast<int>(ElementKind::kUInt8) - static_cast<int>(ElementKind::kInt8);
  const bool is_now = kind >= ElementKind::kUInt8;
  if (is_now == is_unsigned) return kind;
  return static_cast<ElementKind>(static_cast<int>(kind) + (is_unsigned ? kDistance : -kDistance));
}

// Fills a plan attribute by attribute; what is ignored leaves a note.
class PlanMaker {
 public:
  PlanMaker(const ElementType& written, const Json& attributes, const DecodeOptions& options)
      : written_(written), attributes_(attributes), options_(options) {
    plan_.stored = written;
  }

  DecodePlan Make() && {
    ReadUnsigned();
    plan_.value = ValueTypeOf(plan_.stored.kind);
    plan_.nan_is_null = plan_.stored.is_float() && options_.nan == NanPolicy::kNull;
    ReadSentinels();
    ReadScale();
    if (!ReadBoolean()) ReadTime();
    return std::move(plan_);
  }

 private:
  template <typename... Args>
  void Note(const Args&... args) {
    plan_.notes.push_back(internal::Concat(args...));
  }

  bool is_number() const { return plan_.stored.is_integer() || plan_.stored.is_float(); }

  void ReadUnsigned() {
    const Json* value = Find(attributes_, "_Unsigned");
    if (value == nullptr) return;
    const std::string* text = FindText(attributes_, "_Unsigned");
    const bool is_true =
        *value == true || (text != nullptr && (*text == "true" || *text == "True"));
    const bool is_false =
        *value == false || (text != nullptr && (*text == "false" || *text == "False"));
    if (!is_true && !is_false) {
      Note("_Unsigned ", BriefJson(*value), ": ignored, neither \"true\" nor \"false\"");
    } else if (!written_.is_integer()) {
      Note("_Unsigned: ignored, ", ToString(written_), " is not an integer type");
    } else {
      plan_.stored.kind = WithSignedness(written_.kind, is_true);
    }
  }

  void ReadSentinels() {
    const ElementKind kind = plan_.stored.kind;
    if (kind == ElementKind::kTimedelta64 || kind == ElementKind::kDatetime64) {
      StoredValue not_a_time;
      not_a_time.i = std::numeric_limits<int64_t>::min();
      plan_.sentinels.push_back(not_a_time);
    }
    const SentinelForm form =
        options_.base64_float_fill ? SentinelForm::kBase64Attribute : SentinelForm::kAttribute;
    for (const char* name : {"_FillValue", "missing_value"}) {
      const Json* value = Find(attributes_, name);
      if (value == nullptr) continue;
      if (!value->is_array()) {
        AddSentinel(name, *value, form);
        continue;
      }
      for (const Json& item : *value) {
        if (!AddSentinel(name, item, form)) break;
      }
    }
    if (options_.fill_sentinel && !options_.fill_sentinel->is_null()) {
      AddSentinel("fill_value", *options_.fill_sentinel, SentinelForm::kZarrFill);
    }
  }

  // False if there is no room for more.
  bool AddSentinel(const char* name, const Json& constant, SentinelForm form) {
    const Result<Sentinel> sentinel = ParseSentinel(constant, written_, plan_.stored, form);
    if (!sentinel.ok()) {
      ++rejected_;
      if (rejected_ <= kMaxSentinels) {
        Note(name, " ", BriefJson(constant), ": ignored, ", sentinel.status().message());
      }
      return rejected_ < kMaxSentinels;
    }
    if (sentinel->is_nan) {
      plan_.nan_is_null = true;
      return true;
    }
    if (plan_.sentinels.size() + plan_.text_sentinels.size() >= kMaxSentinels) {
      Note(name, ": more than ", kMaxSentinels, " values, the rest is ignored");
      return false;
    }
    for (const std::string& text : sentinel->texts) {
      if (std::ranges::find(plan_.text_sentinels, text) == plan_.text_sentinels.end()) {
        plan_.text_sentinels.push_back(text);
      }
    }
    if (plan_.stored.is_text()) return true;
    const bool is_float = plan_.stored.is_float();
    const bool is_known = std::ranges::any_of(plan_.sentinels, [&](const StoredValue& known) {
      return is_float ? known.f == sentinel->value.f : known.u == sentinel->value.u;
    });
    if (!is_known) plan_.sentinels.push_back(sentinel->value);
    return true;
  }

  // The attribute as a finite number; a list of one counts. Leaves a note and sets `bad` otherwise.
  std::optional<double> ReadNumber(const char* name, bool* bad) {
    const Json* value = Find(attributes_, name);
    if (value == nullptr) return std::nullopt;
    const Json& number = value->is_array() && value->size() == 1 ? value->front() : *value;
    if (number.is_number() && std::isfinite(number.get<double>())) return number.get<double>();
    Note(name, " ", BriefJson(*value), ": ignored, not a finite number");
    *bad = true;
    return std::nullopt;
  }

  void ReadScale() {
    bool bad = false;
    const std::optional<double> scale = ReadNumber("scale_factor", &bad);
    const std::optional<double> offset = ReadNumber("add_offset", &bad);
    if (scale == 0.0) {
      Note("scale_factor 0: ignored");
      bad = true;
    }
    if (!scale && !offset) return;
    if (!is_number()) {
      Note("scale_factor, add_offset: ignored, ", ToString(plan_.stored), " is not a number");
      return;
    }
    if (bad) {
      // Half of a packing would give numbers that look right and are not.
      Note("scale_factor, add_offset: values are as stored");
      return;
    }
    plan_.scaled = true;
    plan_.scale = scale.value_or(1);
    plan_.offset = offset.value_or(0);
    plan_.value = ValueType::kFloat64;
  }

  bool ReadBoolean() {
    const std::string* type = FindText(attributes_, "dtype");
    if (type == nullptr || *type != "bool" || plan_.stored.kind == ElementKind::kBool) return false;
    if (plan_.stored.kind != ElementKind::kInt8 || plan_.scaled) {
      Note("dtype \"bool\": ignored, only for unpacked int8");
      return false;
    }
    plan_.value = ValueType::kBool;
    return true;
  }

  void ReadTime() {
    if (plan_.stored.kind == ElementKind::kDatetime64) {
      ReadDatetime();
      return;
    }
    const std::string* units = FindText(attributes_, "units");
    if (units == nullptr || !MentionsSince(*units)) return;
    if (!is_number()) {
      if (plan_.stored.kind != ElementKind::kTimedelta64) {
        Note("units ", BriefJson(*units), ": ignored, ", ToString(plan_.stored),
             " is not a number");
      }
      return;
    }
    const Json* calendar = Find(attributes_, "calendar");
    const std::string* calendar_text = FindText(attributes_, "calendar");
    if (calendar != nullptr && calendar_text == nullptr) {
      Note("calendar ", BriefJson(*calendar), ": not text, values are as stored");
      return;
    }
    const Result<TimePlan> time =
        ParseTimeUnits(*units, calendar_text != nullptr ? std::string_view(*calendar_text) : "");
    if (!time.ok()) {
      std::string note = internal::Concat("units ", BriefJson(*units));
      if (calendar != nullptr) note += internal::Concat(", calendar ", BriefJson(*calendar));
      Note(note, ": values are as stored, ", EscapeControls(time.status().message()));
      return;
    }
    SetTime(*time);
  }

  void ReadDatetime() {
    if (plan_.stored.unit == TimeUnit::kGeneric) {
      Note("datetime64 without a unit: values are as stored");
      return;
    }
    TimePlan time;
    time.multiplier = std::max(plan_.stored.multiplier, 1);
    constexpr int64_t kSecond = 1'000'000'000;
    switch (plan_.stored.unit) {
      case TimeUnit::kGeneric: return;
      case TimeUnit::kYear: time.unit_months = 12; break;
      case TimeUnit::kMonth: time.unit_months = 1; break;
      case TimeUnit::kWeek: time.unit_nanos = 7 * 86'400 * kSecond; break;
      case TimeUnit::kDay: time.unit_nanos = 86'400 * kSecond; break;
      case TimeUnit::kHour: time.unit_nanos = 3'600 * kSecond; break;
      case TimeUnit::kMinute: time.unit_nanos = 60 * kSecond; break;
      case TimeUnit::kSecond: time.unit_nanos = kSecond; break;
      case TimeUnit::kMillisecond: time.unit_nanos = 1'000'000; break;
      case TimeUnit::kMicrosecond: time.unit_nanos = 1'000; break;
      case TimeUnit::kNanosecond: time.unit_nanos = 1; break;
      case TimeUnit::kPicosecond: time = Finer(time, 1'000); break;
      case TimeUnit::kFemtosecond: time = Finer(time, 1'000'000); break;
      case TimeUnit::kAttosecond: time = Finer(time, 1'000'000'000); break;
    }
    SetTime(time);
  }

  static TimePlan Finer(TimePlan time, int64_t divisor) {
    time.unit_nanos = 1;
    time.nanos_divisor = divisor;
    return time;
  }

  void SetTime(const TimePlan& time) {
    plan_.time = time;
    plan_.value = time.unit_months == 0 && time.unit_nanos < 1'000 ? ValueType::kTimestampNanos
                                                                   : ValueType::kTimestampMicros;
  }

  static bool MentionsSince(std::string_view units) {
    constexpr std::string_view kWord = "since";
    return !std::ranges::search(units, kWord, {}, [](char c) {
              return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
            }).empty();
  }

  const ElementType& written_;
  const Json& attributes_;
  const DecodeOptions& options_;
  DecodePlan plan_;
  size_t rejected_ = 0;
};

}  // namespace

bool DecodePlan::is_identity() const {
  if (scaled) return false;
  if (!time) return stored.kind != ElementKind::kFloat16 && value == ValueTypeOf(stored.kind);
  const bool is_int64 =
      stored.kind == ElementKind::kDatetime64 || stored.kind == ElementKind::kInt64;
  const TimePlan as_stored{.unit_nanos = value == ValueType::kTimestampNanos ? 1 : 1'000};
  return is_int64 && *time == as_stored;
}

DecodePlan MakeDecodePlan(const ElementType& stored, const Json& attributes,
                          const DecodeOptions& options) {
  return PlanMaker(stored, attributes, options).Make();
}

}  // namespace colonnade::array::cf
