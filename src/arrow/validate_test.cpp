#include "arrow/validate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

#include "support/status_matchers.h"

namespace colonnade::arrow {
namespace {

using ::testing::HasSubstr;

// Structs made by hand, as a stranger would; everything lives as long as the test.
class Handmade : public ::testing::Test {
 protected:
  ArrowSchema* MakeSchema(const char* format, const char* name = "",
                          std::vector<ArrowSchema*> children = {}) {
    ArrowSchema& schema = schemas_.emplace_back();
    schema = ArrowSchema{};
    schema.format = format;
    schema.name = name;
    child_schemas_.push_back(std::move(children));
    schema.n_children = static_cast<int64_t>(child_schemas_.back().size());
    schema.children = child_schemas_.back().data();
    schema.release = [](ArrowSchema*) {};
    return &schema;
  }

  ArrowArray* MakeArray(int64_t length, std::vector<const void*> buffers,
                        std::vector<ArrowArray*> children = {}) {
    ArrowArray& array = arrays_.emplace_back();
    array = ArrowArray{};
    array.length = length;
    buffers_.push_back(std::move(buffers));
    array.n_buffers = static_cast<int64_t>(buffers_.back().size());
    array.buffers = buffers_.back().data();
    child_arrays_.push_back(std::move(children));
    array.n_children = static_cast<int64_t>(child_arrays_.back().size());
    array.children = child_arrays_.back().data();
    array.release = [](ArrowArray*) {};
    return &array;
  }

  template <typename T>
  const void* Bytes(std::initializer_list<T> values) {
    std::vector<char>& bytes = memory_.emplace_back(values.size() * sizeof(T) + 1);
    std::memcpy(bytes.data(), values.begin(), values.size() * sizeof(T));
    return bytes.data();
  }

  // A column inside a struct, as a stream has it.
  Status Check(ArrowSchema* schema, ArrowArray* array) {
    ArrowSchema* root = MakeSchema("+s", "", {schema});
    const int64_t length = array != nullptr ? array->length : 0;
    COLONNADE_RETURN_IF_ERROR(ValidateSchema(root));
    return ValidateArray(root, MakeArray(std::max<int64_t>(length, 0), {nullptr}, {array}));
  }

  void Refuses(ArrowSchema* schema, ArrowArray* array, const std::string& message) {
    EXPECT_THAT(Check(schema, array), StatusIs(StatusCode::kInvalidData, HasSubstr(message)));
  }

  std::deque<ArrowSchema> schemas_;
  std::deque<ArrowArray> arrays_;
  std::deque<std::vector<ArrowSchema*>> child_schemas_;
  std::deque<std::vector<ArrowArray*>> child_arrays_;
  std::deque<std::vector<const void*>> buffers_;
  std::deque<std::vector<char>> memory_;
};

using ValidateSchemaTest = Handmade;

TEST_F(ValidateSchemaTest, RefusesNullAndReleased) {
  EXPECT_THAT(ValidateSchema(nullptr), StatusIs(StatusCode::kInvalidData, HasSubstr("null")));
  ArrowSchema* schema = MakeSchema("l");
  schema->release = nullptr;
  EXPECT_THAT(ValidateSchema(schema), StatusIs(StatusCode::kInvalidData, HasSubstr("released")));
  EXPECT_THAT(ValidateSchema(MakeSchema("+s", "", {nullptr})),
              StatusIs(StatusCode::kInvalidData, HasSubstr("null")));
  EXPECT_THAT(ValidateSchema(MakeSchema(nullptr)),
              StatusIs(StatusCode::kInvalidData, HasSubstr("format is null")));
}

TEST_F(ValidateSchemaTest, NamesTheFieldThatIsWrong) {
  ArrowSchema* schema = MakeSchema("+s", "", {MakeSchema("+s", "a", {MakeSchema("?", "b")})});
  EXPECT_THAT(ValidateSchema(schema), StatusIs(StatusCode::kInvalidData,
                                               ::testing::AllOf(HasSubstr("a.b"), HasSubstr("?"))));
}

TEST_F(ValidateSchemaTest, RefusesChildrenThatDoNotFitTheFormat) {
  EXPECT_THAT(ValidateSchema(MakeSchema("l", "", {MakeSchema("l")})),
              StatusIs(StatusCode::kInvalidData, HasSubstr("needs 0 children, not 1")));
  EXPECT_THAT(ValidateSchema(MakeSchema("+l")),
              StatusIs(StatusCode::kInvalidData, HasSubstr("needs 1 children, not 0")));
  EXPECT_THAT(ValidateSchema(MakeSchema("+us:1,2", "", {MakeSchema("l")})),
              StatusIs(StatusCode::kInvalidData, HasSubstr("needs 2 children, not 1")));
  EXPECT_THAT(ValidateSchema(MakeSchema("+m", "", {MakeSchema("l")})),
              StatusIs(StatusCode::kInvalidData, HasSubstr("entries of a map")));
  EXPECT_THAT(ValidateSchema(MakeSchema("+r", "", {MakeSchema("g"), MakeSchema("l")})),
              StatusIs(StatusCode::kInvalidData, HasSubstr("run ends")));
}

TEST_F(ValidateSchemaTest, RefusesHostileCounts) {
  ArrowSchema* schema = MakeSchema("+s");
  schema->n_children = -1;
  EXPECT_THAT(ValidateSchema(schema), StatusIs(StatusCode::kInvalidData, HasSubstr("-1 children")));
  schema->n_children = 10'001;
  EXPECT_THAT(ValidateSchema(schema), StatusIs(StatusCode::kLimitExceeded, HasSubstr("10001")));
  schema->n_children = 3;
  schema->children = nullptr;
  EXPECT_THAT(ValidateSchema(schema), StatusIs(StatusCode::kInvalidData, HasSubstr("at null")));
}

TEST_F(ValidateSchemaTest, RefusesNestingBeyondTheLimit) {
  ArrowSchema* schema = MakeSchema("l");
  for (int depth = 1; depth < 64; ++depth) schema = MakeSchema("+l", "x", {schema});
  EXPECT_OK(ValidateSchema(schema));
  EXPECT_THAT(ValidateSchema(MakeSchema("+l", "x", {schema})),
              StatusIs(StatusCode::kLimitExceeded, HasSubstr("64")));
}

TEST_F(ValidateSchemaTest, EndsOnAStructThatContainsItself) {
  ArrowSchema* schema = MakeSchema("+s", "x", {nullptr, nullptr});
  schema->children[0] = schema->children[1] = schema;
  EXPECT_THAT(ValidateSchema(schema), StatusIs(StatusCode::kLimitExceeded, ::testing::_));
}

TEST_F(ValidateSchemaTest, RefusesTextWithoutEnd) {
  const std::string format(5'000, 'x');
  EXPECT_THAT(ValidateSchema(MakeSchema(format.c_str())),
              StatusIs(StatusCode::kLimitExceeded, HasSubstr("format")));
  const std::string name(70'000, 'x');
  EXPECT_THAT(ValidateSchema(MakeSchema("l", name.c_str())),
              StatusIs(StatusCode::kLimitExceeded, HasSubstr("name")));
}

TEST_F(ValidateSchemaTest, RefusesADictionaryWhoseIndexIsNoInteger) {
  ArrowSchema* schema = MakeSchema("u", "d");
  schema->dictionary = MakeSchema("u");
  EXPECT_THAT(ValidateSchema(schema),
              StatusIs(StatusCode::kInvalidData, HasSubstr("dictionary index")));
}

using ValidateArrayTest = Handmade;

TEST_F(ValidateArrayTest, RefusesNullAndReleased) {
  Refuses(MakeSchema("l", "c"), nullptr, "'c': an array is null");
  ArrowArray* array = MakeArray(0, {nullptr, nullptr});
  array->release = nullptr;
  Refuses(MakeSchema("l", "c"), array, "released");
}

TEST_F(ValidateArrayTest, RefusesCountsThatMakeNoSense) {
  const void* values = Bytes<int64_t>({1, 2, 3});
  const std::pair<std::function<void(ArrowArray*)>, const char*> kCases[] = {
      {[](ArrowArray* a) { a->length = -1; }, "length -1"},
      {[](ArrowArray* a) { a->offset = -1; }, "offset -1"},
      {[](ArrowArray* a) { a->offset = INT64_MAX; }, "overflows"},
      {[](ArrowArray* a) { a->offset = INT64_MAX / 8; }, "overflow"},
      {[](ArrowArray* a) { a->null_count = -2; }, "null count -2"},
      {[](ArrowArray* a) { a->null_count = 4; }, "null count 4"},
      {[](ArrowArray* a) { a->null_count = 1; }, "without a validity bitmap"},
      {[](ArrowArray* a) { a->n_buffers = 1; }, "1 buffers instead of 2"},
      {[](ArrowArray* a) { a->n_buffers = -1; }, "-1 buffers"},
      {[](ArrowArray* a) { a->buffers = nullptr; }, "buffers at null"},
      {[](ArrowArray* a) { a->buffers[1] = nullptr; }, "values are at null"},
      {[](ArrowArray* a) { a->n_children = 1; }, "1 children"},
      {[](ArrowArray* a) { a->dictionary = a; }, "dictionary that the schema lacks"}};
  EXPECT_OK(Check(MakeSchema("l"), MakeArray(3, {nullptr, values})));
  for (const auto& [spoil, message] : kCases) {
    ArrowArray* array = MakeArray(3, {nullptr, values});
    spoil(array);
    Refuses(MakeSchema("l"), array, message);
  }
}

TEST_F(ValidateArrayTest, ChecksOffsetsOfText) {
  const void* text = Bytes<char>({'a', 'b', 'c'});
  EXPECT_OK(Check(MakeSchema("u"), MakeArray(2, {nullptr, Bytes<int32_t>({0, 1, 3}), text})));
  EXPECT_OK(Check(MakeSchema("u"), MakeArray(0, {nullptr, nullptr, nullptr})));
  EXPECT_OK(Check(MakeSchema("u"), MakeArray(2, {nullptr, Bytes<int32_t>({0, 0, 0}), nullptr})));
  Refuses(MakeSchema("u"), MakeArray(2, {nullptr, Bytes<int32_t>({0, 3, 1}), text}),
          "offset 1 after 3 at row 1");
  Refuses(MakeSchema("u"), MakeArray(1, {nullptr, Bytes<int32_t>({-1, 3}), text}), "offset -1");
  Refuses(MakeSchema("U"), MakeArray(1, {nullptr, Bytes<int64_t>({5, 3}), text}), "after 5");
  Refuses(MakeSchema("u"), MakeArray(1, {nullptr, nullptr, text}), "buffer 1 is at null");
  Refuses(MakeSchema("u"), MakeArray(1, {nullptr, Bytes<int32_t>({0, 3}), nullptr}),
          "text at null");
}

TEST_F(ValidateArrayTest, StartsOffsetsAtTheOffset) {
  ArrowArray* array =
      MakeArray(1, {nullptr, Bytes<int32_t>({9, 1, 3}), Bytes<char>({'a', 'b', 'c'})});
  array->offset = 1;
  EXPECT_OK(Check(MakeSchema("u"), array));
  array->offset = 0;
  Refuses(MakeSchema("u"), array, "after 9");
}

TEST_F(ValidateArrayTest, ChecksListsAgainstTheirChild) {
  const auto child = [&] { return MakeArray(3, {nullptr, Bytes<int64_t>({1, 2, 3})}); };
  const auto schema = [&](const char* format) {
    return MakeSchema(format, "l", {MakeSchema("l")});
  };
  EXPECT_OK(Check(schema("+l"), MakeArray(2, {nullptr, Bytes<int32_t>({0, 1, 3})}, {child()})));
  Refuses(schema("+l"), MakeArray(2, {nullptr, Bytes<int32_t>({0, 1, 4})}, {child()}),
          "offset 4 in a child of 3 rows");
  Refuses(schema("+L"), MakeArray(1, {nullptr, Bytes<int64_t>({0, 4})}, {child()}), "offset 4");
  EXPECT_OK(Check(schema("+w:3"), MakeArray(1, {nullptr}, {child()})));
  Refuses(schema("+w:2"), MakeArray(2, {nullptr}, {child()}), "2 times 2");
  EXPECT_OK(
      Check(schema("+vl"),
            MakeArray(2, {nullptr, Bytes<int32_t>({2, 0}), Bytes<int32_t>({1, 3})}, {child()})));
  Refuses(schema("+vl"),
          MakeArray(1, {nullptr, Bytes<int32_t>({2}), Bytes<int32_t>({2})}, {child()}),
          "2 elements at 2");
}

TEST_F(ValidateArrayTest, RefusesAStructWhoseChildIsShorter) {
  ArrowArray* child = MakeArray(2, {nullptr, Bytes<int64_t>({1, 2})});
  ArrowArray* array = MakeArray(2, {nullptr}, {child});
  ArrowSchema* schema = MakeSchema("+s", "s", {MakeSchema("l")});
  EXPECT_OK(Check(schema, array));
  array->offset = 1;
  Refuses(schema, array, "child 0 has 2 rows, 3 are needed");
}

TEST_F(ValidateArrayTest, ChecksTextViews) {
  struct View {
    int32_t length, prefix, buffer, offset;
  };
  const void* text = Bytes<char>({'0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c'});
  const void* sizes = Bytes<int64_t>({13});
  const auto check = [&](View view) {
    return Check(MakeSchema("vu"), MakeArray(1, {nullptr, Bytes<View>({view}), text, sizes}));
  };
  EXPECT_OK(check({12, 0, 99, 99}));  // in place: the rest is text
  EXPECT_OK(check({13, 0, 0, 0}));
  EXPECT_THAT(check({13, 0, 0, 1}), StatusIs(StatusCode::kInvalidData, HasSubstr("13 bytes at 1")));
  EXPECT_THAT(check({13, 0, 1, 0}), StatusIs(StatusCode::kInvalidData, HasSubstr("buffer 1")));
  EXPECT_THAT(check({-1, 0, 0, 0}), StatusIs(StatusCode::kInvalidData, HasSubstr("length -1")));
  Refuses(MakeSchema("vu"), MakeArray(1, {nullptr, Bytes<View>({{0, 0, 0, 0}})}), "at least 3");
}

TEST_F(ValidateArrayTest, ChecksUnions) {
  const auto child = [&] { return MakeArray(1, {nullptr, Bytes<int64_t>({1})}); };
  const auto schema = [&](const char* format) {
    return MakeSchema(format, "u", {MakeSchema("l")});
  };
  EXPECT_OK(Check(schema("+us:5"), MakeArray(1, {Bytes<int8_t>({5})}, {child()})));
  Refuses(schema("+us:5"), MakeArray(1, {Bytes<int8_t>({0})}, {child()}), "type id 0");
  EXPECT_OK(
      Check(schema("+ud:5"), MakeArray(1, {Bytes<int8_t>({5}), Bytes<int32_t>({0})}, {child()})));
  Refuses(schema("+ud:5"), MakeArray(1, {Bytes<int8_t>({5}), Bytes<int32_t>({1})}, {child()}),
          "offset 1 in a child of 1 rows");
}

TEST_F(ValidateArrayTest, ChecksRunEnds) {
  const auto array = [&](std::initializer_list<int32_t> ends) {
    return MakeArray(5, {},
                     {MakeArray(2, {nullptr, Bytes<int32_t>(ends)}),
                      MakeArray(2, {nullptr, Bytes<int64_t>({1, 2})})});
  };
  ArrowSchema* schema = MakeSchema("+r", "r", {MakeSchema("i"), MakeSchema("l")});
  EXPECT_OK(Check(schema, array({2, 5})));
  Refuses(schema, array({2, 2}), "run end 2 after 2");
  Refuses(schema, array({2, 4}), "runs end at 4 of 5 rows");
}

TEST_F(ValidateArrayTest, ChecksDictionaries) {
  ArrowSchema* schema = MakeSchema("c", "d");
  schema->dictionary = MakeSchema("l");
  const auto array = [&](std::initializer_list<int8_t> indices) {
    ArrowArray* made = MakeArray(static_cast<int64_t>(indices.size()),
                                 {Bytes<uint8_t>({0b01}), Bytes<int8_t>(indices)});
    made->dictionary = MakeArray(2, {nullptr, Bytes<int64_t>({1, 2})});
    return made;
  };
  EXPECT_OK(Check(schema, array({1, 7})));  // the second row is null
  Refuses(schema, array({2, 0}), "index 2 in a dictionary of 2");
  Refuses(schema, array({-1, 0}), "index -1");
  Refuses(schema, MakeArray(0, {nullptr, nullptr}), "dictionary is missing");
}

TEST_F(ValidateArrayTest, RefusesAnArrayOfAnotherShapeThanItsSchema) {
  ArrowSchema* schema = MakeSchema("+s", "", {MakeSchema("l")});
  EXPECT_THAT(ValidateArray(schema, MakeArray(0, {nullptr})),
              StatusIs(StatusCode::kInvalidData, HasSubstr("0 children, the schema says 1")));
  Refuses(MakeSchema("n"), MakeArray(1, {nullptr}), "1 buffers instead of 0");
}

}  // namespace
}  // namespace colonnade::arrow
