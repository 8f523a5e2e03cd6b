// What `pith prove --out` writes: the claims about every sum of a packed network, to be verified by apps/verifier.
#pragma once

#include <string>
#include <vector>

#include "compress/proofs/bounds.h"

namespace pith::apps {

/// JSON: model, the checksum of the network's content, and per layer kind, depth, bits, accumulator and the lowest and
/// highest sum of each channel. Written atomically; same network, same bytes. Throws IoError.
void write_certificate(const std::string& path, const std::string& network, const nn::IntegerSpec& spec,
                       const std::vector<compress::AccumulatorBound>& bounds);

}  // namespace pith::apps
