#include "array/element_type.h"

namespace colonnade::array {
namespace {

std::string_view KindName(ElementKind kind) {
  switch (kind) {
    case ElementKind::kBool: return "bool";
    case ElementKind::kInt8: return "int8";
    case ElementKind::kInt16: return "int16";
    case ElementKind::kInt32: return "int32";
    case ElementKind::kInt64: return "int64";
    case ElementKind::kUInt8: return "uint8";
    case ElementKind::kUInt16: return "uint16";
    case ElementKind::kUInt32: return "uint32";
    case ElementKind::kUInt64: return "uint64";
    case ElementKind::kFloat16: return "float16";
    case ElementKind::kFloat32: return "float32";
    case ElementKind::kFloat64: return "float64";
    case ElementKind::kDatetime64: return "datetime64";
    case ElementKind::kTimedelta64: return "timedelta64";
    case ElementKind::kFixedBytes: return "fixed_bytes";
    case ElementKind::kFixedUtf32: return "fixed_utf32";
    case ElementKind::kString: return "string";
  }
  return "unknown";
}

std::string_view UnitName(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::kGeneric: return "generic";
    case TimeUnit::kYear: return "Y";
    case TimeUnit::kMonth: return "M";
    case TimeUnit::kWeek: return "W";
    case TimeUnit::kDay: return "D";
    case TimeUnit::kHour: return "h";
    case TimeUnit::kMinute: return "m";
    case TimeUnit::kSecond: return "s";
    case TimeUnit::kMillisecond: return "ms";
    case TimeUnit::kMicrosecond: return "us";
    case TimeUnit::kNanosecond: return "ns";
    case TimeUnit::kPicosecond: return "ps";
    case TimeUnit::kFemtosecond: return "fs";
    case TimeUnit::kAttosecond: return "as";
  }
  return "unknown";
}

}  // namespace

ElementType ElementType::Of(ElementKind kind) {
  ElementType type;
  type.kind = kind;
  switch (kind) {
    case ElementKind::kBool:
    case ElementKind::kInt8:
    case ElementKind::kUInt8: type.size = 1; break;
    case ElementKind::kInt16:
    case ElementKind::kUInt16:
    case ElementKind::kFloat16: type.size = 2; break;
    case ElementKind::kInt32:
    case ElementKind::kUInt32:
    case ElementKind::kFloat32: type.size = 4; break;
    case ElementKind::kInt64:
    case ElementKind::kUInt64:
    case ElementKind::kFloat64:
    case ElementKind::kDatetime64:
    case ElementKind::kTimedelta64: type.size = 8; break;
    case ElementKind::kFixedBytes:
    case ElementKind::kFixedUtf32:
    case ElementKind::kString: type.size = 0; break;
  }
  return type;
}

std::string ToString(const ElementType& type) {
  std::string name(KindName(type.kind));
  switch (type.kind) {
    case ElementKind::kDatetime64:
    case ElementKind::kTimedelta64:
      name += '[';
      if (type.multiplier != 1) name += std::to_string(type.multiplier);
      name += UnitName(type.unit);
      name += ']';
      break;
    case ElementKind::kFixedBytes:
    case ElementKind::kFixedUtf32:
      name += '[';
      name += std::to_string(type.size);
      name += ']';
      break;
    default: break;
  }
  return name;
}

uint32_t ValueSize(ValueType type) {
  switch (type) {
    case ValueType::kBool:
    case ValueType::kInt8:
    case ValueType::kUInt8: return 1;
    case ValueType::kInt16:
    case ValueType::kUInt16: return 2;
    case ValueType::kInt32:
    case ValueType::kUInt32:
    case ValueType::kFloat32: return 4;
    case ValueType::kInt64:
    case ValueType::kUInt64:
    case ValueType::kFloat64:
    case ValueType::kTimestampMicros:
    case ValueType::kTimestampNanos: return 8;
    case ValueType::kString: return sizeof(std::string_view);
  }
  return 0;
}

std::string_view ToString(ValueType type) {
  switch (type) {
    case ValueType::kBool: return "bool";
    case ValueType::kInt8: return "int8";
    case ValueType::kInt16: return "int16";
    case ValueType::kInt32: return "int32";
    case ValueType::kInt64: return "int64";
    case ValueType::kUInt8: return "uint8";
    case ValueType::kUInt16: return "uint16";
    case ValueType::kUInt32: return "uint32";
    case ValueType::kUInt64: return "uint64";
    case ValueType::kFloat32: return "float32";
    case ValueType::kFloat64: return "float64";
    case ValueType::kTimestampMicros: return "timestamp[us]";
    case ValueType::kTimestampNanos: return "timestamp[ns]";
    case ValueType::kString: return "string";
  }
  return "unknown";
}

}  // namespace colonnade::array
