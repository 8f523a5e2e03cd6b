// A packed network as a table: what its layers are made of, byte by byte.
#pragma once

#include <string>

#include "apps/summaries/table.h"

namespace pith::apps {

/// Of a file of nn/packed_network.h, a row a layer with weights: Name, Type, OFM, Weights volume, MACs, Density (%),
/// Effective MACs (zeros subtracted) as in the compute table; Weights and Input (their integers: s4 is signed with 4
/// bits); Acc bits (proved from the real weights, compress/proofs) and Rule bits (2n +
/// log2(c k^2)); Bytes, everything the file holds of the layer. Throws FormatError or IoError.
Table packed_summary(const std::string& path);

}  // namespace pith::apps
