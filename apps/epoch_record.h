// What is known of one epoch, and its forms: a row of metrics.csv, TensorBoard scalars, a line for people.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "apps/evaluate.h"
#include "apps/event_file.h"
#include "apps/phases.h"
#include "compress/schedule/schedule.h"
#include "nn/module.h"

namespace pith::apps {

struct EpochRecord {
  int64_t epoch = 0, epochs = 0;  ///< epoch counts from 1 here: it is done
  Score train;
  std::string part = "valid";       ///< what was evaluated: "valid", or "test" where there is no validation set
  std::optional<Score> evaluation;  ///< nothing in an epoch without evaluation
  double rate = 0;                  ///< of the last step
  // Times: never in metrics.csv, which is the same for the same settings.
  double seconds = 0;
  Phases phases{};
  int64_t steps = 0, images = 0;
  double images_per_second() const { return seconds > 0 ? static_cast<double>(images) / seconds : 0; }
};

/// "epoch,train_loss,train_top1,valid_loss,valid_top1,valid_top5,rate". Cells without a value are empty.
std::string metrics_header(const std::string& part);
std::string metrics_row(const EpochRecord& record);
/// Steps that this process ran; then the seconds of their phases.
inline constexpr std::string_view kTimingHeader =
    "epoch,steps,seconds,images_per_second,data,forward,backward,schedule,step";
std::string timing_row(const EpochRecord& record);
/// One line for the console.
std::string text(const EpochRecord& record);
/// ",0.101,2.310,4.220,0.015,0.310": the end of a row of timing.csv.
std::string phases_row(const Phases& phases);
/// "train/loss", "valid/top1", "rate", ... at the epoch's number.
void add_scalars(EventFile& events, const EpochRecord& record);
/// "weights/<name>" of every parameter.
void add_weight_histograms(EventFile& events, nn::Module& model, int64_t epoch);
/// "activations/<name>": what every layer puts out for these images [n, c, h, w], in evaluation.
void add_activation_histograms(EventFile& events, nn::Module& model, const Tensor& images, int64_t epoch);
/// Images that activation histograms are of.
inline constexpr int64_t kHistogramImages = 32;

/// The names of a schedule's regularizers, "lasso+l2"; "" where it has none.
std::string regularizers_of(const compress::Schedule& schedule);

/// What the regularizers of a schedule added to the loss, together, averaged over minibatches.
class Penalties {
 public:
  explicit Penalties(std::string regularizers = "") : regularizers_(std::move(regularizers)) {}
  void add(double of_minibatch) {
    sum_ += of_minibatch;
    ++minibatches_;
  }
  const std::string& regularizers() const { return regularizers_; }
  double mean() const { return minibatches_ > 0 ? sum_ / static_cast<double>(minibatches_) : 0; }

 private:
  std::string regularizers_;
  double sum_ = 0;
  int64_t minibatches_ = 0;
};

/// What `--print-freq` shows of a step: means over the epoch so far.
struct StepRecord {
  int64_t epoch = 0, step = 0, steps = 0;  ///< epoch from 0, step from 1
  Score score;                             ///< its loss is the objective: without penalties
  Penalties penalties;
  double rate = 0, seconds = 0;  ///< seconds of one step
};
/// Distiller's line: "Epoch: [0][   10/  469]    Overall Loss ...    Objective Loss ...    NAME_loss ...    Top1 ...
/// Top5 ...    LR ...    Time ...". The overall loss is the objective and every penalty.
std::string text(const StepRecord& step);

}  // namespace pith::apps
