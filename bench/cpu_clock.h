// The clock of the benchmarks: CPU seconds, which other processes do not inflate.
#pragma once

#include <time.h>

namespace pith::bench {

/// CPU seconds of this thread.
inline double thread_seconds() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

}  // namespace pith::bench
