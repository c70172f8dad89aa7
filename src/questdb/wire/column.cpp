#include "questdb/wire/column.h"

#include "base/quote.h"

namespace colonnade::questdb::wire {

size_t ElementWidth(Element element) {
  switch (element) {
    case Element::kInt8:
    case Element::kUInt8:
    case Element::kBool8: return 1;
    case Element::kInt16:
    case Element::kUInt16:
    case Element::kFloat16: return 2;
    case Element::kInt32:
    case Element::kUInt32:
    case Element::kFloat32: return 4;
    case Element::kInt64:
    case Element::kUInt64:
    case Element::kFloat64: return 8;
    case Element::kBytes16: return 16;
    case Element::kBytes32: return 32;
  }
  return 0;
}

std::string_view ElementName(Element element) {
  switch (element) {
    case Element::kInt8: return "int8";
    case Element::kInt16: return "int16";
    case Element::kInt32: return "int32";
    case Element::kInt64: return "int64";
    case Element::kUInt8: return "uint8";
    case Element::kUInt16: return "uint16";
    case Element::kUInt32: return "uint32";
    case Element::kUInt64: return "uint64";
    case Element::kFloat16: return "float16";
    case Element::kFloat32: return "float32";
    case Element::kFloat64: return "float64";
    case Element::kBool8: return "bool";
    case Element::kBytes16: return "16 bytes";
    case Element::kBytes32: return "32 bytes";
  }
  return "unknown";
}

std::string ColumnLabel(const Column& column) {
  if (column.is_designated_timestamp()) return "designated timestamp";
  return "column " + Quote(column.name);
}

}  // namespace colonnade::questdb::wire
