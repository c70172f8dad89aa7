#include "questdb/wire/cpu_level.h"

namespace colonnade::questdb::wire {

CpuLevel BestCpuLevel() {
#if defined(__x86_64__)
  static const CpuLevel level = [] {
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
      return CpuLevel::kAvx512;
    }
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt") ? CpuLevel::kAvx2
                                                                              : CpuLevel::kBase;
  }();
  return level;
#else
  return CpuLevel::kBase;
#endif
}

}  // namespace colonnade::questdb::wire
