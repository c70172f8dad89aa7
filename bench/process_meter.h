// What a process has used: CPU of all threads, wall time, memory, bytes passed to read().

#pragma once

#include <sys/resource.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>

namespace colonnade::bench {

struct Usage {
  double cpu_s = 0;    // user + system, all threads
  double wall_s = 0;   // of a steady clock
  double read_mb = 0;  // /proc/self/io rchar
};

/// The number after `key` in a "key: value" file of /proc, or 0.
inline double ProcNumber(const char* path, const std::string& key) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with(key)) return std::atof(line.c_str() + key.size());
  }
  return 0;
}

inline Usage Now() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  Usage now;
  now.cpu_s = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  now.wall_s =
      std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  now.read_mb = ProcNumber("/proc/self/io", "rchar:") / 1e6;
  return now;
}

inline double ResidentMb() { return ProcNumber("/proc/self/status", "VmRSS:") / 1e3; }
inline double PeakMb() { return ProcNumber("/proc/self/status", "VmHWM:") / 1e3; }

/// Makes PeakMb() count from here.
inline void ResetPeak() { std::ofstream("/proc/self/clear_refs") << "5"; }

}  // namespace colonnade::bench
