// Quantization after training as the command line asks for it: from settings to an integer network.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/console.h"
#include "compress/quantizers/post_training.h"
#include "compress/quantizers/weight_only.h"
#include "data/dataset.h"

namespace pith::apps {

struct QuantizationOptions {
  std::string model, weights, data, data_root;
  int64_t images = 0;  ///< to calibrate on; 0: 5,000, or all where there are fewer
  uint64_t seed = 0;
  std::string statistics_in, statistics_out;
  int64_t bits_weights = 8, bits_activations = 8, bits_ends = 8;
  int64_t bits_residual = 0;   ///< 0: as other activations
  int64_t bits_shortcuts = 0;  ///< 0: as other weights, and what they read as other activations
  std::string method = "static", mode = "asymmetric", clip = "none", weight_range = "largest";
  double deviations = 2, percentile = 0.9999;
  bool is_per_tensor = false;
  std::string rounding = "nearest";
  bool corrects_bias = false, equalises = false;
  int64_t search = 0;                        ///< rounds of the search for ranges; 0: none
  int64_t fit_images = 1024;                 ///< of those held out, for rounding, bias correction and search
  int64_t budget_bytes = 0;                  ///< of the packed file, bits a layer chosen; 0: none
  std::optional<double> budget_points = {};  ///< of accuracy that the smallest file may lose on images held out
  bool has_budget() const { return budget_bytes > 0 || budget_points.has_value(); }
  std::vector<int> budget_widths = {2, 3, 4, 5, 6, 8};
  std::vector<std::string> overrides;
  int64_t group_size = 0;  ///< of method weight-only: weights that share a scale; 0: a row
  std::string train_weights = "lsq", train_activations = "lsq", train_norm = "folded";  ///< how training goes on
  int64_t train_accumulator = 0;  ///< bits that its sums are held to; 0: no such limit
  bool chooses_training() const {
    return train_weights != "lsq" || train_activations != "lsq" || train_norm != "folded" || train_accumulator != 0;
  }
};

/// The settings as `compress` takes them. Throws ArgumentError with one sentence.
compress::PostTrainingOptions post_training_options(const QuantizationOptions& options);

/// The settings of --method weight-only. Throws ArgumentError with one sentence, also for settings of what it leaves
/// real.
compress::WeightOnlyOptions weight_only_options(const QuantizationOptions& options);

/// Folds, calibrates (on training images held out by a stratified split with `seed`, never on test images) and decides.
/// Throws what data, files and models throw.
nn::IntegerSpec quantized(const QuantizationOptions& options, Console& console);

/// Training images that calibration looks at: those that `pith train` holds out for the same seed and share.
std::shared_ptr<const data::Dataset> images_held_out(const data::DataSource& source,
                                                     const QuantizationOptions& options);

/// What a run with real weights says of its weights, network, data and split; what the options say themselves goes
/// first.
void take_run(const std::string& run, QuantizationOptions& options);

/// What a run trained in whole numbers (nn/quantized_training.h) has come to. Throws FormatError for another run.
nn::IntegerSpec trained(const std::string& run);

}  // namespace pith::apps
