// Cross-layer equalisation (Nagel et al. 2019): where one layer alone reads another's channels, a channel may be made
// smaller here and larger there without a change of the network, because a ReLU passes factors above 0 on.
#pragma once

#include "nn/graph.h"

namespace pith::compress {

/// Of each pair of neighbouring layers (ReLU or nothing, pooling and flattening between them; no residual, and no other
/// reader), divides channel i of the first by s = sqrt(r1 / r2) and multiplies the second's weights of it by s, so that
/// both ranges max |w| become sqrt(r1 r2). Sweeps over all pairs until no factor is further than 1 % from 1, at most 40
/// times. Channels without a range (all weights 0 on one side) stay. Returns the pairs. `graph` gets weights of its
/// own.
int64_t equalise(nn::Graph& graph);

}  // namespace pith::compress
