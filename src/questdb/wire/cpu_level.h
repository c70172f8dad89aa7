// Which vector instructions the processor has, of those that make a difference here.

#pragma once

#include <cstdint>

namespace colonnade::questdb::wire {

enum class CpuLevel : uint8_t { kBase, kAvx2, kAvx512 };

/// What this processor has.
CpuLevel BestCpuLevel();

}  // namespace colonnade::questdb::wire
