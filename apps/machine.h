// The machine that this process runs on, for reports: a figure without its machine says nothing.
#pragma once

#include <cstdint>
#include <string>

namespace pith::apps {

struct Machine {
  std::string cpu;           ///< /proc/cpuinfo's model name; "unknown" where it has none
  int cores = 0;             ///< that this process may use
  int64_t memory_bytes = 0;  ///< of the machine
  std::string isa;           ///< kernel table in force
  int threads = 0;           ///< that parallel_for uses
};
Machine this_machine();

/// The most memory this process ever held, in bytes (getrusage).
int64_t peak_resident_bytes();

}  // namespace pith::apps
