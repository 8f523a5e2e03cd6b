// Thinning: filters and channels that masks made useless are taken out of the network, so that what is left is an
// ordinary, smaller, dense network (Distiller's "thinning", after Li et al. 2017, "Pruning filters for efficient
// convnets"). It goes through convolutions, batch norms, residual sums, concatenations, depthwise convolutions and
// flattening: a channel goes only where every part of it can go.
//
// A channel can go if whoever reads it weighs it with 0, or if it is constant: its filters are all zero and what batch
// norm and ReLU make of that is one number. In evaluation the thin network then computes what the masked one did, up to
// rounding: constants move into the next bias (or, where there is none, into the mean of the batch norm behind). A
// convolution that reads zeros beyond the border sees an edge in a constant that no bias has; there one constant
// channel stays and carries those that go.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "nn/module.h"
#include "nn/optim/optimizer.h"
#include "tensor/shape.h"

namespace pith::compress {

/// Places of an axis of a tensor that stay, in order.
struct KeptPlaces {
  int axis = 0;
  std::vector<int64_t> places = {};
};

/// A layer that lost filters.
struct ThinnedLayer {
  std::string name;
  int64_t before = 0, after = 0;  ///< filters (features of a linear layer)
};

/// What thinning took away.
struct Thinning {
  std::map<std::string, std::vector<KeptPlaces>> kept =
      {};                                 ///< by parameter or buffer; those that stay whole are not here
  std::vector<ThinnedLayer> layers = {};  ///< in the order in which they run
  bool empty() const { return layers.empty(); }
};

/// Thins `model` for images [c, h, w] and, if given, its optimizer's state along with it. Masks shrink with their
/// weights; one that prunes nothing any more goes. Names stay, shapes change: nn/checkpoint.h reads such files into a
/// fresh model. Throws Error for layers that it does not know (LSTM, Embedding), runs twice, or quantised weights that
/// would have to shrink; the model is unchanged then.
Thinning thin(nn::Module& model, const Shape& image, nn::Optimizer* optimizer = nullptr);

}  // namespace pith::compress
