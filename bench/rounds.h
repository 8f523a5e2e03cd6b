// Several functions taking turns in one process, and what each took: best and median. A claim of speed is a ratio, and
// neighbours on the machine slow all sides alike.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "bench/cpu_clock.h"

namespace pith::bench {

struct Turn {
  std::string name;
  double operations;  ///< of one call
  std::function<void()> run;
};

/// The CPU clock of the caller, the default, leaves its waiting out: where other threads work too, `clock` must be
/// wall_seconds.
class Rounds {
 public:
  /// Runs every turn once, untimed.
  explicit Rounds(std::vector<Turn> turns, double (*clock)() = thread_seconds)
      : turns_(std::move(turns)), clock_(clock), seconds_(turns_.size()) {
    for (const Turn& t : turns_) t.run();
  }
  /// One round: every turn once, in order. Returns its seconds.
  double once() {
    const double start = clock_();
    for (size_t i = 0; i < turns_.size(); ++i) {
      const double begin = clock_();
      turns_[i].run();
      seconds_[i].push_back(clock_() - begin);
    }
    return clock_() - start;
  }
  const std::vector<Turn>& turns() const { return turns_; }
  /// Seconds of turn i; at least one round was run.
  double best(size_t i) const { return *std::min_element(seconds_[i].begin(), seconds_[i].end()); }
  double median(size_t i) const {
    std::vector<double> sorted = seconds_[i];
    const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
    std::nth_element(sorted.begin(), middle, sorted.end());
    return *middle;
  }

 private:
  std::vector<Turn> turns_;
  double (*clock_)();
  std::vector<std::vector<double>> seconds_;
};

}  // namespace pith::bench
