// Bits a layer, chosen under a budget of bytes: each layer's cost at each width is measured with that layer alone
// changed, and the choice whose costs sum to the least is found exactly (HAWQ-V2's formulation, Dong et al. 2020, with
// the loss itself in place of its estimate by second derivatives).
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "compress/quantizers/post_training.h"
#include "compress/quantizers/range_search.h"

namespace pith::compress {

/// One way to store a layer.
struct WidthOption {
  int bits = 8;
  int64_t bytes = 0;
  double cost = 0;
};

/// Of every layer one option (its place), so that the bytes sum to at most `budget` and the costs to the least: the
/// multiple-choice knapsack, by the front of choices of which none is both smaller and cheaper. Empty where even the
/// smallest options do not fit.
std::vector<size_t> cheapest_choice(const std::vector<std::vector<WidthOption>>& layers, int64_t budget);

/// `options` with the bits of one layer's weights set, before all else that they say of it.
PostTrainingOptions with_bits(PostTrainingOptions options, const std::string& layer, int bits);

struct LayerWidths {
  size_t layer = 0;  ///< of the graph
  std::vector<WidthOption> options;
};
/// Every layer of weights that no override sets, at every width of `widths`: the bytes that its weights take in a file,
/// and what the network costs with this layer at that width and all others as `options` say.
std::vector<LayerWidths> measured_widths(const nn::Graph& graph, const Statistics& statistics,
                                         const PostTrainingOptions& options, std::span<const int> widths,
                                         const NetworkCost& cost,
                                         const std::function<void(int64_t done, int64_t of)>& progress = nullptr);

/// `options` with an override a measured layer, so that the packed file of `model` has at most `bytes` bytes. Throws
/// ArgumentError naming the least that these widths allow where it has more.
PostTrainingOptions within_bytes(const nn::Graph& graph, const Statistics& statistics,
                                 const PostTrainingOptions& options, const std::vector<LayerWidths>& layers,
                                 int64_t bytes, const std::string& model);

}  // namespace pith::compress
