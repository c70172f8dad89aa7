#include "questdb/endpoint/statement.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/quote.h"
#include "questdb/wire/names.h"

namespace colonnade::questdb::endpoint {
namespace {

using wire::ColumnType;

constexpr size_t kMostColumns = 2'048;
constexpr size_t kMostBinds = 2'048;
constexpr int kMostDecimalDigits = 76;

struct Token {
  enum class Kind : uint8_t { kEnd, kWord, kNumber, kQuoted, kSymbol };
  Kind kind = Kind::kEnd;
  std::string text;    // a quoted name without its quotes
  std::string folded;  // of a word
  size_t position = 0;
};

bool IsWordByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '$' || c == '.' || c == '-' || (static_cast<unsigned char>(c) & 0x80) != 0;
}
bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// One token at a time, one looked ahead.
class Parser {
 public:
  explicit Parser(std::string_view sql) : sql_(sql) {}

  Result<Statement> Parse() {
    COLONNADE_RETURN_IF_ERROR(Advance());
    COLONNADE_ASSIGN_OR_RETURN(Statement statement, ParseOne());
    COLONNADE_ASSIGN_OR_RETURN(const bool semicolon, Take(";"));
    static_cast<void>(semicolon);
    if (next_.kind != Token::Kind::kEnd) return Expected("the end of the statement");
    return statement;
  }

 private:
  Result<Statement> ParseOne() {
    COLONNADE_ASSIGN_OR_RETURN(const bool select, Take("select"));
    if (select) return ParseSelect();
    COLONNADE_ASSIGN_OR_RETURN(const bool create, Take("create"));
    if (create) return ParseCreate();
    COLONNADE_ASSIGN_OR_RETURN(const bool drop, Take("drop"));
    if (drop) return ParseDrop();
    COLONNADE_ASSIGN_OR_RETURN(const bool show, Take("show"));
    if (show) return ParseShow();
    return Expected("SELECT, CREATE TABLE, DROP TABLE, SHOW TABLES or SHOW COLUMNS");
  }

  Result<Statement> ParseSelect() {
    COLONNADE_ASSIGN_OR_RETURN(const bool all, Take("*"));
    if (all) {
      SelectRows select;
      COLONNADE_RETURN_IF_ERROR(Expect("from"));
      COLONNADE_ASSIGN_OR_RETURN(select.table, TakeTableName());
      COLONNADE_ASSIGN_OR_RETURN(const bool limited, Take("limit"));
      if (limited) {
        COLONNADE_ASSIGN_OR_RETURN(select.limit, TakeNumber());
      }
      return Statement(std::move(select));
    }
    COLONNADE_ASSIGN_OR_RETURN(const bool count, Take("count"));
    if (count) {
      COLONNADE_RETURN_IF_ERROR(Expect("("));
      COLONNADE_ASSIGN_OR_RETURN(const bool star, Take("*"));
      static_cast<void>(star);
      COLONNADE_RETURN_IF_ERROR(Expect(")"));
      COLONNADE_RETURN_IF_ERROR(Expect("from"));
      CountRows counted;
      COLONNADE_ASSIGN_OR_RETURN(counted.table, TakeTableName());
      return Statement(std::move(counted));
    }
    SelectBinds select;
    while (true) {
      if (next_.kind != Token::Kind::kWord || next_.text[0] != '$') {
        return Expected("*, count() or parameters such as $1");
      }
      size_t number = 0;
      const char* const end = next_.text.data() + next_.text.size();
      const auto [stop, failure] = std::from_chars(next_.text.data() + 1, end, number);
      if (failure != std::errc() || stop != end || number < 1 || number > kMostBinds) {
        return Expected("a parameter such as $1");
      }
      if (select.binds.size() == kMostColumns) return Expected("fewer parameters");
      select.binds.push_back(number - 1);
      COLONNADE_RETURN_IF_ERROR(Advance());
      COLONNADE_ASSIGN_OR_RETURN(const bool more, Take(","));
      if (!more) return Statement(std::move(select));
    }
  }

  Result<Statement> ParseCreate() {
    CreateTable create;
    COLONNADE_RETURN_IF_ERROR(Expect("table"));
    COLONNADE_ASSIGN_OR_RETURN(create.if_not_exists, Take("if"));
    if (create.if_not_exists) {
      COLONNADE_RETURN_IF_ERROR(Expect("not"));
      COLONNADE_RETURN_IF_ERROR(Expect("exists"));
    }
    TableShape& shape = create.shape;
    COLONNADE_ASSIGN_OR_RETURN(shape.name, TakeTableName());
    COLONNADE_RETURN_IF_ERROR(Expect("("));
    while (true) {
      if (shape.columns.size() == kMostColumns) return Expected("fewer columns");
      COLONNADE_ASSIGN_OR_RETURN(ColumnShape column, ParseColumn());
      if (shape.Find(column.name)) {
        return InvalidArgument("two columns are named ", Quote(column.name));
      }
      shape.columns.push_back(std::move(column));
      COLONNADE_ASSIGN_OR_RETURN(const bool more, Take(","));
      if (!more) break;
    }
    COLONNADE_RETURN_IF_ERROR(Expect(")"));
    COLONNADE_RETURN_IF_ERROR(Expect("timestamp"));
    COLONNADE_RETURN_IF_ERROR(Expect("("));
    COLONNADE_ASSIGN_OR_RETURN(shape.timestamp, TakeColumnOf(shape));
    COLONNADE_RETURN_IF_ERROR(Expect(")"));
    const ColumnType type = shape.columns[shape.timestamp].type;
    if (type != ColumnType::kTimestamp && type != ColumnType::kTimestampNanos) {
      return InvalidArgument("the designated timestamp is ",
                             TypeText(shape.columns[shape.timestamp]),
                             ", not TIMESTAMP or TIMESTAMP_NS");
    }
    COLONNADE_RETURN_IF_ERROR(ParseStorage());
    COLONNADE_RETURN_IF_ERROR(ParseKeys(&shape));
    return Statement(std::move(create));
  }

  Status ParseStorage() {
    COLONNADE_ASSIGN_OR_RETURN(const bool partition, Take("partition"));
    if (partition) {
      COLONNADE_RETURN_IF_ERROR(Expect("by"));
      constexpr std::string_view kUnits[] = {"none", "year", "month", "week", "day", "hour"};
      if (std::find(std::begin(kUnits), std::end(kUnits), next_.folded) == std::end(kUnits)) {
        return Expected("NONE, YEAR, MONTH, WEEK, DAY or HOUR");
      }
      COLONNADE_RETURN_IF_ERROR(Advance());
    }
    COLONNADE_ASSIGN_OR_RETURN(const bool bypass, Take("bypass"));
    COLONNADE_ASSIGN_OR_RETURN(const bool wal, Take("wal"));
    if (bypass && !wal) return Expected("WAL");
    return {};
  }

  Status ParseKeys(TableShape* shape) {
    COLONNADE_ASSIGN_OR_RETURN(const bool dedup, Take("dedup"));
    if (!dedup) return {};
    COLONNADE_RETURN_IF_ERROR(Expect("upsert"));
    COLONNADE_RETURN_IF_ERROR(Expect("keys"));
    COLONNADE_RETURN_IF_ERROR(Expect("("));
    while (true) {
      COLONNADE_ASSIGN_OR_RETURN(const size_t key, TakeColumnOf(*shape));
      if (std::find(shape->keys.begin(), shape->keys.end(), key) != shape->keys.end()) {
        return InvalidArgument("column ", Quote(shape->columns[key].name),
                               " is twice among the upsert keys");
      }
      shape->keys.push_back(key);
      COLONNADE_ASSIGN_OR_RETURN(const bool more, Take(","));
      if (!more) break;
    }
    COLONNADE_RETURN_IF_ERROR(Expect(")"));
    if (std::find(shape->keys.begin(), shape->keys.end(), shape->timestamp) == shape->keys.end()) {
      return InvalidArgument("the upsert keys must have the designated timestamp, ",
                             Quote(shape->columns[shape->timestamp].name), ", among them");
    }
    return {};
  }

  Result<ColumnShape> ParseColumn() {
    ColumnShape column;
    COLONNADE_ASSIGN_OR_RETURN(column.name, TakeName("the name of a column"));
    COLONNADE_RETURN_IF_ERROR(wire::CheckColumnName(column.name));
    struct NamedType {
      std::string_view name;
      ColumnType type;
    };
    constexpr NamedType kTypes[] = {
        {"boolean", ColumnType::kBoolean},     {"byte", ColumnType::kByte},
        {"short", ColumnType::kShort},         {"int", ColumnType::kInt},
        {"long", ColumnType::kLong},           {"float", ColumnType::kFloat},
        {"double", ColumnType::kDouble},       {"symbol", ColumnType::kSymbol},
        {"timestamp", ColumnType::kTimestamp}, {"timestamp_ns", ColumnType::kTimestampNanos},
        {"date", ColumnType::kDate},           {"uuid", ColumnType::kUuid},
        {"long256", ColumnType::kLong256},     {"geohash", ColumnType::kGeohash},
        {"varchar", ColumnType::kVarchar},     {"string", ColumnType::kVarchar},
        {"binary", ColumnType::kBinary},       {"char", ColumnType::kChar},
        {"ipv4", ColumnType::kIpv4},           {"decimal", ColumnType::kDecimal64},
    };
    const auto* const found =
        std::find_if(std::begin(kTypes), std::end(kTypes), [&](const NamedType& type) {
          return next_.kind == Token::Kind::kWord && type.name == next_.folded;
        });
    if (found == std::end(kTypes)) return Expected("the type of column " + Quote(column.name));
    column.type = found->type;
    COLONNADE_RETURN_IF_ERROR(Advance());
    if (column.type == ColumnType::kGeohash) return ParseGeohash(std::move(column));
    if (column.type == ColumnType::kDecimal64) return ParseDecimal(std::move(column));
    if (column.type == ColumnType::kDouble || column.type == ColumnType::kLong) {
      return ParseArray(std::move(column));
    }
    return column;
  }

  // GEOHASH(20b): bits; GEOHASH(4c): characters, of five bits each.
  Result<ColumnShape> ParseGeohash(ColumnShape column) {
    COLONNADE_RETURN_IF_ERROR(Expect("("));
    int number = 0;
    const char* const end = next_.folded.data() + next_.folded.size();
    const auto [stop, failure] = std::from_chars(next_.folded.data(), end, number);
    const bool has_unit =
        failure == std::errc() && stop + 1 == end && (*stop == 'b' || *stop == 'c');
    const int bits = !has_unit || number < 0 || number > wire::kMaxGeohashBits
                         ? 0
                         : number * (*stop == 'c' ? 5 : 1);
    if (bits < 1 || bits > wire::kMaxGeohashBits) {
      return Expected("a precision from 1b to 60b, or from 1c to 12c");
    }
    column.geohash_bits = bits;
    COLONNADE_RETURN_IF_ERROR(Advance());
    COLONNADE_RETURN_IF_ERROR(Expect(")"));
    return column;
  }

  // DECIMAL(precision, scale): the narrowest type that has as many digits.
  Result<ColumnShape> ParseDecimal(ColumnShape column) {
    COLONNADE_RETURN_IF_ERROR(Expect("("));
    COLONNADE_ASSIGN_OR_RETURN(const int64_t precision, TakeNumber());
    COLONNADE_RETURN_IF_ERROR(Expect(","));
    COLONNADE_ASSIGN_OR_RETURN(const int64_t scale, TakeNumber());
    if (precision < 1 || precision > kMostDecimalDigits || scale > precision) {
      return InvalidArgument("DECIMAL(", precision, ",", scale, "): digits are 1 to ",
                             kMostDecimalDigits, ", and those of the scale not more");
    }
    column.type = precision <= 18   ? ColumnType::kDecimal64
                  : precision <= 38 ? ColumnType::kDecimal128
                                    : ColumnType::kDecimal256;
    column.scale = static_cast<int>(scale);
    COLONNADE_RETURN_IF_ERROR(Expect(")"));
    return column;
  }

  Result<ColumnShape> ParseArray(ColumnShape column) {
    while (true) {
      COLONNADE_ASSIGN_OR_RETURN(const bool opened, Take("["));
      if (!opened) break;
      COLONNADE_RETURN_IF_ERROR(Expect("]"));
      if (++column.dimensions > wire::kMaxArrayDimensions) return Expected("fewer dimensions");
    }
    if (column.dimensions > 0) {
      column.type =
          column.type == ColumnType::kDouble ? ColumnType::kDoubleArray : ColumnType::kLongArray;
    }
    return column;
  }

  Result<Statement> ParseDrop() {
    DropTable drop;
    COLONNADE_RETURN_IF_ERROR(Expect("table"));
    COLONNADE_ASSIGN_OR_RETURN(drop.if_exists, Take("if"));
    if (drop.if_exists) COLONNADE_RETURN_IF_ERROR(Expect("exists"));
    COLONNADE_ASSIGN_OR_RETURN(drop.table, TakeTableName());
    return Statement(std::move(drop));
  }

  Result<Statement> ParseShow() {
    COLONNADE_ASSIGN_OR_RETURN(const bool tables, Take("tables"));
    if (tables) return Statement(ShowTables{});
    COLONNADE_RETURN_IF_ERROR(Expect("columns"));
    COLONNADE_RETURN_IF_ERROR(Expect("from"));
    ShowColumns show;
    COLONNADE_ASSIGN_OR_RETURN(show.table, TakeTableName());
    return Statement(std::move(show));
  }

  Result<std::string> TakeTableName() {
    COLONNADE_ASSIGN_OR_RETURN(std::string name, TakeName("the name of a table"));
    COLONNADE_RETURN_IF_ERROR(wire::CheckTableName(name));
    return name;
  }

  Result<std::string> TakeName(const char* what) {
    if (next_.kind != Token::Kind::kWord && next_.kind != Token::Kind::kQuoted) {
      return Expected(what);
    }
    std::string name = std::move(next_.text);
    COLONNADE_RETURN_IF_ERROR(Advance());
    return name;
  }

  Result<size_t> TakeColumnOf(const TableShape& shape) {
    COLONNADE_ASSIGN_OR_RETURN(const std::string name, TakeName("the name of a column"));
    const auto index = shape.Find(name);
    if (!index) return InvalidArgument("the table has no column ", Quote(name));
    return *index;
  }

  Result<int64_t> TakeNumber() {
    int64_t number = 0;
    const char* const end = next_.text.data() + next_.text.size();
    const auto [stop, failure] = std::from_chars(next_.text.data(), end, number);
    if (next_.kind != Token::Kind::kNumber || failure != std::errc() || stop != end) {
      return Expected("a number");
    }
    COLONNADE_RETURN_IF_ERROR(Advance());
    return number;
  }

  // Takes a word (in small letters) or a sign if it comes next.
  Result<bool> Take(std::string_view text) {
    const bool is_next = next_.kind == Token::Kind::kWord     ? next_.folded == text
                         : next_.kind == Token::Kind::kSymbol ? next_.text == text
                                                              : false;
    if (is_next) COLONNADE_RETURN_IF_ERROR(Advance());
    return is_next;
  }

  Status Expect(std::string_view text) {
    COLONNADE_ASSIGN_OR_RETURN(const bool taken, Take(text));
    if (taken) return {};
    std::string wanted(text);
    for (char& c : wanted) {
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    return Expected(wanted);
  }

  Status Expected(std::string_view what) const {
    const std::string found =
        next_.kind == Token::Kind::kEnd ? std::string("the end") : Quote(next_.text);
    return InvalidArgument("SQL at byte ", next_.position, ": expected ", what, ", found ", found);
  }

  Status Advance() {
    while (position_ < sql_.size() && IsSpace(sql_[position_])) ++position_;
    next_ = {};
    next_.position = position_;
    if (position_ == sql_.size()) return {};
    const char first = sql_[position_];
    size_t end = position_ + 1;
    if (first == '\'' || first == '"') {
      end = sql_.find(first, position_ + 1);
      if (end == std::string_view::npos) {
        return InvalidArgument("SQL at byte ", position_, ": the quote is never closed");
      }
      next_.kind = Token::Kind::kQuoted;
      next_.text = sql_.substr(position_ + 1, end - position_ - 1);
      position_ = end + 1;
      return {};
    }
    if (IsWordByte(first)) {
      while (end < sql_.size() && IsWordByte(sql_[end])) ++end;
      next_.kind = IsDigit(first) ? Token::Kind::kNumber : Token::Kind::kWord;
    } else {
      next_.kind = Token::Kind::kSymbol;
    }
    next_.text = sql_.substr(position_, end - position_);
    next_.folded = FoldName(next_.text);
    position_ = end;
    return {};
  }

  std::string_view sql_;
  size_t position_ = 0;
  Token next_;
};

}  // namespace

Result<Statement> ParseStatement(std::string_view sql) { return Parser(sql).Parse(); }

}  // namespace colonnade::questdb::endpoint
