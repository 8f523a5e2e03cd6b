// Residual sums in more bits than what is multiplied. A sum of a block that has 2 bits forgets what the blocks before
// it said; so the values that sums make and add keep more, and each is rounded anew where a convolution multiplies it.
// The products stay narrow, the additions are few: as usual in training at low widths (Choi et al. 2018; Esser et al.
// 2020), where sums are real numbers. Here they are integers.
#pragma once

#include "compress/quantizers/calibration.h"
#include "nn/graph.h"

namespace pith::compress {

/// Does a residual sum make or add this value, or one that pooling and flattening hand on from it?
bool joins_sum(const nn::Graph& graph, int64_t value);

/// Is this layer a shortcut's convolution? Its value is only ever added.
bool is_shortcut(const nn::Graph& graph, int64_t layer);

/// Who reads residual sums as they are, unrounded: sums and pooling always do.
enum class WideReaders : bool { sums, sums_and_shortcuts };

/// The graph with a layer of kind requantize, NAME.requantized, behind every such value that a convolution or a linear
/// layer multiplies: those read it, the others read on what they did.
nn::Graph with_requantized_sums(const nn::Graph& graph, WideReaders wide = WideReaders::sums);

/// Statistics of the graph before, for the graph after: a requantised value has those of its source.
Statistics with_requantized_sums(const Statistics& statistics, const nn::Graph& graph);

}  // namespace pith::compress
