#include "table_printer.h"

#include <algorithm>

#include "base/quote.h"

namespace colonnade::cli {
namespace {

// Code points, as an estimate of terminal cells.
size_t DisplayWidth(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

// The first `width` code points.
std::string Cut(const std::string& text, size_t width) {
  size_t cells = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) continue;
    if (cells == width) return text.substr(0, i);
    ++cells;
  }
  return text;
}

void PrintLine(const std::vector<std::string>& cells, const std::vector<size_t>& widths,
               const std::vector<engine::ResultColumn>& columns, const TableStyle& style,
               std::ostream& out) {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) line += "  ";
    const std::string padding(widths[i] - DisplayWidth(cells[i]), ' ');
    line += columns[i].numeric ? padding + cells[i] : cells[i] + padding;
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  if (style.width > 0) line = Cut(line, static_cast<size_t>(style.width));
  out << line;
}

}  // namespace

void PrintTable(const std::vector<engine::ResultColumn>& columns,
                const std::vector<engine::TextRow>& rows, const TableStyle& style,
                std::ostream& out) {
  constexpr size_t kMaxCell = 200;
  std::vector<std::string> header;
  std::vector<size_t> widths;
  for (const engine::ResultColumn& column : columns) {
    header.push_back(EscapeControls(column.name));
    widths.push_back(DisplayWidth(header.back()));
  }
  std::vector<std::vector<std::string>> cells;
  for (const engine::TextRow& row : rows) {
    std::vector<std::string>& line = cells.emplace_back();
    for (size_t i = 0; i < row.size(); ++i) {
      line.push_back(row[i] ? EscapeControls(*row[i], kMaxCell) : "NULL");
      widths[i] = std::max(widths[i], DisplayWidth(line.back()));
    }
  }
  if (style.color) out << "\033[1m";
  PrintLine(header, widths, columns, style, out);
  if (style.color) out << "\033[0m";
  out << '\n';
  std::vector<std::string> rule;
  for (const size_t width : widths) rule.emplace_back(width, '-');
  PrintLine(rule, widths, columns, style, out);
  out << '\n';
  for (const auto& line : cells) {
    PrintLine(line, widths, columns, style, out);
    out << '\n';
  }
}

}  // namespace colonnade::cli
