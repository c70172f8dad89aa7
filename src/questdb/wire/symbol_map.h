// SymbolMap: the ids of one symbol column's values, kept from batch to batch.

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "base/status.h"
#include "questdb/wire/column.h"
#include "questdb/wire/symbol_dictionary.h"
#include "questdb/wire/valid_rows.h"

namespace colonnade::questdb::wire {

/// What the ids of one symbol column's codes are, so that a dictionary is looked at once and not
/// once per batch: a batch costs time in proportion to its rows, whatever the size of the
/// dictionary that its codes refer to.
///
/// The caller keeps one per column as long as it encodes from the same dictionary memory over the
/// same SymbolDictionary, and calls Reset when either changes. Move-only; not thread-safe.
class SymbolMap {
 public:
  void Reset();

  /// Gives ids to what the symbol column refers to in `rows`, in the order of first use, and makes
  /// `encoded()`. After a failure `dictionary` may hold more than before: roll it back.
  ///
  /// \error as BlockEncoder::AppendDictionarySection
  Status Map(const Column& column, RowRange rows, SymbolDictionary& dictionary);

  /// True if the last Map succeeded for these rows and what it returned has not been taken back.
  bool Has(RowRange rows, const SymbolDictionary& dictionary) const {
    return Has(rows) && dictionary_ == &dictionary && generation_ == dictionary.generation();
  }
  bool Has(RowRange rows) const {
    return dictionary_ != nullptr && rows_.begin == rows.begin && rows_.end == rows.end;
  }

  /// The ids of the rows that have a value, as in a table block; of the last Map.
  Bytes encoded() const { return Bytes(encoded_).first(encoded_bytes_); }
  /// Which rows have a value; of the last Map.
  ValidRows& valid() { return valid_; }

 private:
  struct Free {
    void operator()(uint32_t* memory) const { std::free(memory); }
  };

  Status MapCodes(const Column& column, SymbolDictionary& dictionary);
  template <typename Code>
  Status MapCodesOf(const Column& column, SymbolDictionary& dictionary);
  Status InternCodes(const Column& column, SymbolDictionary& dictionary);
  Status MapTexts(const Column& column, SymbolDictionary& dictionary);
  // Appends an id to encoded_, which has room.
  void Encode(const uint32_t* ids, size_t count, uint32_t most);

  // By code: 0, kPending, or id + 2. Memory from calloc, of which only what is used is ever
  // touched.
  std::unique_ptr<uint32_t, Free> ids_;
  int64_t ids_size_ = 0;
  uint64_t generation_ = 0;
  const SymbolDictionary* dictionary_ = nullptr;

  RowRange rows_;
  ValidRows valid_;
  std::vector<uint32_t> codes_;    // of the rows that have a value
  std::vector<uint32_t> pending_;  // codes that have no id yet
  std::vector<std::string_view> texts_;
  std::vector<uint32_t> new_ids_;
  std::vector<std::byte> encoded_;
  size_t encoded_bytes_ = 0;
};

}  // namespace colonnade::questdb::wire
