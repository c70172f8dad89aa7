// Arrow structs from outside: schemas and arrays of any shape over memory of known extent. What the
// validator, the plan and the encoder accept is encoded; they refuse the rest, and read nothing
// beside the memory.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/validate.h"
#include "questdb/wire/arrow_import.h"
#include "questdb/wire/block_encoder.h"
#include "questdb/wire/names.h"

namespace {

using namespace colonnade::questdb::wire;  // NOLINT(google-build-using-namespace)

constexpr int64_t kMaxRows = 80;

// Takes decisions from the fuzzer's bytes; zeros when they are used up.
class Decisions {
 public:
  Decisions(const uint8_t* data, size_t size) : at_(data), left_(size) {}
  uint8_t Byte() {
    if (left_ == 0) return 0;
    --left_;
    return *at_++;
  }
  int64_t Below(int64_t end) { return Byte() % end; }

 private:
  const uint8_t* at_;
  size_t left_;
};

// Structs whose buffers are as large as their formats and lengths need: the C interface does not
// tell sizes, so what has too small ones cannot be refused by anybody.
class Structs {
 public:
  explicit Structs(Decisions& decisions) : decisions_(decisions) {}

  struct Field {
    ArrowSchema* schema;
    ArrowArray* array;
  };

  Field Make(int depth, int64_t needed) {
    static constexpr const char* kFormats[] = {
        "b",    "c",    "C",   "s",        "S",         "i",      "I",          "l",   "L",
        "e",    "f",    "g",   "tss:",     "tsm:",      "tsu:",   "tsn:",       "tdD", "tdm",
        "tts",  "ttn",  "tDs", "u",        "U",         "vu",     "z",          "Z",   "vz",
        "w:16", "w:32", "w:3", "d:9,2,32", "d:18,2,64", "d:38,2", "d:76,2,256", "+l",  "+L",
        "+w:2", "+w:0", "+s",  "n",        "?"};
    const auto pick = static_cast<size_t>(decisions_.Byte()) % std::size(kFormats);
    const char* format = depth > 3 ? "g" : kFormats[pick];
    ArrowSchema& schema = schemas_.emplace_back();
    schema = ArrowSchema{};
    schema.format = format;
    schema.name = Name();
    schema.metadata = Metadata();
    schema.release = [](ArrowSchema*) {};
    ArrowArray& array = arrays_.emplace_back();
    array = ArrowArray{};
    array.release = [](ArrowArray*) {};
    array.offset = decisions_.Below(12);
    array.length = needed + (decisions_.Byte() < 8 ? -decisions_.Below(3) : 0);
    array.null_count = decisions_.Byte() < 8 ? decisions_.Below(4) - 2 : -1;
    FillBuffers(format, depth, array, schema);
    if (decisions_.Byte() < 40) {
      const Field dictionary = Make(3, decisions_.Below(20));
      schema.dictionary = dictionary.schema;
      array.dictionary = dictionary.array;
    }
    return {&schema, &array};
  }

  Field Batch(int64_t rows) {
    std::vector<Field> fields;
    const int64_t offset = decisions_.Below(9);
    for (int64_t i = decisions_.Below(4); i >= 0; --i) fields.push_back(Make(0, rows + offset));
    ArrowSchema& schema = schemas_.emplace_back();
    schema = ArrowSchema{};
    schema.format = "+s";
    schema.release = [](ArrowSchema*) {};
    ArrowArray& array = arrays_.emplace_back();
    array = ArrowArray{};
    array.length = rows;
    array.offset = offset;
    array.null_count = -1;
    array.release = [](ArrowArray*) {};
    SetBuffers(array, {decisions_.Byte() < 4 ? Random(32) : nullptr});
    SetChildren(schema, array, fields);
    return {&schema, &array};
  }

  std::string Text(size_t most) {
    std::string text;
    for (auto i = static_cast<size_t>(decisions_.Byte()) % most; i > 0; --i)
      text += static_cast<char>(decisions_.Byte());
    return text;
  }

 private:
  const void* Keep(std::vector<uint8_t> bytes) {
    return memory_.emplace_back(std::move(bytes)).data();
  }

  const void* Random(size_t size) {
    std::vector<uint8_t> bytes(size);
    const uint8_t seed = decisions_.Byte();
    for (size_t i = 0; i < size; ++i)
      bytes[i] = seed == 0   ? 0xFF
                 : seed < 64 ? decisions_.Byte()
                             : static_cast<uint8_t>(i / 8 * seed);
    return Keep(std::move(bytes));
  }

  const char* Name() {
    static constexpr const char* kNames[] = {"a", "b", "c", "A", "ts", "é", "", nullptr, "d.e"};
    const size_t pick = decisions_.Byte() % (2 * std::size(kNames));
    if (pick < std::size(kNames)) return kNames[pick];
    return names_.emplace_back("n" + std::to_string(names_.size())).c_str();
  }

  const char* Metadata() {
    if (decisions_.Byte() < 128) return nullptr;
    static constexpr const char* kKeys[] = {"questdb.column_type", "questdb.symbol",
                                            "questdb.geohash_bits", "ARROW:extension:name", "k"};
    static constexpr const char* kValues[] = {"uuid",       "long256", "symbol",  "true",
                                              "false",      "5",       "geohash", "ipv4",
                                              "arrow.uuid", "int",     "",        "x"};
    std::string bytes;
    const auto put = [&](int32_t number) { bytes.append(reinterpret_cast<char*>(&number), 4); };
    const auto pairs = static_cast<int32_t>(decisions_.Below(4)) - 1;
    put(pairs);
    for (int32_t i = 0; i < pairs; ++i) {
      for (const std::string text : {kKeys[decisions_.Below(std::size(kKeys))],
                                     kValues[decisions_.Below(std::size(kValues))]}) {
        if (decisions_.Byte() < 4) {
          put(-1 - decisions_.Byte());
          i = pairs;
          break;
        }
        put(static_cast<int32_t>(text.size()));
        bytes += text;
      }
    }
    const auto* begin = reinterpret_cast<const uint8_t*>(bytes.data());
    return static_cast<const char*>(Keep(std::vector<uint8_t>(begin, begin + bytes.size())));
  }

  void SetBuffers(ArrowArray& array, std::vector<const void*> buffers) {
    auto& kept = buffers_.emplace_back(std::move(buffers));
    array.n_buffers = static_cast<int64_t>(kept.size());
    array.buffers = kept.data();
  }

  void SetChildren(ArrowSchema& schema, ArrowArray& array, const std::vector<Field>& fields) {
    auto& schemas = child_schemas_.emplace_back();
    auto& arrays = child_arrays_.emplace_back();
    for (const Field& field : fields) {
      schemas.push_back(field.schema);
      arrays.push_back(field.array);
    }
    schema.n_children = array.n_children = static_cast<int64_t>(fields.size());
    schema.children = schemas.data();
    array.children = arrays.data();
  }

  // Ascending offsets, now and then not, in `count` bytes of data.
  template <typename Offset>
  const void* Offsets(int64_t entries, int64_t count) {
    std::vector<uint8_t> bytes;
    Offset offset = 0;
    for (int64_t i = 0; i <= entries; ++i) {
      const auto* raw = reinterpret_cast<const uint8_t*>(&offset);
      bytes.insert(bytes.end(), raw, raw + sizeof(offset));
      offset = static_cast<Offset>(offset + decisions_.Below(5));
      if (offset > count) offset = static_cast<Offset>(count);
      if (decisions_.Byte() == 0xFE) offset = static_cast<Offset>(decisions_.Below(9) - 4);
    }
    return Keep(std::move(bytes));
  }

  const void* Views(int64_t entries, int64_t data) {
    std::vector<uint8_t> bytes;
    for (int64_t i = 0; i < entries; ++i) {
      int32_t view[4] = {static_cast<int32_t>(decisions_.Below(20)), 0, 0,
                         static_cast<int32_t>(decisions_.Below(data))};
      if (decisions_.Byte() == 0xFE) view[0] = -1;
      if (decisions_.Byte() == 0xFE) view[2] = 7;
      if (view[0] <= 12) std::memset(view + 1, decisions_.Byte(), 12);
      const auto* raw = reinterpret_cast<const uint8_t*>(view);
      bytes.insert(bytes.end(), raw, raw + sizeof(view));
    }
    return Keep(std::move(bytes));
  }

  void FillBuffers(std::string_view format, int depth, ArrowArray& array, ArrowSchema& schema) {
    constexpr int64_t kData = 64;
    const int64_t entries = std::max<int64_t>(array.offset + array.length, 0);
    const void* validity =
        decisions_.Byte() < 128 ? nullptr : Random(static_cast<size_t>(entries + 7) / 8);
    if (format == "n") return SetBuffers(array, {});
    if (format == "u" || format == "z" || format == "U" || format == "Z") {
      const bool is_large = format == "U" || format == "Z";
      return SetBuffers(
          array,
          {validity, is_large ? Offsets<int64_t>(entries, kData) : Offsets<int32_t>(entries, kData),
           Random(kData)});
    }
    if (format == "vu" || format == "vz") {
      int64_t size = kData;
      const auto* raw = reinterpret_cast<const uint8_t*>(&size);
      return SetBuffers(array, {validity, Views(entries, kData), Random(kData),
                                Keep(std::vector<uint8_t>(raw, raw + 8))});
    }
    if (format.starts_with("+")) {
      const int64_t items = format == "+w:2" ? 2 * entries : format == "+w:0" ? 0 : kData;
      const Field child = Make(depth + 1, format == "+s" ? entries : items);
      SetChildren(schema, array, {child});
      if (format == "+l") return SetBuffers(array, {validity, Offsets<int32_t>(entries, items)});
      if (format == "+L") return SetBuffers(array, {validity, Offsets<int64_t>(entries, items)});
      return SetBuffers(array, {validity});
    }
    // The widest fixed-width values have 32 bytes.
    SetBuffers(array, {validity, Random(static_cast<size_t>(entries) * 32)});
  }

  Decisions& decisions_;
  std::deque<ArrowSchema> schemas_;
  std::deque<ArrowArray> arrays_;
  std::deque<std::vector<uint8_t>> memory_;
  std::deque<std::vector<const void*>> buffers_;
  std::deque<std::vector<ArrowSchema*>> child_schemas_;
  std::deque<std::vector<ArrowArray*>> child_arrays_;
  std::deque<std::string> names_;
};

void CheckMessage(const colonnade::Status& status) {
  if (!status.ok() && (status.message().empty() || status.message().size() > 2000)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Decisions decisions(data, size);
  Structs structs(decisions);
  ArrowImportOptions options;
  options.symbols = static_cast<SymbolChoice>(decisions.Below(3));
  if (decisions.Byte() < 64) options.timestamp_column = "ts";
  if (decisions.Byte() < 64) {
    options.overrides.push_back({"a", static_cast<OverrideKind>(decisions.Below(8)),
                                 static_cast<int>(decisions.Below(70)) - 4});
  }
  const int64_t rows = decisions.Below(kMaxRows);
  const Structs::Field batch = structs.Batch(rows);
  if (!colonnade::arrow::ValidateSchema(batch.schema).ok()) return 0;
  const auto plan = ArrowPlan::Make(*batch.schema, options);
  if (!colonnade::arrow::ValidateArray(batch.schema, batch.array).ok()) return 0;
  if (!plan.ok()) {
    CheckMessage(plan.status());
    return 0;
  }
  const auto columns = plan->Columns(*batch.array);
  if (!columns.ok()) {
    CheckMessage(columns.status());
    return 0;
  }
  if (columns->size() != plan->column_count()) std::abort();

  // Whole, and cut in two: the same symbols, and refused only together.
  BlockEncoder encoder({.gorilla = decisions.Byte() < 128});
  colonnade::net::MessageBuffer message;
  const auto encode = [&](SymbolDictionary& dictionary, std::vector<SymbolMap>& maps,
                          RowRange range) {
    message.Begin(0x01020304);
    const size_t mark = dictionary.size();
    colonnade::Status status =
        encoder.AppendDictionarySection(*columns, range, dictionary, maps, message);
    if (!status.ok() && dictionary.size() != mark) std::abort();
    if (status.ok()) status = encoder.AppendBlock("t", *columns, range, dictionary, maps, message);
    CheckMessage(status);
    return status.ok();
  };
  SymbolDictionary whole_dictionary;
  std::vector<SymbolMap> whole_maps(columns->size());
  const bool is_whole = encode(whole_dictionary, whole_maps, {0, rows});
  SymbolDictionary dictionary;
  std::vector<SymbolMap> maps(columns->size());
  const int64_t middle = rows / 2;
  const bool are_halves =
      encode(dictionary, maps, {0, middle}) && encode(dictionary, maps, {middle, rows});
  if (is_whole != are_halves) std::abort();
  if (is_whole && whole_dictionary.size() != dictionary.size()) std::abort();
  return 0;
}
