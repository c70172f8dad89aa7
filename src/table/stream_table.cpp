#include "table/stream_table.h"

namespace colonnade::table {

std::string_view ToString(FilterOperator op) {
  switch (op) {
    case FilterOperator::kEqual: return "=";
    case FilterOperator::kNotEqual: return "!=";
    case FilterOperator::kLess: return "<";
    case FilterOperator::kLessOrEqual: return "<=";
    case FilterOperator::kGreater: return ">";
    case FilterOperator::kGreaterOrEqual: return ">=";
    case FilterOperator::kIn: return "in";
    case FilterOperator::kIsNull: return "is null";
    case FilterOperator::kIsNotNull: return "is not null";
  }
  return "?";
}

}  // namespace colonnade::table
