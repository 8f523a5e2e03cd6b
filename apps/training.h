// The training loop, in the open: what happens to a batch, an epoch and a run (training.cpp).
//
// Invariant: a run is a function of its settings. Stopped at any batch, or killed at any moment, and resumed, it ends
// with the same weights, metrics.csv and events (but for their wall times), at any number of threads and workers.
#pragma once

#include "apps/classification_task.h"
#include "apps/console.h"
#include "apps/evaluate.h"
#include "apps/run_directory.h"
#include "apps/training_options.h"

namespace pith::apps {

struct TrainingResult {
  int64_t best_epoch = -1;  ///< 0-based; the last one where there is no validation set
  Evaluation test;          ///< of the best epoch's weights
};

/// Trains task.model (made by these settings) in `run`, from its last checkpoint if it has one, to the end, and tests
/// once. Throws NumericError naming epoch and step where the loss or a weight is not finite (the last checkpoint stays
/// as it was), Interrupted once the state is saved after a signal, and what data, files and models throw.
TrainingResult train(const TrainingOptions& options, const Task& task, RunDirectory& run, Console& console);

}  // namespace pith::apps
