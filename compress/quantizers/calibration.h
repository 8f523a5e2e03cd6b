// Calibration: what the values of a network are like on images that training never saw. Two passes over the same
// images, because a histogram needs the extremes first; the result is a plain value with a file.
//
// Sums run in double, image by image in their order: the same at any number of threads.
#pragma once

#include <string>
#include <vector>

#include "compress/quantizers/clipping.h"
#include "nn/graph.h"

namespace pith::compress {

struct Statistics {
  std::string fingerprint;              ///< of the graph they were taken from
  std::vector<std::string> names;       ///< of the values: "input", then the layers
  std::vector<ValueStatistics> values;  ///< as graph values
};

/// Layers, shapes and weights, as 16 hexadecimal digits: statistics of one network are refused for another.
std::string fingerprint(const nn::Graph& graph);

class Calibration {
 public:
  static constexpr int64_t kBins = 2048;

  /// The graph outlives it.
  explicit Calibration(const nn::Graph& graph);

  /// First pass. images: f32 [n, c, h, w]. Throws NumericError naming value and image where one is not finite.
  void add_extremes(const Tensor& images);
  /// Second pass, over the same images. Throws Error before the first.
  void add_moments(const Tensor& images);
  /// Throws ArgumentError where no image was seen, or another number in the second pass than in the first.
  Statistics finish() const;

 private:
  struct Sums {
    ValueStatistics s;
    double sum = 0, squares = 0, distances = 0, count = 0;
  };
  const nn::Graph& graph_;
  std::vector<Sums> sums_;
  int64_t first_ = 0, second_ = 0;  ///< images
};

/// safetensors: NAME.statistics F64 [7], NAME.histogram I32; metadata pith.statistics (version), pith.fingerprint.
/// Written atomically. Throws IoError, FormatError.
void write_statistics(const std::string& path, const Statistics& statistics);
/// Throws FormatError where the file is no statistics file, or belongs to another network than `graph`.
Statistics read_statistics(const std::string& path, const nn::Graph& graph);

}  // namespace pith::compress
