// Rows as an aligned table.

#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "engine/query_result.h"

namespace colonnade::cli {

struct TableStyle {
  int width = 0;  // columns of the terminal; 0: unlimited
  bool color = false;
};

/// Prints a header, a rule and the rows. Numbers are right-aligned, NULL is shown as such, control
/// characters are escaped. Lines are cut at style.width.
void PrintTable(const std::vector<engine::ResultColumn>& columns,
                const std::vector<engine::TextRow>& rows, const TableStyle& style,
                std::ostream& out);

}  // namespace colonnade::cli
