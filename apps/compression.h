// What --compress brings to a run: its schedule at work on its model, and what is shown of it. A run without a schedule
// has one, too; its scheduler does nothing.
//
// Invariant: what it does is a function of settings, seed and state; the state lies in the checkpoints of the run.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "apps/event_file.h"
#include "apps/report.h"
#include "apps/training_options.h"
#include "compress/schedule/scheduler.h"
#include "nn/checkpoint.h"

namespace pith::apps {

/// Zeros among the values of one weight.
struct WeightRow {
  std::string name;
  Shape shape{};
  int64_t weights = 0, zeros = 0;
  std::string granularity{};  ///< of its mask; "" without one
  double sparsity() const { return static_cast<double>(zeros) / static_cast<double>(weights); }
};

class Compression {
 public:
  /// The schedule in options.schedule for this model, which outlives it. doors: all but recompute, which the training
  /// loop gives by set_recompute. image: [c, h, w] of a model that can be thinned; of rank 0 for one that cannot.
  /// Throws FormatError with FILE:LINE.
  Compression(const TrainingOptions& options, nn::Module& model, compress::Doors doors, const Shape& image);
  void set_recompute(std::function<void()> recompute) { recompute_ = std::move(recompute); }
  /// Whose state is thinned along with the model.
  void set_optimizer(nn::Optimizer& optimizer) { optimizer_ = &optimizer; }

  bool active() const { return !options_.schedule.empty(); }
  compress::Scheduler& scheduler() { return scheduler_; }
  const compress::Schedule& schedule() const { return schedule_; }
  /// The schedule's learning rate, or the settings'.
  std::unique_ptr<nn::RatePolicy> rate_policy() const;

  /// Will the masks stay as they are from the end of this epoch (from 0) on? Then it is at the target sparsity.
  bool settled(int64_t epoch) const {
    const int64_t stopped = scheduler_.stopped();
    return epoch >= compress::last_change(schedule_) || (stopped >= 0 && epoch >= stopped);
  }
  /// Does an epoch replace the best one so far? Once that one is at the target sparsity, only if it `improves`.
  bool replaces(int64_t best_epoch, bool improves) const { return best_epoch < 0 || !settled(best_epoch) || improves; }

  /// Every weight of two axes or more, and what else the schedule prunes, as they are now.
  std::vector<WeightRow> weights() const;
  /// "sparsity" of all of them, then "sparsity/NAME" of those that the schedule prunes; "" where nothing is active, so
  /// that both are what follows a row of metrics.csv.
  std::string metrics_header() const;
  std::string metrics_row() const;
  void add_scalars(EventFile& events, int64_t epoch) const;
  /// The table of those that the schedule prunes: parameter, shape, zeros, sparsity, granularity of the mask.
  std::string table() const;
  /// A line about what thinning has just done, once; or "".
  std::string take_news() { return std::exchange(news_, ""); }
  /// "sparsity 79.98 %", or "".
  std::string summary() const;
  /// {"schedule", "sparsity", "weights": [{"name", "shape", "weights", "zeros", "sparsity", "mask"}]}.
  Json to_json() const;

  /// Into and out of a checkpoint.
  void save(nn::RunState& state) const;
  void load(const nn::RunState& state);

 private:
  void thin();
  std::vector<WeightRow> pruned(const std::vector<WeightRow>& all) const;

  const TrainingOptions options_;
  nn::Module& model_;
  const compress::Schedule schedule_;
  const Shape image_;
  std::function<void()> recompute_;
  nn::Optimizer* optimizer_ = nullptr;
  std::string news_;
  compress::Scheduler scheduler_;
};

}  // namespace pith::apps
