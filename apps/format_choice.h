// Which format serves a trained network best: the whole of it and every layer, in everything it can lie and run in,
// measured on this machine.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "apps/quantization.h"
#include "apps/summaries/layer_measurement.h"

namespace pith::apps {

/// What a network can lie and run in. bits: widths a layer, the smallest file within the budget.
enum class Form : uint8_t { f32, f32_kept, s8, s8_blocks, bits };
/// "f32", "f32, kept weights alone", ...
std::string_view name(Form form);

/// A layer with weights, by form: microseconds a batch. Real layers stand alone; integer ones run within their network,
/// so that requantization, sum and ReLU are counted (summaries/layer_measurement.h).
struct LayerFormats {
  std::string layer;
  double density = 1, blocks = 1;  ///< shares of weights, and of blocks of 1 x 4, that are not all zero
  std::optional<LayerLatency> f32, f32_kept, s8, s8_blocks;
  int bits = 32;  ///< of a weight in the file
  Form fastest() const;
};

/// A network in one form.
struct NetworkFormat {
  Form form;
  int64_t bytes = 0;
  double top1 = 0;  ///< percent of the images held out
  LayerLatency latency;
};

struct FormatChoice {
  std::vector<LayerFormats> layers;
  std::vector<NetworkFormat> forms;  ///< the first is f32
  size_t chosen = 0;                 ///< of `forms`
  int64_t images = 0;                ///< held out
  nn::IntegerSpec integers;          ///< of the chosen form where it computes on integers
};

/// The one of least bytes, or of least time (median), among those that lose at most `points` against the first; of
/// equal ones the first.
size_t best_form(std::span<const NetworkFormat> forms, double points, bool fastest);

/// Quantizes options' network to 8 bits and, where bytes count, to the fewest bits a layer; measures all forms with
/// `batch` images at a time; chooses the fastest, or smallest, that loses at most options.budget_points (set) on the
/// images held out. Throws what quantized() throws.
FormatChoice choose_format(const QuantizationOptions& options, bool fastest, int64_t batch, Console& console);

/// Real weights as `pith eval` reads them, with masks where most weights are zero.
void write_real(const QuantizationOptions& options, const std::string& path);

}  // namespace pith::apps
