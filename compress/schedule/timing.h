// Timing: in which epochs a policy acts. Either a list of epochs, or a period.
#pragma once

#include <cstdint>
#include <vector>

#include "compress/levels.h"

namespace pith::compress {

class Timing {
 public:
  /// Throws ArgumentError: an end at or before the start, a start below 0, a frequency below 1.
  explicit Timing(const Period& period);
  /// Throws ArgumentError for no epochs, epochs below 0, or epochs that do not rise.
  explicit Timing(std::vector<int64_t> epochs);

  bool acts(int64_t epoch) const;
  /// From the first epoch in which it acts to end(), exclusive, it is in force.
  int64_t start() const;
  int64_t end() const;
  /// The last epoch in which it acts.
  int64_t last() const;
  bool in_force(int64_t epoch) const { return start() <= epoch && epoch < end(); }
  /// How far it is at an epoch: 0 at the first, 1 at the last in which it acts.
  double way(int64_t epoch) const;
  /// Start, end and frequency; of a list of epochs its bounds and 1.
  Period period() const { return {start(), end(), epochs_.empty() ? period_.frequency : 1}; }

 private:
  Period period_;
  std::vector<int64_t> epochs_;  ///< empty: the period holds
};

}  // namespace pith::compress
