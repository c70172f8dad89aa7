// Random numbers that nobody can foretell, from the system.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/buffer.h"

namespace colonnade::net {

/// Fills `target`. Does not fail: a system without random numbers ends the program.
void FillRandom(MutableBytes target);

/// Four bytes at a time out of a block that is fetched when it is used up. Not thread-safe.
class RandomWords {
 public:
  uint32_t Next();

 private:
  std::array<uint32_t, 256> words_;
  size_t used_ = 256;
};

}  // namespace colonnade::net
