// A run's folder, read: everything that a report says of it.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/charts/histogram.h"
#include "apps/report.h"
#include "apps/summaries/layer_measurement.h"
#include "apps/summaries/sparsity_table.h"

namespace pith::apps {

/// A CSV file of numbers. An empty cell, or one that is no number, is NaN.
struct MetricTable {
  std::vector<std::string> columns;
  std::vector<std::vector<double>> rows;  ///< as many cells as columns
  bool cut = false;                       ///< the last line had no end (a killed process) and was left out

  /// Values of a column; empty where there is none of this name.
  std::vector<double> column(const std::string& name) const;
};
/// Throws IoError where it cannot be read, FormatError (file:line) for a line with too many or too few cells or a file
/// without one finished row.
MetricTable read_metrics(const std::string& path);

/// A weight of two or four axes in the best checkpoint.
struct WeightRecord {
  WeightSparsity sparsity;
  Distribution values;
  int64_t csr_bytes = 0;                ///< packed as compressed sparse rows: counted by packing it
  std::vector<std::byte> picture = {};  ///< PNG of what is not 0 (mask_picture.h); empty where nothing is 0
};

struct Measured;          // measured.h
struct SensitivityStudy;  // sensitivity_study.h

struct RunRecord {
  std::string path, name;  ///< the folder, and its last part
  Json config;             ///< config.json
  MetricTable metrics;
  std::optional<MetricTable> timing;
  Json result;          ///< result.json; null where the run has not ended
  std::string machine;  ///< as its log says; "" where it says nothing
  std::vector<WeightRecord> weights;
  int64_t parameters = 0;  ///< elements of the best checkpoint's parameters and buffers, masks left out
  int64_t file_bytes = 0;  ///< of checkpoints/best.safetensors; 0 where there is none
  int quantized_bits = 0;  ///< of most weights, where it was trained in whole numbers; else 0
  std::shared_ptr<const SensitivityStudy> sensitivity = {};  ///< of its weights; null where there is none
  std::shared_ptr<const Measured> measured = {};             ///< null where nothing was measured in detail
  std::optional<LayerLatency> latency = {};                  ///< measured by the caller
  std::string no_latency = {};                               ///< why there is none

  int64_t dense() const;    ///< elements of the weights
  int64_t kept() const;     ///< of them not 0
  double sparsity() const;  ///< percent; 0 without weights
  int64_t dense_bytes() const { return parameters * 4; }
  /// Each weight as f32 or as compressed sparse rows, whichever is smaller; everything else as f32.
  int64_t packed_bytes() const;
  /// Test top-1 in percent, or nothing (a language model, a run that has not ended).
  std::optional<double> top1() const;
  std::optional<double> perplexity() const;
};

/// Fills weights, parameters and file_bytes from a file of float weights; nothing where there is none. Throws
/// FormatError.
void read_weights(RunRecord& run, const std::string& path);

/// Throws IoError where `path` holds no run or no metrics.csv, FormatError for files that are not what a run writes.
RunRecord read_run(const std::string& path);

}  // namespace pith::apps
