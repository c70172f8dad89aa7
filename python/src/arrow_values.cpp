#include "arrow_values.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "array_reader.h"
#include "arrow/format.h"
#include "base/half.h"
#include "nested_values.h"
#include "sql_type_hint.h"
#include "temporal_values.h"

namespace colonnade::python {
namespace {

__extension__ using Int128 = __int128;
__extension__ using UInt128 = unsigned __int128;

std::string DecimalText(Int128 value, bool is_unsigned, int scale) {
  const bool negative = !is_unsigned && value < 0;
  UInt128 rest = negative ? UInt128{0} - static_cast<UInt128>(value) : static_cast<UInt128>(value);
  std::string digits;
  do {
    digits += static_cast<char>('0' + static_cast<int>(rest % 10));
    rest /= 10;
  } while (rest != 0);
  if (scale < 0) digits.insert(0, static_cast<size_t>(-scale), '0');
  while (scale >= static_cast<int>(digits.size())) digits += '0';
  if (scale > 0) digits.insert(static_cast<size_t>(scale), 1, '.');
  if (negative) digits += '-';
  std::reverse(digits.begin(), digits.end());
  return digits;
}

class NullReader final : public ValueReader {
 public:
  void Bind(const ArrowArray&) override {}
  void Read(int64_t, int64_t count, PyObject** out) override {
    for (int64_t i = 0; i < count; ++i) out[i] = None();
  }
};

class BoolReader final : public ArrayReader {
 public:
  void Read(int64_t begin, int64_t count, PyObject** out) override {
    const auto* bits = Buffer<uint8_t>(1);
    ForEach(begin, count, out, [&](int64_t row) {
      return Py_NewRef(((bits[row / 8] >> (row % 8)) & 1) != 0 ? Py_True : Py_False);
    });
  }
};

class FixedBytesReader final : public ArrayReader {
 public:
  explicit FixedBytesReader(int64_t width) : width_(width) {}
  void Read(int64_t begin, int64_t count, PyObject** out) override {
    const auto* bytes = Buffer<char>(1);
    ForEach(begin, count, out,
            [&](int64_t row) { return PyBytes_FromStringAndSize(bytes + row * width_, width_); });
  }

 private:
  int64_t width_;
};

// What the bytes of a variable-length value become.
using BytesConvert = PyObject* (*)(std::string_view bytes, nb::handle argument);

PyObject* TextOf(std::string_view bytes, nb::handle) {
  return PyUnicode_DecodeUTF8(bytes.data(), static_cast<Py_ssize_t>(bytes.size()), nullptr);
}
PyObject* BytesOf(std::string_view bytes, nb::handle) {
  return PyBytes_FromStringAndSize(bytes.data(), static_cast<Py_ssize_t>(bytes.size()));
}
PyObject* UuidOf(std::string_view bytes, nb::handle uuid_type) {
  const nb::object text = nb::steal(Text(bytes));
  return PyObject_CallOneArg(uuid_type.ptr(), text.ptr());
}
// The engine's bit strings: a byte with the number of unused leading bits, then the bits.
PyObject* BitsOf(std::string_view bytes, nb::handle) {
  std::string text;
  const size_t unused = bytes.empty() ? 0 : static_cast<uint8_t>(bytes[0]);
  for (size_t bit = unused; bit + 8 < bytes.size() * 8; ++bit) {
    text += ((static_cast<uint8_t>(bytes[1 + bit / 8]) >> (7 - bit % 8)) & 1) != 0 ? '1' : '0';
  }
  return Text(text);
}
// The engine's big numbers: three bytes whose highest bit is set for >= 0, then the magnitude,
// big-endian; of a negative number all bits are flipped.
PyObject* BignumOf(std::string_view bytes, nb::handle int_type) {
  if (bytes.size() < 4) {
    PyErr_SetString(PyExc_ValueError, "a BIGNUM has fewer than 4 bytes");
    return nullptr;
  }
  const bool negative = (static_cast<uint8_t>(bytes[0]) & 0x80) == 0;
  std::string magnitude(bytes.substr(3));
  if (negative) {
    for (char& byte : magnitude) byte = static_cast<char>(~byte);
  }
  const nb::object value =
      int_type.attr("from_bytes")(nb::bytes(magnitude.data(), magnitude.size()), "big");
  return negative ? PyNumber_Negative(value.ptr()) : Py_NewRef(value.ptr());
}

// Text and bytes. Rows of a product of coordinates repeat their values, so equal neighbours share
// an object.
class BytesReader : public ArrayReader {
 public:
  BytesReader(BytesConvert convert, nb::object argument)
      : convert_(convert), argument_(std::move(argument)) {}

 protected:
  PyObject* Make(std::string_view bytes) {
    if (last_.is_valid() && bytes == last_bytes_) return Py_NewRef(last_.ptr());
    last_ = nb::steal(Checked(convert_(bytes, argument_)));
    last_bytes_ = bytes;
    return Py_NewRef(last_.ptr());
  }
  void Forget() { last_.reset(); }  // its bytes are about to go

 private:
  BytesConvert convert_;
  nb::object argument_;
  nb::object last_;
  std::string_view last_bytes_;
};

template <typename Offset>
class OffsetBytesReader final : public BytesReader {
 public:
  using BytesReader::BytesReader;
  void Bind(const ArrowArray& array) override {
    Forget();
    ArrayReader::Bind(array);
  }
  void Read(int64_t begin, int64_t count, PyObject** out) override {
    const auto* offsets = Buffer<Offset>(1);
    const auto* bytes = Buffer<char>(2);
    ForEach(begin, count, out, [&](int64_t row) {
      const auto size = static_cast<size_t>(offsets[row + 1] - offsets[row]);
      return Make(size == 0 ? std::string_view() : std::string_view(bytes + offsets[row], size));
    });
  }
};

class ViewBytesReader final : public BytesReader {
 public:
  using BytesReader::BytesReader;
  void Bind(const ArrowArray& array) override {
    Forget();
    ArrayReader::Bind(array);
  }
  void Read(int64_t begin, int64_t count, PyObject** out) override {
    struct View {
      int32_t size;
      char prefix[4];
      int32_t buffer;
      int32_t offset;
    };
    static_assert(sizeof(View) == 16);
    const auto* views = Buffer<char>(1);
    ForEach(begin, count, out, [&](int64_t row) {
      const char* place = views + row * int64_t{sizeof(View)};
      View view;
      std::memcpy(&view, place, sizeof(view));
      const char* bytes = view.size <= 12 ? place + 4 : Buffer<char>(2 + view.buffer) + view.offset;
      return Make(std::string_view(bytes, static_cast<size_t>(view.size)));
    });
  }
};

arrow::Format FormatOf(const ArrowSchema& schema) {
  return ValueOrRaise(arrow::ParseFormat(schema.format));
}

std::unique_ptr<ValueReader> DecimalReader(const ArrowSchema& schema, std::string_view type) {
  const arrow::Format format = FormatOf(schema);
  if (type == "HUGEINT" || type == "UHUGEINT") {
    const bool is_unsigned = type == "UHUGEINT";
    return Fixed<Int128>([is_unsigned](Int128 value) -> PyObject* {
      if (!(is_unsigned && value < 0) && value >= std::numeric_limits<int64_t>::min() &&
          value <= std::numeric_limits<int64_t>::max())
        return PyLong_FromLongLong(static_cast<int64_t>(value));
      return PyLong_FromString(DecimalText(value, is_unsigned, 0).c_str(), nullptr, 10);
    });
  }
  const auto convert = [scale = format.decimal_scale,
                        decimal = Attribute("decimal", "Decimal")](Int128 value) {
    const nb::object text = nb::steal(Text(DecimalText(value, false, scale)));
    return PyObject_CallOneArg(decimal.ptr(), text.ptr());
  };
  switch (format.bit_width) {
    case 32: return Fixed<int32_t>(convert);
    case 64: return Fixed<int64_t>(convert);
    case 128: return Fixed<Int128>(convert);
    default: RaiseUnsupported(schema);
  }
}

std::unique_ptr<ValueReader> BytesReaderFor(std::string_view format, std::string_view type) {
  BytesConvert convert = format.back() == 'u' || format == "U" ? TextOf : BytesOf;
  nb::object argument = nb::none();
  if (type == "UUID" && convert == TextOf) {
    convert = UuidOf;
    argument = Attribute("uuid", "UUID");
  } else if (type == "BIT" && convert == BytesOf) {
    convert = BitsOf;
  } else if (type == "BIGNUM" && convert == BytesOf) {
    convert = BignumOf;
    argument = Attribute("builtins", "int");
  }
  if (format[0] == 'v') return std::make_unique<ViewBytesReader>(convert, argument);
  if (format == "U" || format == "Z")
    return std::make_unique<OffsetBytesReader<int64_t>>(convert, argument);
  return std::make_unique<OffsetBytesReader<int32_t>>(convert, argument);
}

std::unique_ptr<ValueReader> MakeReader(const ArrowSchema& schema, const TypeHint& hint);

std::unique_ptr<ValueReader> ChildReader(const ArrowSchema& schema, const TypeHint& hint,
                                         int64_t child) {
  static const TypeHint kNone;
  const auto index = static_cast<size_t>(child);
  return MakeReader(*schema.children[child],
                    index < hint.children.size() ? hint.children[index] : kNone);
}

std::vector<std::unique_ptr<ValueReader>> ChildReaders(const ArrowSchema& schema,
                                                       const TypeHint& hint) {
  std::vector<std::unique_ptr<ValueReader>> readers;
  for (int64_t i = 0; i < schema.n_children; ++i) readers.push_back(ChildReader(schema, hint, i));
  return readers;
}

std::unique_ptr<ValueReader> NestedReader(const ArrowSchema& schema, const TypeHint& hint) {
  const std::string_view format = schema.format;
  const auto list = [&](ListLayout layout, int64_t size = 0) {
    return MakeListReader(layout, size, ChildReader(schema, hint, 0));
  };
  if (format == "+l") return list(ListLayout::kOffsets32);
  if (format == "+L") return list(ListLayout::kOffsets64);
  if (format == "+vl") return list(ListLayout::kViews32);
  if (format == "+vL") return list(ListLayout::kViews64);
  if (format.substr(0, 3) == "+w:") return list(ListLayout::kFixed, FormatOf(schema).list_size);
  if (format == "+m") {
    static const TypeHint kNone;
    const ArrowSchema& entries = *schema.children[0];
    const bool hinted = hint.children.size() == 2;
    return MakeMapReader(MakeReader(*entries.children[0], hinted ? hint.children[0] : kNone),
                         MakeReader(*entries.children[1], hinted ? hint.children[1] : kNone));
  }
  if (format == "+s") {
    std::vector<nb::object> names;
    bool named = schema.n_children == 0;
    for (int64_t i = 0; i < schema.n_children; ++i) {
      const char* name = schema.children[i]->name;
      named = named || (name != nullptr && *name != '\0');
      names.push_back(nb::steal(Text(name != nullptr ? name : "")));
    }
    if (!named) names.clear();
    return MakeStructReader(std::move(names), ChildReaders(schema, hint));
  }
  if (format.substr(0, 4) == "+us:" || format.substr(0, 4) == "+ud:") {
    return MakeUnionReader(format[2] == 'd', FormatOf(schema).type_ids, ChildReaders(schema, hint));
  }
  RaiseUnsupported(schema);
}

std::unique_ptr<ValueReader> MakeReader(const ArrowSchema& schema, const TypeHint& hint) {
  const std::string_view format = schema.format;
  if (schema.dictionary != nullptr)
    return MakeDictionaryReader(format[0], MakeReader(*schema.dictionary, hint));
  const auto integer = [](auto value) { return PyLong_FromLongLong(value); };
  if (format.size() == 1) {
    switch (format[0]) {
      case 'n': return std::make_unique<NullReader>();
      case 'b': return std::make_unique<BoolReader>();
      case 'c': return Fixed<int8_t>(integer);
      case 'C': return Fixed<uint8_t>(integer);
      case 's': return Fixed<int16_t>(integer);
      case 'S': return Fixed<uint16_t>(integer);
      case 'i': return Fixed<int32_t>(integer);
      case 'I': return Fixed<uint32_t>(integer);
      case 'l': return Fixed<int64_t>(integer);
      case 'L': return Fixed<uint64_t>([](uint64_t v) { return PyLong_FromUnsignedLongLong(v); });
      case 'e':
        return Fixed<uint16_t>([](uint16_t bits) { return PyFloat_FromDouble(HalfToFloat(bits)); });
      case 'f': return Fixed<float>([](float value) { return PyFloat_FromDouble(value); });
      case 'g': return Fixed<double>([](double value) { return PyFloat_FromDouble(value); });
      case 'u':
      case 'U':
      case 'z':
      case 'Z': return BytesReaderFor(format, hint.name);
      default: break;
    }
  }
  if (format == "vu" || format == "vz") return BytesReaderFor(format, hint.name);
  if (format.substr(0, 2) == "w:")
    return std::make_unique<FixedBytesReader>(FormatOf(schema).bit_width / 8);
  if (format.substr(0, 2) == "d:") return DecimalReader(schema, hint.name);
  if (hint.name == "TIME WITH TIME ZONE") {
    RaiseStatus(Unsupported("column ", schema.name != nullptr ? schema.name : "",
                            ": TIME WITH TIME ZONE comes without its offset; cast it to VARCHAR"));
  }
  if (format[0] == 't') return MakeTemporalReader(schema);
  if (format[0] == '+') return NestedReader(schema, hint);
  RaiseUnsupported(schema);
}

}  // namespace

std::unique_ptr<ValueReader> MakeValueReader(const ArrowSchema& schema, std::string_view sql_type) {
  return MakeReader(schema, ParseTypeHint(schema, sql_type));
}

}  // namespace colonnade::python
