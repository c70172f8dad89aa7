// Integer arithmetic that notices overflow. Every size that comes from outside goes through it.

#pragma once

#include <cstdint>
#include <optional>

namespace colonnade {

/// `a * b`, or nothing if it does not fit.
template <typename T>
std::optional<T> CheckedMultiply(T a, T b) {
  T product;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

/// `a + b`, or nothing if it does not fit.
template <typename T>
std::optional<T> CheckedAdd(T a, T b) {
  T sum;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

}  // namespace colonnade
