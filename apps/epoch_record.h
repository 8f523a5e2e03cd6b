// What is known of one epoch, and its forms: a row of metrics.csv, TensorBoard scalars, a line for people.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "apps/evaluate.h"
#include "apps/event_file.h"
#include "apps/phases.h"

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

}  // namespace pith::apps
