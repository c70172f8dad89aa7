#include "questdb/wire/arrow_import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "arrow/validate.h"
#include "questdb/wire/columns_for_test.h"
#include "support/hex_file.h"
#include "support/status_matchers.h"

namespace colonnade::questdb::wire {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Pairs = std::vector<std::pair<std::string, std::string>>;

constexpr const char* kType = "questdb.column_type";
constexpr const char* kSymbol = "questdb.symbol";
constexpr const char* kBits = "questdb.geohash_bits";
constexpr const char* kExtension = "ARROW:extension:name";

// Arrow structs made by hand; everything lives as long as the test.
class ArrowImport : public ::testing::Test {
 protected:
  struct Field {
    ArrowSchema* schema;
    ArrowArray* array;
  };

  template <typename T>
  const void* Keep(std::vector<T> values) {
    return memory_.KeepAll(values, 1);
  }
  const void* Text(const std::string& text) {
    return memory_.Keep(std::as_bytes(std::span(text.data(), text.size())));
  }

  Field Make(const char* name, const char* format, int64_t length, std::vector<const void*> buffers,
             std::vector<Field> children = {}, Pairs metadata = {}) {
    ArrowSchema& schema = schemas_.emplace_back();
    schema = ArrowSchema{};
    schema.format = format;
    schema.name = name;
    schema.metadata = Metadata(metadata);
    schema.release = [](ArrowSchema*) {};
    ArrowArray& array = arrays_.emplace_back();
    array = ArrowArray{};
    array.length = length;
    array.null_count = -1;
    auto& kept = buffers_.emplace_back(std::move(buffers));
    array.n_buffers = static_cast<int64_t>(kept.size());
    array.buffers = kept.data();
    array.release = [](ArrowArray*) {};
    auto& child_schemas = child_schemas_.emplace_back();
    auto& child_arrays = child_arrays_.emplace_back();
    for (const Field& child : children) {
      child_schemas.push_back(child.schema);
      child_arrays.push_back(child.array);
    }
    schema.n_children = array.n_children = static_cast<int64_t>(children.size());
    schema.children = child_schemas.data();
    array.children = child_arrays.data();
    return {&schema, &array};
  }
  // A column of one value of zeros: for tests of types alone.
  Field Zeros(const char* name, const char* format, Pairs metadata = {}) {
    const void* zeros = Keep(std::vector<int64_t>(8));
    std::vector<const void*> buffers{nullptr, zeros};
    const std::string_view text = format;
    if (text == "u" || text == "U" || text == "z" || text == "Z") buffers.push_back(zeros);
    if (text == "vu" || text == "vz") buffers.push_back(zeros);
    return Make(name, format, 1, std::move(buffers), {}, std::move(metadata));
  }
  Field Coded(const char* name, const char* keys, const char* values, Pairs metadata = {}) {
    Field field = Zeros(name, keys, std::move(metadata));
    const Field dictionary = Zeros("", values);
    field.schema->dictionary = dictionary.schema;
    field.array->dictionary = dictionary.array;
    return field;
  }
  Field Batch(std::vector<Field> columns) {
    const int64_t length = columns.empty() ? 0 : columns[0].array->length;
    return Make("", "+s", length, {nullptr}, std::move(columns));
  }

  const char* Metadata(const Pairs& pairs) {
    if (pairs.empty()) return nullptr;
    std::string bytes;
    const auto put = [&](size_t number) {
      const auto size = static_cast<int32_t>(number);
      bytes.append(reinterpret_cast<const char*>(&size), 4);
    };
    put(pairs.size());
    for (const auto& [key, value] : pairs) {
      put(key.size());
      bytes += key;
      put(value.size());
      bytes += value;
    }
    return reinterpret_cast<const char*>(
        memory_.Keep(std::as_bytes(std::span(bytes.data(), bytes.size()))));
  }

  static Result<std::vector<Column>> Import(const Field& batch, ArrowImportOptions options = {}) {
    COLONNADE_RETURN_IF_ERROR(arrow::ValidateSchema(batch.schema));
    COLONNADE_RETURN_IF_ERROR(arrow::ValidateArray(batch.schema, batch.array));
    COLONNADE_ASSIGN_OR_RETURN(const ArrowPlan plan, ArrowPlan::Make(*batch.schema, options));
    return plan.Columns(*batch.array);
  }
  // The type that a single column becomes, by its name; or the error.
  std::string TypeOf(const Field& field, ArrowImportOptions options = {}) {
    const auto columns = Import(Batch({field}), std::move(options));
    if (!columns.ok()) return std::string(columns.status().message());
    return std::string(ColumnTypeName((*columns)[0].type));
  }
  std::string Overridden(const Field& field, OverrideKind kind, int argument = 0) {
    return TypeOf(field, {.overrides = {{"x", kind, argument}}});
  }
  // The frame of a batch, in hexadecimal.
  static std::string Sent(const Field& batch, ArrowImportOptions options = {}) {
    const auto columns = Import(batch, std::move(options));
    if (!columns.ok()) return columns.status().ToString();
    TestConnection connection;
    const auto frame = connection.Frame("t", *columns, {0, batch.array->length});
    return frame.ok() ? HexOf(*frame) : frame.status().ToString();
  }
  std::string Body(const Field& field, ArrowImportOptions options = {}) {
    const auto columns = Import(Batch({field}), std::move(options));
    if (!columns.ok()) return columns.status().ToString();
    net::MessageBuffer message;
    message.Begin(0);
    BlockEncoder encoder;
    SymbolMap map;
    SymbolDictionary dictionary;
    Status status =
        encoder.InternSymbols(*columns, {0, field.array->length}, dictionary, std::span(&map, 1));
    if (status.ok())
      status = encoder.AppendColumn((*columns)[0], {0, field.array->length}, map, message);
    return status.ok() ? HexOf(message.Unmasked()) : status.ToString();
  }

  TestMemory memory_;
  std::deque<ArrowSchema> schemas_;
  std::deque<ArrowArray> arrays_;
  std::deque<std::vector<const void*>> buffers_;
  std::deque<std::vector<ArrowSchema*>> child_schemas_;
  std::deque<std::vector<ArrowArray*>> child_arrays_;
};

TEST_F(ArrowImport, EveryArrowTypeHasAType) {
  const std::pair<const char*, const char*> kTypes[] = {{"b", "boolean"},
                                                        {"c", "int"},
                                                        {"C", "int"},
                                                        {"s", "int"},
                                                        {"S", "int"},
                                                        {"i", "long"},
                                                        {"I", "long"},
                                                        {"l", "long"},
                                                        {"L", "long"},
                                                        {"e", "float"},
                                                        {"f", "float"},
                                                        {"g", "double"},
                                                        {"tss:", "timestamp"},
                                                        {"tsm:UTC", "date"},
                                                        {"tsu:Europe/Paris", "timestamp"},
                                                        {"tsn:", "timestamp_ns"},
                                                        {"tdD", "date"},
                                                        {"tdm", "date"},
                                                        {"tts", "long"},
                                                        {"ttm", "long"},
                                                        {"ttu", "long"},
                                                        {"ttn", "long"},
                                                        {"tDs", "long"},
                                                        {"tDm", "long"},
                                                        {"tDu", "long"},
                                                        {"tDn", "long"},
                                                        {"u", "varchar"},
                                                        {"U", "varchar"},
                                                        {"vu", "varchar"},
                                                        {"z", "binary"},
                                                        {"Z", "binary"},
                                                        {"vz", "binary"},
                                                        {"w:16", "binary"},
                                                        {"w:32", "binary"},
                                                        {"w:0", "binary"},
                                                        {"d:9,2,32", "decimal64"},
                                                        {"d:18,2,64", "decimal64"},
                                                        {"d:38,2", "decimal128"},
                                                        {"d:76,2,256", "decimal256"}};
  for (const auto& [format, type] : kTypes) EXPECT_EQ(TypeOf(Zeros("x", format)), type) << format;
  for (const char* keys : {"c", "C", "s", "S", "i", "I"}) {
    for (const char* values : {"u", "U", "vu"})
      EXPECT_EQ(TypeOf(Coded("x", keys, values)), "symbol");
  }
}

TEST_F(ArrowImport, ValuesAreScaledToTheUnitsOfTheType) {
  const auto body = [&](const char* format, auto value) {
    return Body(Make("x", format, 1, {nullptr, Keep(std::vector{value})}));
  };
  EXPECT_EQ(body("tss:", int64_t{1}), "0040420f0000000000");
  EXPECT_EQ(body("tsm:", int64_t{7}), "000700000000000000");
  EXPECT_EQ(body("tdD", int32_t{1}), "00005c260500000000");
  EXPECT_EQ(body("tts", int32_t{1}), "0000ca9a3b00000000");
  EXPECT_EQ(body("ttm", int32_t{1}), "0040420f0000000000");
  EXPECT_EQ(body("ttu", int64_t{1}), "00e803000000000000");
  EXPECT_EQ(body("ttn", int64_t{1}), "000100000000000000");
  EXPECT_EQ(body("tDs", int64_t{-1}), "00003665c4ffffffff");
  EXPECT_EQ(body("tDm", int64_t{1}), "0040420f0000000000");
  EXPECT_EQ(body("tDu", int64_t{1}), "00e803000000000000");
  EXPECT_EQ(body("c", int8_t{-1}), "00ffffffff");
  EXPECT_EQ(body("d:9,2,32", int32_t{-1}), "0002ffffffffffffffff");
  EXPECT_THAT(body("tss:", INT64_MAX), HasSubstr("column 'x': row 0"));
  EXPECT_THAT(body("tDs", INT64_MAX), HasSubstr("column 'x': row 0"));
  EXPECT_THAT(body("L", UINT64_MAX), HasSubstr("column 'x': row 0"));
}

TEST_F(ArrowImport, MetadataChooseAmongTheTypesThatFit) {
  const std::tuple<const char*, Pairs, const char*> kCases[] = {
      {"c", {{kType, "byte"}}, "byte"},
      {"c", {{kType, "short"}}, "short"},
      {"c", {{kBits, "8"}}, "geohash"},
      {"s", {{kType, "short"}}, "short"},
      {"s", {{kType, "geohash"}, {kBits, "16"}}, "geohash"},
      {"i", {{kType, "int"}}, "int"},
      {"i", {{kBits, "32"}}, "geohash"},
      {"l", {{kBits, "60"}}, "geohash"},
      {"l", {{kType, "long"}, {"other", "x"}}, "long"},
      {"S", {{kType, "char"}}, "char"},
      {"I", {{kType, "ipv4"}}, "ipv4"},
      {"tsm:", {{kType, "date"}}, "date"},
      {"tsm:", {{kType, "timestamp"}}, "timestamp"},
      {"tsn:", {{kType, "timestamp_ns"}}, "timestamp_ns"},
      {"u", {{kSymbol, "true"}}, "symbol"},
      {"vu", {{kType, "symbol"}}, "symbol"},
      {"u", {{kSymbol, "false"}}, "varchar"},
      {"l", {{kSymbol, "false"}}, "long"},
      {"w:16", {{kExtension, "arrow.uuid"}}, "uuid"},
      {"w:16", {{kExtension, "arrow.uuid"}, {kType, "uuid"}}, "uuid"},
      {"w:16", {{kExtension, "another"}}, "binary"},
      {"w:16", {{kType, "uuid"}}, "uuid"},
      {"w:32", {{kType, "long256"}}, "long256"},
      {"z", {{kType, "uuid"}}, "uuid"},
      {"vz", {{kType, "long256"}}, "long256"},
      {"d:18,2", {{kType, "decimal64"}}, "decimal64"},
  };
  for (const auto& [format, metadata, type] : kCases)
    EXPECT_EQ(TypeOf(Zeros("x", format, metadata)), type) << format << " " << metadata[0].second;
  EXPECT_EQ(TypeOf(Coded("x", "i", "u", {{kSymbol, "false"}})), "varchar");
  EXPECT_EQ(TypeOf(Coded("x", "i", "u", {{kSymbol, "true"}, {kType, "symbol"}})), "symbol");
}

TEST_F(ArrowImport, MetadataThatContradictAreErrorsThatNameTheColumn) {
  const std::tuple<const char*, Pairs, const char*> kCases[] = {
      {"C", {{kBits, "5"}}, "cannot be sent as geohash"},
      {"g", {{kBits, "5"}}, "cannot be sent as geohash"},
      {"c", {{kBits, "9"}}, "9 bits; int8 takes 1 to 8"},
      {"c", {{kType, "geohash"}}, "0 bits"},
      {"c", {{kType, "int"}, {kBits, "5"}}, "ask for int"},
      {"l", {{kBits, "61"}}, "'61'"},
      {"l", {{kBits, "0"}}, "'0'"},
      {"l", {{kBits, "5x"}}, "'5x'"},
      {"l", {{kBits, ""}}, "''"},
      {"l", {{kType, "Long"}}, "'Long'"},
      {"l", {{kType, ""}}, "questdb.column_type"},
      {"l", {{kType, "int"}}, "cannot be sent as int"},
      {"u", {{kSymbol, "yes"}}, "'yes'"},
      {"l", {{kSymbol, "true"}}, "cannot be sent as symbol"},
      {"u", {{kSymbol, "true"}, {kType, "varchar"}}, "ask for varchar"},
      {"u", {{kSymbol, "false"}, {kType, "symbol"}}, "for none"},
      {"w:15", {{kExtension, "arrow.uuid"}}, "15 bytes"},
      {"w:16", {{kType, "long256"}}, "16 bytes"},
      {"l", {{kExtension, "arrow.uuid"}}, "cannot be sent as uuid"},
      {"w:16", {{kExtension, "arrow.uuid"}, {kType, "binary"}}, "ask for binary"},
      {"d:38,19", {{kType, "decimal64"}}, "scale of 19"},
  };
  for (const auto& [format, metadata, message] : kCases) {
    EXPECT_THAT(TypeOf(Zeros("x", format, metadata)),
                AllOf(HasSubstr("column 'x'"), HasSubstr(message)))
        << format << " " << metadata[0].second;
  }
}

TEST_F(ArrowImport, MetadataWithHostileCountsAreErrors) {
  for (const std::vector<int32_t>& numbers :
       std::vector<std::vector<int32_t>>{{-1}, {65'537}, {1, -1}, {1, 0, -5}, {INT32_MIN}}) {
    Field field = Zeros("x", "l");
    field.schema->metadata = static_cast<const char*>(Keep(numbers));
    EXPECT_THAT(TypeOf(field), AllOf(HasSubstr("column 'x'"), HasSubstr("metadata")));
  }
}

TEST_F(ArrowImport, OverridesOutweighMetadata) {
  EXPECT_EQ(Overridden(Zeros("x", "u"), OverrideKind::kSymbol), "symbol");
  EXPECT_EQ(Overridden(Zeros("x", "I"), OverrideKind::kIpv4), "ipv4");
  EXPECT_EQ(Overridden(Zeros("x", "S"), OverrideKind::kChar), "char");
  EXPECT_EQ(Overridden(Zeros("x", "i"), OverrideKind::kGeohash, 20), "geohash");
  EXPECT_EQ(Overridden(Coded("x", "i", "u"), OverrideKind::kNotSymbol), "varchar");
  EXPECT_EQ(Overridden(Zeros("x", "u", {{kSymbol, "true"}}), OverrideKind::kNotSymbol), "varchar");
  EXPECT_EQ(Overridden(Zeros("x", "w:16"), OverrideKind::kUuid), "uuid");
  EXPECT_EQ(Overridden(Zeros("x", "Z"), OverrideKind::kLong256), "long256");
  EXPECT_EQ(Overridden(Zeros("x", "I", {{kType, "long"}}), OverrideKind::kIpv4), "ipv4");
}

TEST_F(ArrowImport, OverridesThatDoNotFitAreErrors) {
  EXPECT_THAT(Overridden(Zeros("x", "l"), OverrideKind::kSymbol),
              HasSubstr("cannot be sent as symbol"));
  EXPECT_THAT(Overridden(Zeros("x", "i"), OverrideKind::kIpv4),
              HasSubstr("cannot be sent as ipv4"));
  EXPECT_THAT(Overridden(Zeros("x", "s"), OverrideKind::kChar),
              HasSubstr("cannot be sent as char"));
  EXPECT_THAT(Overridden(Zeros("x", "I"), OverrideKind::kGeohash, 5),
              HasSubstr("cannot be sent as geohash"));
  EXPECT_THAT(Overridden(Zeros("x", "c"), OverrideKind::kGeohash, 9), HasSubstr("9 bits"));
  EXPECT_THAT(Overridden(Zeros("x", "l"), OverrideKind::kGeohash, 0), HasSubstr("0 bits"));
  EXPECT_THAT(Overridden(Zeros("x", "l"), OverrideKind::kGeohash, -3), HasSubstr("-3 bits"));
  EXPECT_THAT(Overridden(Zeros("x", "l"), OverrideKind::kNotSymbol),
              HasSubstr("no symbol to avoid"));
  EXPECT_THAT(Overridden(Zeros("x", "w:15"), OverrideKind::kUuid), HasSubstr("15 bytes"));
  EXPECT_THAT(Overridden(Zeros("x", "l"), static_cast<OverrideKind>(99)), HasSubstr("99"));
  EXPECT_THAT(TypeOf(Zeros("x", "u"), {.overrides = {{"y", OverrideKind::kSymbol}}}),
              HasSubstr("no column 'y'"));
  EXPECT_THAT(TypeOf(Zeros("x", "u"), {.overrides = {{"x", OverrideKind::kSymbol},
                                                     {"x", OverrideKind::kNotSymbol}}}),
              HasSubstr("two overrides of column 'x'"));
  EXPECT_THAT(Sent(Batch({Zeros("x", "l"), Zeros("ts", "tsu:")}),
                   {.overrides = {{"ts", OverrideKind::kGeohash, 5}}, .timestamp_column = "ts"}),
              HasSubstr("takes no override"));
}

TEST_F(ArrowImport, TextIsSymbolsAsAsked) {
  using enum SymbolChoice;
  const auto with = [](SymbolChoice symbols) { return ArrowImportOptions{.symbols = symbols}; };
  EXPECT_EQ(TypeOf(Zeros("x", "u"), with(kAuto)), "varchar");
  EXPECT_EQ(TypeOf(Zeros("x", "u"), with(kAll)), "symbol");
  EXPECT_EQ(TypeOf(Zeros("x", "z"), with(kAll)), "binary");
  EXPECT_EQ(TypeOf(Zeros("x", "l"), with(kNone)), "long");
  EXPECT_EQ(TypeOf(Coded("x", "i", "u"), with(kNone)), "varchar");
  EXPECT_EQ(TypeOf(Zeros("x", "u", {{kSymbol, "true"}}), with(kNone)), "varchar");
  EXPECT_EQ(TypeOf(Zeros("x", "u", {{kSymbol, "false"}}), with(kAll)), "symbol");
  EXPECT_EQ(
      TypeOf(Zeros("x", "u"), {.symbols = kNone, .overrides = {{"x", OverrideKind::kSymbol}}}),
      "symbol");
}

TEST_F(ArrowImport, TypesThatCannotBeSentAreNamed) {
  const auto list = [&](const char* format, Field child) {
    return Make("x", format, 0,
                std::string_view(format).starts_with("+w")
                    ? std::vector<const void*>{nullptr}
                    : std::vector<const void*>{nullptr, nullptr},
                {child});
  };
  std::vector<Field> fields = {Make("x", "n", 0, {}),
                               Make("x", "+s", 0, {nullptr}, {Zeros("a", "l")}),
                               Make("x", "tiM", 0, {nullptr, nullptr}),
                               Make("x", "+vl", 0, {nullptr, nullptr, nullptr}, {Zeros("", "g")}),
                               list("+l", Zeros("", "l")),
                               list("+l", Zeros("", "f")),
                               list("+L", Zeros("", "u")),
                               list("+w:2", Zeros("", "i")),
                               Coded("x", "l", "u"),
                               Coded("x", "L", "u"),
                               Coded("x", "i", "l"),
                               Coded("x", "i", "z"),
                               Zeros("x", "d:9,-2,32"),
                               Zeros("x", "d:38,39")};
  for (const Field& field : fields) {
    EXPECT_THAT(Import(Batch({field})), StatusIs(StatusCode::kUnsupported, HasSubstr("column 'x'")))
        << field.schema->format;
  }
  Field deep = Zeros("", "g");
  deep.array->length = 0;
  for (int i = 0; i < 33; ++i) deep = list("+l", deep);
  EXPECT_THAT(Import(Batch({deep})),
              StatusIs(StatusCode::kUnsupported, HasSubstr("32 dimensions")));
  EXPECT_THAT(ArrowPlan::Make(*Zeros("", "l").schema, {}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("structs")));
}

TEST_F(ArrowImport, NamesAreLookedAtOnce) {
  const auto names = [&](std::vector<const char*> list, std::string timestamp = "") {
    std::vector<Field> fields;
    for (const char* name : list) fields.push_back(Zeros(name, "tsu:"));
    return Sent(Batch(fields), {.timestamp_column = std::move(timestamp)});
  };
  EXPECT_THAT(names({"a", "b.c"}), HasSubstr("'b.c'"));
  EXPECT_THAT(names({""}), HasSubstr("empty"));
  EXPECT_THAT(names({"a", "A"}), HasSubstr("differ only in case"));
  EXPECT_THAT(names({}), HasSubstr("no column"));
  EXPECT_THAT(names({"ts"}, "ts"), HasSubstr("no column to send beside"));
  EXPECT_THAT(names({"a"}, "ts"), HasSubstr("'ts' is not among the columns"));
  EXPECT_THAT(names({"ts", "a", "ts"}, "ts"), HasSubstr("several columns"));
  Field nameless = Zeros(nullptr, "l");
  EXPECT_THAT(Sent(Batch({nameless})), HasSubstr("empty"));
}

TEST_F(ArrowImport, TheDesignatedTimestampComesLastAndWithoutItsName) {
  const auto with = [&](const char* format) {
    return Sent(Batch({Zeros("t s.", format), Zeros("x", "c")}), {.timestamp_column = "t s."});
  };
  const std::string head = "5157503101080100";
  EXPECT_EQ(with("tsu:"), head +
                              "1a000000"
                              "0000"
                              "017401"
                              "02017804000a"
                              "0000000000"
                              "000000000000000000");
  EXPECT_THAT(with("tss:"), HasSubstr("04000a"));
  EXPECT_THAT(with("tsm:UTC"), HasSubstr("04000a"));
  EXPECT_THAT(with("tsn:"), HasSubstr("040010"));
  for (const char* format : {"l", "tdD", "tdm", "u"})
    EXPECT_THAT(with(format), AllOf(HasSubstr("column 't s.'"), HasSubstr("designated timestamp")));
}

TEST_F(ArrowImport, ABatchIsLookedAtAsAWhole) {
  Field batch = Batch({Zeros("x", "l")});
  batch.array->buffers[0] = Keep(std::vector<uint8_t>{0});
  EXPECT_THAT(Import(batch),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("rows of the batch")));
  batch = Batch({Make("x", "+w:0", kMaxBatchRows + 1, {nullptr},
                      {Make("", "g", 0, {nullptr, Keep(std::vector<double>(1))})})});
  EXPECT_THAT(Import(batch), StatusIs(StatusCode::kLimitExceeded, HasSubstr("16777217 rows")));
  batch.array->length = batch.array->children[0]->length = kMaxBatchRows;
  EXPECT_OK(Import(batch));
}

TEST_F(ArrowImport, ADictionaryHasALimit) {
  Field field = Coded("x", "i", "u");
  ArrowArray& dictionary = *field.array->dictionary;
  dictionary.length = kMaxDictionaryEntries + 1;
  dictionary.buffers[1] = Keep(std::vector<int32_t>(static_cast<size_t>(dictionary.length) + 1));
  EXPECT_THAT(Import(Batch({field})), StatusIs(StatusCode::kLimitExceeded, HasSubstr("8388609")));
}

// One array of every layout with 24 rows, some without a value; and slices of it and of the batch
// around it, against the rows that they are.
TEST_F(ArrowImport, SlicesAtEveryLevelAreTheRowsThatTheyShow) {
  constexpr int64_t kRows = 24;
  const auto valid_bits = [&](int64_t rows) {
    std::vector<uint8_t> bytes(static_cast<size_t>(rows + 7) / 8, 0b11011011);
    return Keep(bytes);
  };
  std::vector<int64_t> numbers;
  std::vector<int32_t> offsets{0};
  std::vector<int64_t> long_offsets{0};
  std::string text;
  for (int64_t i = 0; i < 200; ++i) {
    numbers.push_back(i * 0x0101'0101'01);
    if (i >= 40) continue;
    text += std::string(static_cast<size_t>(i % 5), static_cast<char>('a' + i % 26));
    offsets.push_back(static_cast<int32_t>(text.size()));
    long_offsets.push_back(offsets.back());
  }
  std::vector<int32_t> views;
  for (int32_t i = 0; i < 40; ++i)
    views.insert(views.end(), {i % 13, 0x61616161, 0x62626262, 0x63636363});
  for (const int64_t begin : {0, 1, 7, 8, 9}) {
    for (const int64_t outer : {0, 1, 7}) {
      // How each layout is made, with its rows from `begin` on; its place in a list's items.
      const auto make = [&](const char* format, int64_t from, int64_t rows) {
        const std::string_view name = format;
        std::vector<const void*> buffers{valid_bits(40)};
        if (name == "u" || name == "z")
          buffers.insert(buffers.end(), {Keep(offsets), Text(text)});
        else if (name == "U" || name == "Z")
          buffers.insert(buffers.end(), {Keep(long_offsets), Text(text)});
        else if (name == "vu")
          buffers.insert(buffers.end(), {Keep(views), nullptr});
        else
          buffers.push_back(Keep(numbers));
        Field field = Make("x", format, rows, buffers);
        field.array->offset = from;
        return field;
      };
      const auto coded = [&](int64_t from, int64_t rows) {
        std::vector<int8_t> codes;
        for (int8_t i = 0; i < 40; ++i) codes.push_back(static_cast<int8_t>(i * 7 % 10));
        Field field = Make("x", "c", rows, {valid_bits(40), Keep(codes)});
        field.array->offset = from;
        const Field dictionary = Make("", "u", 10, {nullptr, Keep(offsets), Text(text)});
        dictionary.array->offset = 5;  // of its own
        field.schema->dictionary = dictionary.schema;
        field.array->dictionary = dictionary.array;
        return field;
      };
      const auto lists = [&](int64_t from, int64_t rows) {
        // 2 x 2 each: lists of lists of numbers, the lists within from their entry 3 on.
        std::vector<int64_t> outer_offsets;
        std::vector<int32_t> inner_offsets;
        for (int64_t i = 0; i <= 40; ++i) outer_offsets.push_back(2 * i);
        for (int32_t i = 0; i <= 90; ++i) inner_offsets.push_back(2 * i);
        Field leaf = Make("", "g", 190, {nullptr, Keep(numbers)});
        leaf.array->offset = 4;
        Field inner = Make("", "+l", 85, {nullptr, Keep(inner_offsets)}, {leaf});
        inner.array->offset = 3;
        Field field = Make("x", "+L", rows, {valid_bits(40), Keep(outer_offsets)}, {inner});
        field.array->offset = from;
        return field;
      };
      const auto fixed_lists = [&](int64_t from, int64_t rows) {
        Field leaf = Make("", "g", 190, {nullptr, Keep(numbers)});
        leaf.array->offset = 5;
        Field field = Make("x", "+w:3", rows, {valid_bits(40)}, {leaf});
        field.array->offset = from;
        return field;
      };
      const auto check = [&](const auto& build, ArrowImportOptions options) {
        const int64_t rows = kRows - begin - outer;
        Field batch = Batch({build(begin, kRows - begin)});
        batch.array->length = rows;
        batch.array->offset = outer;
        // The same rows, each as a block of its own.
        const auto whole = Import(Batch({build(0, 40)}), options);
        const auto sliced = Import(batch, options);
        ASSERT_OK(whole);
        ASSERT_OK(sliced);
        TestConnection left;
        TestConnection right;
        for (int64_t row = 0; row < rows; ++row) {
          const auto got = left.Frame("t", *sliced, {row, row + 1});
          const auto want =
              right.Frame("t", *whole, {begin + outer + row, begin + outer + row + 1});
          ASSERT_OK(got);
          ASSERT_OK(want);
          ASSERT_EQ(HexOf(*got), HexOf(*want)) << begin << " " << outer << " " << row;
        }
        EXPECT_OK(left.Frame("t", *sliced, {0, rows}));
      };
      for (const char* format : {"b", "c", "S", "i", "l", "e", "f", "g", "tss:", "tdD", "u", "U",
                                 "vu", "z", "Z", "w:5", "w:16", "d:18,2,64", "d:38,0"}) {
        const ::testing::ScopedTrace trace(__FILE__, __LINE__, format);
        check([&](int64_t from, int64_t rows) { return make(format, from, rows); }, {});
      }
      check(coded, {});
      check(coded, {.symbols = SymbolChoice::kNone});
      check([&](int64_t from, int64_t rows) { return make("u", from, rows); },
            {.symbols = SymbolChoice::kAll});
      check(lists, {});
      check(fixed_lists, {});
    }
  }
}

TEST_F(ArrowImport, TheBitmapDecidesAndNotTheNullCount) {
  Field field = Make("x", "tsu:", 3,
                     {Keep(std::vector<uint8_t>{0b101}), Keep(std::vector<int64_t>{1, 2, 3})});
  field.array->null_count = 0;
  EXPECT_EQ(Body(field), "010201000000000000000300000000000000");
}

TEST_F(ArrowImport, APlanOutlivesItsSchemaAndServesManyBatches) {
  std::vector<ArrowPlan> plans;
  {
    const std::string name = "col";
    Field field = Zeros(name.c_str(), "i");
    auto plan = ArrowPlan::Make(*Batch({field}).schema, {});
    ASSERT_OK(plan);
    plans.push_back(*plan);
  }
  ASSERT_OK_AND_ASSIGN(const auto columns, plans[0].Columns(*Batch({Zeros("", "i")}).array));
  EXPECT_EQ(columns[0].name, "col");
  EXPECT_EQ(plans[0].column_count(), 1);
}

}  // namespace
}  // namespace colonnade::questdb::wire
