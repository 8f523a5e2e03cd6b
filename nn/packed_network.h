// Packed networks <-> file: an IntegerSpec in a safetensors container, with real bytes: weights of b bits take b bits.
//
// Sections: NAME.weight (I8 of 8 bits; else U8, weights of b bits as a stream of codes q + 2^(b-1) - 1, of one bit
// (q + 1) / 2, lowest bits first, row-major), NAME.scale F32 [k], NAME.bias I32 [k] (F32 with dynamic ranges);
// values.scale F32 and values.zero_point I32, one a value. Where many zeros make it smaller, weights of 8 bits lie
// sparse: NAME.kept U8, one bit a weight, and NAME.weight the kept ones. Metadata: pith.packed (version), pith.network
// (one JSON text: wiring), pith.xxh3. A file to train from also holds NAME.float_weight and NAME.float_bias, F32.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "nn/integer_network.h"

namespace pith::nn {

/// Does the file keep the real weights (nn/quantized_training.h trains from them)?
enum class FloatWeights : bool { none, kept };
/// Written atomically; same spec, same bytes. Throws IoError.
void write_packed_network(const std::string& path, const IntegerSpec& spec, FloatWeights floats = FloatWeights::none);
/// With the real weights where the file keeps them. Throws FormatError (file, expected, found) for anything that write_packed_network would not have written.
IntegerSpec read_packed_network(const std::string& path);
/// Is this a packed network? Looks at the file's metadata alone; false for files of any other kind, also unreadable
/// ones.
bool is_packed_network(const std::string& path);

/// Codes of `bits` bits, lowest first, in ceil(count bits / 8) bytes; spare bits are 0.
std::vector<std::byte> pack_codes(std::span<const uint8_t> codes, int bits);
std::vector<uint8_t> unpack_codes(std::span<const std::byte> bytes, int bits, size_t count);

}  // namespace pith::nn
