// What one layer of a quantized network sees, and what it ought to answer, as sums over calibration images: enough to
// choose its integers and its bias by least squares without looking at the images again.
#pragma once

#include <span>
#include <vector>

#include "nn/graph.h"
#include "nn/integer_network.h"

namespace pith::compress {

/// Of one group of a convolution (a linear layer is one group). With u the integers a patch of the quantized network
/// holds less their zero point (0 in the padding), and t the real sums that the float network has there, less what
/// the residual of the quantized network is off: means over patches, centred.
struct GroupMoments {
  int64_t depth = 0, rows = 0;
  std::vector<double> gram;    ///< [depth, depth]: mean u u' - (mean u)(mean u)'
  std::vector<double> cross;   ///< [rows, depth]: mean t u - (mean t)(mean u)
  std::vector<double> input;   ///< [depth]: mean u
  std::vector<double> target;  ///< [rows]: mean t
};

/// Moments of layer `layer` of both networks over batches of images (f32 [n, c, h, w], plain, normalized), one element
/// for each group. Sums are made in double, image by image: the same at any number of threads. Throws ArgumentError for
/// a layer without weights or of dynamic ranges, or where there is no image.
std::vector<GroupMoments> layer_moments(const nn::Graph& graph, const nn::IntegerSpec& spec, size_t layer,
                                        std::span<const Tensor> batches);

}  // namespace pith::compress
