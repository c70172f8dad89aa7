// Owners of the Arrow C structs: each is released exactly once.

#pragma once

#include "arrow/c_abi.h"

namespace colonnade::arrow {

/// Owns one ArrowSchema, ArrowArray or ArrowArrayStream. Move-only. An owner that was moved from,
/// or made by default, is released: it holds nothing and may be assigned or destroyed.
template <typename Struct>
class Owner {
 public:
  Owner() = default;
  ~Owner() { Reset(); }
  Owner(Owner&& other) noexcept : value_(other.value_) { other.value_ = Struct{}; }
  Owner& operator=(Owner&& other) noexcept {
    if (this != &other) {
      Reset();
      value_ = other.value_;
      other.value_ = Struct{};
    }
    return *this;
  }
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;

  /// Takes over `*source`, which is then released in the sense of the C interface. Null or a
  /// released struct gives an empty owner.
  static Owner TakeFrom(Struct* source) {
    Owner owner;
    if (source != nullptr && source->release != nullptr) {
      owner.value_ = *source;
      source->release = nullptr;
    }
    return owner;
  }

  /// Hands the struct over to `*target`, which must hold nothing; this owner is then empty.
  void MoveTo(Struct* target) {
    *target = value_;
    value_ = Struct{};
  }

  /// Releases what is held, if anything.
  void Reset() {
    if (value_.release != nullptr) value_.release(&value_);
    value_ = Struct{};
  }

  bool empty() const { return value_.release == nullptr; }
  /// For C functions that fill a struct. \pre empty()
  Struct* out() { return &value_; }
  Struct* get() { return &value_; }
  const Struct* get() const { return &value_; }
  Struct* operator->() { return &value_; }
  const Struct* operator->() const { return &value_; }

 private:
  Struct value_{};
};

using Schema = Owner<ArrowSchema>;
using Array = Owner<ArrowArray>;
using ArrayStream = Owner<ArrowArrayStream>;

}  // namespace colonnade::arrow
