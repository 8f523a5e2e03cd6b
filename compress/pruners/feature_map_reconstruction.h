// Channels pruned by reconstruction (He, Zhang, Sun 2017, "Channel pruning for accelerating very deep neural
// networks"): drop the channels with the smallest mean L1, then fit the others to sampled outputs by least squares.
#pragma once

#include "compress/ranking.h"

namespace pith::compress {

struct Reconstruction {
  Mask mask;       ///< of channels
  Tensor weights;  ///< w's shape and type, exactly 0 in pruned channels
};

/// w: [out, in, kh, kw] or [out, in]. inputs: sampled windows [points, in kh kw] in w's order; outputs: what the layer
/// gave there without its bias, [points, out]. The fit has a ridge of 1e-8 of the mean square of the inputs, so that
/// samples in which a channel is silent leave it at 0. Throws ShapeError where they do not fit or there is no point.
Reconstruction reconstruct_channels(const Tensor& w, const Tensor& inputs, const Tensor& outputs, double level,
                                    const RankOptions& options = {});

}  // namespace pith::compress
