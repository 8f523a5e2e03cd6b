// Several functions taking turns in one run: the claim is a ratio, and neighbours on the machine slow all sides alike.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "bench/cpu_clock.h"

namespace pith::bench {

struct Turn {
  std::string name;
  double operations;  ///< of one call
  std::function<void()> run;
};

/// Runs the turns in order once an iteration; the row's time is all of them. "best" and "med" are the rates of the
/// first, and every other adds the counters "x <name>", how many times its rate the first one reaches: best of all
/// rounds, and median ("med"). Rates in 10^9 operations a second. The CPU clock of the caller, the default, leaves its
/// waiting out: where other threads work too, `clock` must be wall_seconds.
inline void take_turns(benchmark::State& state, const std::vector<Turn>& turns, double (*clock)() = thread_seconds) {
  std::vector<std::vector<double>> seconds(turns.size());
  for (const Turn& t : turns) t.run();
  for (auto _ : state) {
    const double start = clock();
    for (size_t i = 0; i < turns.size(); ++i) {
      const double begin = clock();
      turns[i].run();
      seconds[i].push_back(clock() - begin);
    }
    state.SetIterationTime(clock() - start);
  }
  std::vector<double> best, median;
  for (size_t i = 0; i < turns.size(); ++i) {
    std::sort(seconds[i].begin(), seconds[i].end());
    best.push_back(turns[i].operations / seconds[i].front() * 1e-9);
    median.push_back(turns[i].operations / seconds[i][seconds[i].size() / 2] * 1e-9);
  }
  state.counters["best"] = best[0];
  state.counters["med"] = median[0];
  for (size_t i = 1; i < turns.size(); ++i) {
    state.counters["x " + turns[i].name] = best[0] / best[i];
    state.counters["x " + turns[i].name + " med"] = median[0] / median[i];
  }
}

}  // namespace pith::bench
