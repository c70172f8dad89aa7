// Seeded randomness for property tests: the seed is printed when a test fails and settable from
// outside.

#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>

namespace colonnade {

/// Random numbers from the environment variable COLONNADE_SEED, or from a fixed seed.
class SeededRandom {
 public:
  SeededRandom()
      : seed_(Seed()),
        trace_(__FILE__, __LINE__, "COLONNADE_SEED=" + std::to_string(seed_)),
        engine_(seed_) {}

  /// Uniform in [low, high].
  int64_t Uniform(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(engine_);
  }
  bool Chance(double probability) { return std::bernoulli_distribution(probability)(engine_); }
  std::mt19937_64& engine() { return engine_; }

 private:
  static uint64_t Seed() {
    const char* text = std::getenv("COLONNADE_SEED");
    return text != nullptr ? std::strtoull(text, nullptr, 10) : 20260101;
  }
  uint64_t seed_;
  ::testing::ScopedTrace trace_;
  std::mt19937_64 engine_;
};

}  // namespace colonnade
