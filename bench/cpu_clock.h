// The clocks of the benchmarks: CPU seconds, which other processes do not inflate, and seconds where threads wait for
// each other.
#pragma once

#include <time.h>

#include <chrono>

namespace pith::bench {

/// CPU seconds of this thread.
inline double thread_seconds() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

inline double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace pith::bench
