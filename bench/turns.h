// Turns (rounds.h) inside one row of Google Benchmark.
#pragma once

#include <benchmark/benchmark.h>

#include "bench/rounds.h"

namespace pith::bench {

/// The row's iterations are rounds, its time is all of them.
inline Rounds run_rounds(benchmark::State& state, std::vector<Turn> turns, double (*clock)() = thread_seconds) {
  Rounds rounds(std::move(turns), clock);
  for (auto _ : state) state.SetIterationTime(rounds.once());
  return rounds;
}

/// "best" and "med" are the rates of the first turn, and every other adds the counters "x <name>", how many times its
/// rate the first one reaches: best of all rounds, and median ("med"). Rates in 10^9 operations a second.
inline void take_turns(benchmark::State& state, const std::vector<Turn>& turns, double (*clock)() = thread_seconds) {
  const Rounds r = run_rounds(state, turns, clock);
  const auto best = [&](size_t i) { return turns[i].operations / r.best(i) * 1e-9; };
  const auto median = [&](size_t i) { return turns[i].operations / r.median(i) * 1e-9; };
  state.counters["best"] = best(0);
  state.counters["med"] = median(0);
  for (size_t i = 1; i < turns.size(); ++i) {
    state.counters["x " + turns[i].name] = best(0) / best(i);
    state.counters["x " + turns[i].name + " med"] = median(0) / median(i);
  }
}

/// Microseconds of every turn: "us <name>", the median, and "best <name>". For who compares by himself (pith bench).
inline Rounds time_turns(benchmark::State& state, std::vector<Turn> turns, double (*clock)() = thread_seconds) {
  Rounds r = run_rounds(state, std::move(turns), clock);
  for (size_t i = 0; i < r.turns().size(); ++i) {
    state.counters["us " + r.turns()[i].name] = 1e6 * r.median(i);
    state.counters["best " + r.turns()[i].name] = 1e6 * r.best(i);
  }
  return r;
}

}  // namespace pith::bench
