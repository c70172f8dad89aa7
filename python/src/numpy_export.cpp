#include "numpy_export.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "array_reader.h"
#include "arrow/format.h"
#include "arrow/stream.h"
#include "growing_memory.h"
#include "interop.h"
#include "temporal_values.h"

namespace colonnade::python {
namespace {

__extension__ using Int128 = __int128;

constexpr int64_t kRowsAtOnce = 1'024;  // objects on their way: they stay in the first cache

// The memory of one column, as numpy's array interface describes it.
struct ColumnMemory {
  arrow::Array batch;  // one of the two owns `data`
  GrowingMemory memory;
  const void* data = nullptr;
  int64_t length = 0;
  std::string dtype;
  bool writable = false;

  nb::dict Interface() const {
    nb::dict interface;
    interface["version"] = 3;
    interface["shape"] = nb::make_tuple(length);
    interface["typestr"] = nb::str(dtype.c_str(), dtype.size());
    interface["data"] = nb::make_tuple(reinterpret_cast<uintptr_t>(data), !writable);
    return interface;
  }
};

nb::object Numpy(const char* name) { return nb::module_::import_("numpy").attr(name); }

nb::object ToNumpyArray(ColumnMemory memory) {
  if (memory.length == 0) return Numpy("empty")(0, memory.dtype.c_str());
  return Numpy("asarray")(nb::cast(std::move(memory)));
}

int64_t CountNulls(const ArrowArray& array) {
  if (array.n_buffers == 0 || array.buffers[0] == nullptr) return 0;
  if (array.null_count >= 0) return array.null_count;
  const auto* bits = static_cast<const uint8_t*>(array.buffers[0]);
  int64_t nulls = 0;
  for (int64_t i = 0; i < array.length; ++i) nulls += IsValid(bits, array.offset + i) ? 0 : 1;
  return nulls;
}

// How the values of a column become those of a numpy array.
enum class Conversion : uint8_t {
  kNone,      // the same bytes
  kBool,      // bits to bytes
  kDate,      // days to microseconds
  kInterval,  // months, days and nanoseconds to microseconds
  kMonths,
  kDayMillis,
  kDecimal,  // to the nearest double
  kObjects,
};

struct Layout {
  Conversion conversion = Conversion::kObjects;
  std::string dtype = "O";
  int64_t width = sizeof(PyObject*);  // of an item of the numpy array
  int64_t decimal_bits = 128;
  int decimal_scale = 0;
  bool is_unsigned = false;  // UHUGEINT
};

std::string TimeDtype(char kind, char unit) {
  const std::string name = unit == 's' ? "s" : std::string(1, unit) + "s";
  return std::string("<") + kind + "8[" + name + "]";
}

Layout DecimalLayout(std::string_view format, std::string_view type) {
  Layout layout{Conversion::kDecimal, "<f8", 8};
  const auto decimal = ValueOrRaise(arrow::ParseFormat(format));
  layout.decimal_scale = decimal.decimal_scale;
  layout.decimal_bits = decimal.bit_width;
  layout.is_unsigned = type == "UHUGEINT";
  if (layout.decimal_bits > 128) return {};
  return layout;
}

Layout LayoutOf(const ArrowSchema& schema, std::string_view type) {
  const std::string_view format = schema.format;
  if (schema.dictionary != nullptr) return {};
  if (format.size() == 1) {
    switch (format[0]) {
      case 'b': return {Conversion::kBool, "|b1", 1};
      case 'c': return {Conversion::kNone, "|i1", 1};
      case 'C': return {Conversion::kNone, "|u1", 1};
      case 's': return {Conversion::kNone, "<i2", 2};
      case 'S': return {Conversion::kNone, "<u2", 2};
      case 'i': return {Conversion::kNone, "<i4", 4};
      case 'I': return {Conversion::kNone, "<u4", 4};
      case 'l': return {Conversion::kNone, "<i8", 8};
      case 'L': return {Conversion::kNone, "<u8", 8};
      case 'e': return {Conversion::kNone, "<f2", 2};
      case 'f': return {Conversion::kNone, "<f4", 4};
      case 'g': return {Conversion::kNone, "<f8", 8};
      default: return {};
    }
  }
  if (format.substr(0, 2) == "d:") return DecimalLayout(format, type);
  if (format == "tdD") return {Conversion::kDate, "<M8[us]", 8};
  if (format == "tdm") return {Conversion::kNone, "<M8[ms]", 8};
  if (format.substr(0, 2) == "ts" && format.size() >= 4)
    return {Conversion::kNone, TimeDtype('M', format[2]), 8};
  if (format.substr(0, 2) == "tD" && format.size() == 3)
    return {Conversion::kNone, TimeDtype('m', format[2]), 8};
  if (format == "tin") return {Conversion::kInterval, "<m8[us]", 8};
  if (format == "tiM") return {Conversion::kMonths, "<m8[us]", 8};
  if (format == "tiD") return {Conversion::kDayMillis, "<m8[us]", 8};
  return {};
}

// What stands under the mask.
void WriteMissing(std::string_view dtype, int64_t width, char* out) {
  constexpr int64_t kNotATime = std::numeric_limits<int64_t>::min();
  if (dtype[1] == 'M' || dtype[1] == 'm') {
    std::memcpy(out, &kNotATime, sizeof(kNotATime));
  } else if (dtype == "<f8") {
    constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
    std::memcpy(out, &kNan, sizeof(kNan));
  } else if (dtype == "<f4") {
    constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
    std::memcpy(out, &kNan, sizeof(kNan));
  } else if (dtype == "<f2") {
    constexpr uint16_t kNan = 0x7e00;
    std::memcpy(out, &kNan, sizeof(kNan));
  } else {
    std::memset(out, 0, static_cast<size_t>(width));
  }
}

// Calls make(row) for the valid rows of a piece and writes what it gives. False if make fails.
template <typename Out, typename Make>
bool Convert(const ArrowArray& piece, char* out, Make&& make) {
  const auto* validity = static_cast<const uint8_t*>(piece.buffers[0]);
  for (int64_t i = 0; i < piece.length; ++i) {
    Out value{};
    if (IsValid(validity, piece.offset + i) && !make(piece.offset + i, &value)) return false;
    std::memcpy(out + i * int64_t{sizeof(Out)}, &value, sizeof(Out));
  }
  return true;
}

template <typename Stored>
Stored Load(const ArrowArray& piece, int64_t row) {
  Stored value;
  std::memcpy(&value, static_cast<const char*>(piece.buffers[1]) + row * int64_t{sizeof(Stored)},
              sizeof(Stored));
  return value;
}

constexpr int64_t kMicrosPerDay = 86'400'000'000;

bool MicrosOf(int64_t days, int64_t micros, int64_t* out) {
  int64_t of_days = 0;
  return !__builtin_mul_overflow(days, kMicrosPerDay, &of_days) &&
         !__builtin_add_overflow(of_days, micros, out) &&
         *out != std::numeric_limits<int64_t>::min();  // that would be NaT
}

template <typename Stored>
bool ConvertDecimals(const ArrowArray& piece, const Layout& layout, char* out) {
  // Dividing by a power of ten that is exact rounds once; above 10^22 it is not exact.
  const double divisor = std::pow(10.0, layout.decimal_scale);
  return Convert<double>(piece, out, [&](int64_t row, double* value) {
    const auto stored = Load<Stored>(piece, row);
    if constexpr (sizeof(Stored) == 16) {
      __extension__ using UInt128 = unsigned __int128;
      if (layout.is_unsigned) {
        *value = static_cast<double>(static_cast<UInt128>(stored));
        return true;
      }
    }
    *value = static_cast<double>(stored) / divisor;
    return true;
  });
}

// Converts one piece, without the interpreter lock. False if a value does not fit.
bool ConvertPiece(const ArrowArray& piece, const Layout& layout, char* out) {
  switch (layout.conversion) {
    case Conversion::kNone:
      if (piece.length > 0) {
        std::memcpy(out, static_cast<const char*>(piece.buffers[1]) + piece.offset * layout.width,
                    static_cast<size_t>(piece.length * layout.width));
      }
      return true;
    case Conversion::kBool: {
      const auto* bits = static_cast<const uint8_t*>(piece.buffers[1]);
      return Convert<uint8_t>(piece, out, [&](int64_t row, uint8_t* value) {
        *value = (bits[row / 8] >> (row % 8)) & 1;
        return true;
      });
    }
    case Conversion::kDate:
      return Convert<int64_t>(piece, out, [&](int64_t row, int64_t* value) {
        return MicrosOf(Load<int32_t>(piece, row), 0, value);
      });
    case Conversion::kInterval:
      return Convert<int64_t>(piece, out, [&](int64_t row, int64_t* value) {
        const auto stored = Load<MonthDayNano>(piece, row);
        return MicrosOf(int64_t{stored.months} * 30 + stored.days,
                        DivideDown(stored.nanos, 1'000).quotient, value);
      });
    case Conversion::kMonths:
      return Convert<int64_t>(piece, out, [&](int64_t row, int64_t* value) {
        return MicrosOf(int64_t{Load<int32_t>(piece, row)} * 30, 0, value);
      });
    case Conversion::kDayMillis:
      return Convert<int64_t>(piece, out, [&](int64_t row, int64_t* value) {
        const auto stored = Load<DayMilli>(piece, row);
        return MicrosOf(stored.days, int64_t{stored.millis} * 1'000, value);
      });
    case Conversion::kDecimal:
      switch (layout.decimal_bits) {
        case 32: return ConvertDecimals<int32_t>(piece, layout, out);
        case 64: return ConvertDecimals<int64_t>(piece, layout, out);
        default: return ConvertDecimals<Int128>(piece, layout, out);
      }
    case Conversion::kObjects: break;
  }
  return false;
}

// Writes true where a piece has NULL and makes what stands there defined.
void MaskPiece(const ArrowArray& piece, const Layout& layout, char* data, uint8_t* mask) {
  const auto* validity = static_cast<const uint8_t*>(piece.buffers[0]);
  for (int64_t i = 0; i < piece.length; ++i) mask[i] = IsValid(validity, piece.offset + i) ? 0 : 1;
  if (layout.conversion == Conversion::kObjects) return;
  char missing[8];
  WriteMissing(layout.dtype, layout.width, missing);
  const auto width = static_cast<size_t>(layout.width);
  for (int64_t i = 0; i < piece.length; ++i) {
    if (mask[i] != 0) std::memcpy(data + static_cast<size_t>(i) * width, missing, width);
  }
}

bool IsText(std::string_view format) { return format == "u" || format == "U" || format == "vu"; }

// The pieces of a text column as a stream of their own.
nb::object TextStream(std::string_view format, std::vector<arrow::Array> pieces) {
  arrow::Schema schema;
  const char* literal = format == "u" ? "u" : format == "U" ? "U" : "vu";
  *schema.out() =
      ArrowSchema{literal, "",      nullptr, ARROW_FLAG_NULLABLE,
                  0,       nullptr, nullptr, [](ArrowSchema* self) { self->release = nullptr; },
                  nullptr};
  return MakeCapsule(arrow::MakeStream(std::move(schema), std::move(pieces)));
}

// Takes column `index` out of a batch.
arrow::Array TakeColumn(arrow::Array& batch, int64_t index) {
  arrow::Array piece = arrow::Array::TakeFrom(batch->children[index]);
  // A slice of a struct counts from there in every child.
  piece->offset += batch->offset;
  if (piece->length != batch->length) piece->null_count = -1;
  piece->length = batch->length;
  return piece;
}

}  // namespace

// One column on its way to numpy.
class NumpyBuilder::Column {
 public:
  Column(const ArrowSchema& schema, std::string_view type, const NumpyOptions& options)
      : schema_(schema),
        type_(type),
        options_(options),
        layout_(LayoutOf(schema, type)),
        all_null_(std::string_view(schema.format) == "n"),
        has_validity_(!all_null_ && std::string_view(schema.format).substr(0, 2) != "+u"),
        as_stream_(options.text_as_streams && type == "VARCHAR" && schema.dictionary == nullptr &&
                   IsText(schema.format)) {}
  ~Column() {
    auto** objects = reinterpret_cast<PyObject**>(objects_.data());
    for (size_t i = 0; i < objects_.size() / sizeof(PyObject*); ++i) Py_DECREF(objects[i]);
  }
  Column(const Column&) = delete;
  Column& operator=(const Column&) = delete;

  bool wants_objects() const { return layout_.conversion == Conversion::kObjects && !as_stream_; }

  // Takes a piece. Without the interpreter lock unless wants_objects(). False if a value does not
  // fit.
  bool Add(arrow::Array piece) {
    if (as_stream_) {
      kept_.push_back(std::move(piece));
      return true;
    }
    if (layout_.conversion == Conversion::kNone && length_ == 0 && kept_.empty()) {
      kept_.push_back(std::move(piece));  // it may stay the only one
      return true;
    }
    return Flush() && Append(*piece.get());
  }

  // The column as an array, or as a stream.
  nb::object Finish() {
    if (as_stream_) return TextStream(schema_.format, std::move(kept_));
    if (kept_.size() == 1 && CanLend(*kept_[0].get())) {
      const ArrowArray& piece = *kept_[0].get();
      const void* data = static_cast<const char*>(piece.buffers[1]) + piece.offset * layout_.width;
      const int64_t length = piece.length;
      return ToNumpyArray(
          {std::move(kept_[0]), {}, data, length, layout_.dtype, options_.writable});
    }
    if (!Flush()) RaiseMisfit();
    nb::object values = wants_objects() ? ObjectArray() : Array(std::move(values_), layout_.dtype);
    if (mask_.size() == 0) return values;
    return nb::module_::import_("numpy.ma")
        .attr("MaskedArray")(values, nb::arg("mask") = Array(std::move(mask_), "|b1"));
  }

  [[noreturn]] void RaiseMisfit() const {
    RaiseStatus(InvalidData("column ", schema_.name != nullptr ? schema_.name : "",
                            ": a value of type ", type_, " does not fit ",
                            layout_.dtype == "<M8[us]" ? "datetime64[us]" : "timedelta64[us]"));
  }

 private:
  bool CanLend(const ArrowArray& piece) const {
    if (piece.length == 0) return false;
    const void* data = static_cast<const char*>(piece.buffers[1]) + piece.offset * layout_.width;
    return CountNulls(piece) == 0 &&
           reinterpret_cast<uintptr_t>(data) % static_cast<uintptr_t>(layout_.width) == 0;
  }

  bool Flush() {
    for (arrow::Array& piece : std::exchange(kept_, {})) {
      if (!Append(*piece.get())) return false;
    }
    return true;
  }

  bool Append(const ArrowArray& piece) {
    const auto rows = static_cast<size_t>(piece.length);
    char* data = nullptr;
    if (wants_objects()) {
      AppendObjects(piece);
    } else {
      data = values_.Extend(rows * static_cast<size_t>(layout_.width));
      if (!ConvertPiece(piece, layout_, data)) return false;
    }
    const int64_t nulls = all_null_ ? piece.length : has_validity_ ? CountNulls(piece) : 0;
    if (nulls > 0 && mask_.size() == 0 && length_ > 0)
      std::memset(mask_.Extend(static_cast<size_t>(length_)), 0, static_cast<size_t>(length_));
    length_ += piece.length;
    if (nulls == 0 && mask_.size() == 0) return true;
    auto* mask = reinterpret_cast<uint8_t*>(mask_.Extend(rows));
    if (nulls > 0 && !all_null_) {
      MaskPiece(piece, layout_, data, mask);
    } else {
      std::memset(mask, all_null_ ? 1 : 0, rows);
    }
    return true;
  }

  void AppendObjects(const ArrowArray& piece) {
    if (!reader_) reader_ = MakeValueReader(schema_, type_);
    reader_->Bind(piece);
    for (int64_t begin = 0; begin < piece.length; begin += kRowsAtOnce) {
      const int64_t count = std::min(kRowsAtOnce, piece.length - begin);
      Objects objects(count);
      reader_->Read(begin, count, objects.data());
      auto** out = reinterpret_cast<PyObject**>(
          objects_.Extend(static_cast<size_t>(count) * sizeof(PyObject*)));
      for (int64_t i = 0; i < count; ++i) out[i] = objects.Take(i);
    }
  }

  nb::object Array(GrowingMemory memory, const std::string& dtype) const {
    memory.Trim();
    const void* data = memory.data();
    return ToNumpyArray({{}, std::move(memory), data, length_, dtype, true});
  }

  // numpy takes no memory of objects over: they are swapped with the None that it puts into a new
  // array.
  nb::object ObjectArray() {
    nb::object array = Numpy("empty")(length_, "O");
    const nb::object interface = array.attr("__array_interface__");
    auto** out = reinterpret_cast<PyObject**>(nb::cast<uintptr_t>(interface["data"][0]));
    auto** objects = reinterpret_cast<PyObject**>(objects_.data());
    for (int64_t i = 0; i < length_; ++i) {
      if (out[i] == nullptr) out[i] = None();
      std::swap(out[i], objects[i]);
    }
    return array;
  }

  const ArrowSchema& schema_;
  const std::string type_;
  const NumpyOptions options_;
  const Layout layout_;
  const bool all_null_;
  const bool has_validity_;
  const bool as_stream_;
  std::vector<arrow::Array> kept_;  // a first piece, or all of a stream
  GrowingMemory values_;
  GrowingMemory objects_;  // PyObject*
  GrowingMemory mask_;     // empty while there was no NULL
  int64_t length_ = 0;     // rows that have been appended
  std::unique_ptr<ValueReader> reader_;
};

NumpyBuilder::NumpyBuilder(const ArrowSchema& schema, const std::vector<std::string>& types,
                           const NumpyOptions& options) {
  std::unordered_set<std::string> given;
  for (int64_t i = 0; i < schema.n_children; ++i) {
    const char* name = schema.children[i]->name;
    names_.emplace_back(name != nullptr ? name : "");
    given.insert(names_.back());
  }
  std::unordered_set<std::string> used;
  for (std::string& name : names_) {
    const std::string plain = name;
    for (int suffix = 1; used.contains(name) || (name != plain && given.contains(name)); ++suffix)
      name = plain + "_" + std::to_string(suffix);
    used.insert(name);
  }
  for (int64_t i = 0; i < schema.n_children; ++i) {
    const auto index = static_cast<size_t>(i);
    columns_.push_back(std::make_unique<Column>(*schema.children[i],
                                                index < types.size() ? types[index] : "", options));
  }
}

NumpyBuilder::~NumpyBuilder() = default;

void NumpyBuilder::Add(arrow::Array batch) {
  const Column* misfit = nullptr;
  {
    const GilRelease release;
    for (size_t i = 0; i < columns_.size() && misfit == nullptr; ++i) {
      if (columns_[i]->wants_objects()) continue;
      if (!columns_[i]->Add(TakeColumn(batch, static_cast<int64_t>(i)))) misfit = columns_[i].get();
    }
  }
  if (misfit != nullptr) misfit->RaiseMisfit();
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i]->wants_objects()) columns_[i]->Add(TakeColumn(batch, static_cast<int64_t>(i)));
  }
}

nb::dict NumpyBuilder::Finish() {
  nb::dict arrays;
  for (size_t i = 0; i < columns_.size(); ++i) {
    arrays[nb::str(names_[i].data(), names_[i].size())] = columns_[i]->Finish();
    columns_[i].reset();
  }
  return arrays;
}

nb::dict NumpyColumns(const ArrowSchema& schema, std::vector<arrow::Array> batches,
                      const std::vector<std::string>& types, const NumpyOptions& options) {
  NumpyBuilder builder(schema, types, options);
  for (arrow::Array& batch : batches) builder.Add(std::move(batch));
  return builder.Finish();
}

RowReader::RowReader(const ArrowSchema& schema, const std::vector<std::string>& types) {
  for (int64_t i = 0; i < schema.n_children; ++i) {
    const auto index = static_cast<size_t>(i);
    columns_.push_back(
        MakeValueReader(*schema.children[i], index < types.size() ? types[index] : ""));
  }
}

RowReader::~RowReader() = default;

void RowReader::Append(const ArrowArray& batch, int64_t begin, int64_t count, nb::list* rows) {
  const auto width = static_cast<Py_ssize_t>(columns_.size());
  for (Py_ssize_t column = 0; column < width; ++column)
    columns_[static_cast<size_t>(column)]->Bind(*batch.children[column]);

  for (int64_t done = 0; done < count; done += kRowsAtOnce) {
    const int64_t some = std::min(kRowsAtOnce, count - done);
    Objects tuples(some);
    for (int64_t i = 0; i < some; ++i) tuples.data()[i] = Checked(PyTuple_New(width));
    for (Py_ssize_t column = 0; column < width; ++column) {
      Objects values(some);
      columns_[static_cast<size_t>(column)]->Read(batch.offset + begin + done, some, values.data());
      for (int64_t i = 0; i < some; ++i) PyTuple_SET_ITEM(tuples.data()[i], column, values.Take(i));
    }
    for (int64_t i = 0; i < some; ++i) rows->append(nb::steal(tuples.Take(i)));
  }
}

void BindNumpyExport(nb::module_& module) {
  nb::class_<ColumnMemory>(module, "ColumnMemory", "Memory of a column, for numpy.asarray.")
      .def_prop_ro("__array_interface__", &ColumnMemory::Interface);
}

}  // namespace colonnade::python
