// The state of a run on the disk: what restore() reads, save() wrote, whatever happened in between.
//
// Invariant: last.safetensors counts the bytes of metrics.csv and of the events that belong to it, and is written after
// them; weights that are not finite never replace a good checkpoint.
#pragma once

#include <string>
#include <vector>

#include "apps/compression.h"
#include "apps/run_directory.h"
#include "apps/training_options.h"
#include "nn/module.h"
#include "nn/optim/optimizer.h"
#include "nn/optim/rate_policy.h"
#include "tensor/error.h"

namespace pith::apps {

/// Where a run stands.
struct Position {
  nn::Clock clock;              ///< what is about to run
  int64_t best_epoch = -1;      ///< 0-based
  double best = 0;              ///< its score
  std::vector<double> running;  ///< sums of the epoch under way
};

class Checkpointing {
 public:
  /// Everything must outlive it.
  Checkpointing(const TrainingOptions& options, RunDirectory& run, nn::Module& model, nn::Optimizer& optimizer,
                nn::RatePolicy& rate, Compression& compression);

  /// Brings model, optimizer, rate policy and the run's files to the last checkpoint, or to the beginning where there
  /// is none. steps and epochs: of the clock. Throws FormatError where the checkpoint was made under another schedule.
  Position restore(int64_t steps_per_epoch, int64_t epochs, const std::string& metrics_header);
  /// Throws NumericError naming the first parameter or buffer that is not finite; IoError, and the last checkpoint is
  /// as it was.
  void save(const Position& position);
  /// The weights alone, as the best of the run; throws as save() does.
  void save_best(const nn::Clock& clock);
  void load_best();

  /// Saves and throws Interrupted with the way to go on.
  [[noreturn]] void stop(const Position& position);
  /// `e` with the place where it happened, what is kept, and what may help.
  [[noreturn]] void fail(const NumericError& e, const nn::Clock& clock) const;

 private:
  void require_finite(const nn::Clock& clock) const;
  void check_schedule(const nn::RunState& state) const;

  const TrainingOptions& options_;
  RunDirectory& run_;
  nn::Module& model_;
  nn::Optimizer& optimizer_;
  nn::RatePolicy& rate_;
  Compression& compression_;
  bool saved_ = false;  ///< is there a checkpoint?
};

}  // namespace pith::apps
