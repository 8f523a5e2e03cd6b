// Scheduler: a schedule at work on a model, called at six moments of a training loop that is the caller's own:
//
//   for each epoch:      on_epoch_begin
//     for each batch:      on_minibatch_begin; forward; loss
//                          before_backward -> what is added to the loss; backward
//                          before_step; optimizer step
//                          on_minibatch_end
//                        on_epoch_end; evaluate
//
// It is the only object of this floor that changes a model. It owns its policies; model and schedule outlive it. Same
// schedule, seed and loop: same bits. state() and set_state() let a run go on after an interruption, to the same bits.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "compress/schedule/activation_statistics.h"
#include "compress/schedule/doors.h"
#include "compress/schedule/policy.h"
#include "compress/schedule/schedule.h"

namespace pith::compress {

/// One row of the table of masks.
struct MaskRow {
  std::string name{};
  Shape shape{};
  int64_t weights = 0, kept = 0;
  std::string granularity{};  ///< "" without a mask
  double sparsity() const { return 1 - static_cast<double>(kept) / static_cast<double>(weights); }
};

/// Removes what the masks prune as whole filters and channels from the model: the door for thinning.
using Thinner = std::function<void(nn::Module& model)>;

struct SchedulerOptions {
  int64_t epochs = 1;  ///< of the run
  uint64_t seed = 0;
  Thinner thinner{};  ///< needed where the schedule thins
  Doors doors{};      ///< what some methods and conditions need
};

class Scheduler {
 public:
  /// Checks the schedule against the model and the run's epochs: selectors that match nothing, groups that a shape does
  /// not have, pruners that meet in a parameter, actions after the end. Throws FormatError with FILE:LINE
  /// (ArgumentError where the schedule comes from no file).
  Scheduler(const Schedule& schedule, nn::Module& model, const SchedulerOptions& options);
  ~Scheduler();

  /// Begin and end of an epoch may be told twice (after a resume); the second time nothing happens.
  void on_epoch_begin(const nn::Clock& clock);
  void on_minibatch_begin(const nn::Clock& clock);
  double before_backward(const nn::Clock& clock);
  void before_step(const nn::Clock& clock);
  void on_minibatch_end(const nn::Clock& clock);
  void on_epoch_end(const nn::Clock& clock);

  /// The epoch in which a stop condition of the schedule was met: masks are final since; -1 for not yet.
  int64_t stopped() const { return stopped_; }
  /// The parameters that the schedule may prune, in the model's order.
  const std::vector<std::string>& pruned() const { return pruned_; }
  /// Every weight of two axes or more, and what has a mask.
  std::vector<MaskRow> masks() const;

  /// Beside the model's own checkpoint (values, masks): what the policies remember.
  State state() const;
  /// Throws FormatError for a state that does not fit.
  void set_state(const State& state);

 private:
  template <class Call>
  void each(const nn::Clock& clock, const Call& call);
  void add(const PolicySpec& spec, const SchedulerOptions& options);
  void check_parameters(const Schedule& schedule);
  void list_pruned(const Schedule& schedule);
  void watch_stop(const nn::Clock& clock);

  nn::Module& model_;
  uint64_t seed_;
  ActivationStatistics activations_;
  Doors doors_;
  std::vector<std::unique_ptr<Policy>> policies_;
  std::vector<Place> places_;
  std::vector<std::string> pruned_;
  StopSettings stop_;
  int64_t begun_ = -1, ended_ = -1;  ///< the last epochs that were told
  int64_t stopped_ = -1;
};

/// The learning-rate policy that the schedule names, for this first rate; null where it names none.
std::unique_ptr<nn::RatePolicy> make_rate_policy(const Schedule& schedule, double rate, int64_t epochs);

}  // namespace pith::compress
