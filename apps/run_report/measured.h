// What is measured when a report of one run is drawn: its network in every form that is at hand, what it answers, and
// what its values are like.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "apps/answers.h"
#include "apps/charts/histogram.h"
#include "apps/console.h"
#include "apps/run_report/run_record.h"
#include "apps/summaries/layer_measurement.h"

namespace pith::apps {

/// A network in one form: as floats, pruned, as integers.
struct Form {
  std::string name, stored_as;  ///< "pruned, kept weights alone"; "f32 or csr"
  int64_t bytes = 0;            ///< as stored; 0: not known
  std::optional<double> top1 = {};
  std::optional<LayerLatency> latency = {};         ///< one image
  std::map<std::string, LayerLatency> layers = {};  ///< one image, by layer
  bool is_run = false;                              ///< what the run left, as it runs
};

/// How the values of one name are distributed, and which of them a quantizer can tell apart.
struct ValueHistogram {
  std::string name;
  Distribution values;
  std::optional<Clip> clip = {};
};

/// A mistake with its picture, a PNG file.
struct WorstImage {
  Mistake mistake;
  std::vector<std::byte> png;
};

struct Measured {
  std::vector<Form> forms;
  int64_t images = 0;  ///< that accuracies are of
  std::optional<Evaluation> answers;
  std::vector<std::string> classes;
  std::vector<WorstImage> worst;
  std::vector<ValueHistogram> weights;      ///< folded, where a packed network says how they are quantized
  std::vector<ValueHistogram> activations;  ///< what layers put out
  int64_t activation_images = 0;
  std::vector<std::string> notes;  ///< what could not be had, and why
};

struct MeasureOptions {
  std::string data_root;
  std::vector<std::string> packed;  ///< files of `pith quantize`
  int64_t images = 0;               ///< of the test set; 0: all
  bool evaluates = true, times = true;
};

/// Throws ArgumentError for a run of a language model, FormatError for a packed network of another one, and what data
/// and files throw.
Measured measure_run(const RunRecord& run, const MeasureOptions& options, Console& console);

}  // namespace pith::apps
