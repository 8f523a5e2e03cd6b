// Packed networks <-> file: an IntegerSpec in a safetensors container, with real bytes: weights of b bits take b bits.
//
// Sections: NAME.weight and NAME.kept (nn/packed_weights.h), NAME.scale F32 [k], NAME.bias I32 [k] (F32 with dynamic
// ranges); values.scale F32 and values.zero_point I32, one a value. Metadata: pith.packed (version), pith.network (one
// JSON text: wiring), pith.xxh3. A file to train from also holds NAME.float_weight and NAME.float_bias, F32, of a
// layer that trains with batch norm live NAME.norm_scale and NAME.norm_shift, F32 [k], if it had one before, and
// NAME.mask of what was pruned; a layer that is not trained by LSQ names its methods in pith.network (train_weights,
// train_activations), and its accumulator where it has one (train_accumulator).
#pragma once

#include <cstdint>
#include <string>

#include "nn/integer_network.h"

namespace pith::nn {

/// Does the file keep the real weights (nn/quantized_training.h trains from them)?
enum class FloatWeights : bool { none, kept };
/// Written atomically; same spec, same bytes. Throws IoError.
void write_packed_network(const std::string& path, const IntegerSpec& spec, FloatWeights floats = FloatWeights::none);
/// Bytes of the file that write_packed_network would write.
int64_t packed_bytes(const IntegerSpec& spec, FloatWeights floats = FloatWeights::none);
/// With the real weights where the file keeps them. Throws FormatError (file, expected, found) for anything that
/// write_packed_network would not have written.
IntegerSpec read_packed_network(const std::string& path);
/// Is this a packed network? Looks at the file's metadata alone; false for files of any other kind, also unreadable
/// ones.
bool is_packed_network(const std::string& path);

}  // namespace pith::nn
