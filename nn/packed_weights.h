// Integer weights <-> sections of a packed file, with real bytes: weights of b bits take b bits.
//
// NAME.weight: I16 of 16 bits, I8 of 8; else U8, a stream of codes q + 2^(b-1) - 1, of one bit (q + 1) / 2, row-major. Where zeros
// make it smaller the weights lie sparse: NAME.kept U8, one bit a weight, and NAME.weight the kept ones alone, of which
// those of 2 bits are -1 or 1 and take one bit. So n ternary weights with k others than zero take n + k bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tensor/container.h"

namespace pith::nn {

/// weights: s8 of 1 to 8 bits, s32 of 16. Throws ArgumentError for one that its bits do not hold.
void add_weights(Container& file, const std::string& name, const Tensor& weights, int bits);
/// As add_weights wrote them; FormatError (file, expected, found) for anything that it would not have written.
Tensor weights_from(const Container& file, const std::string& path, const std::string& name, int bits,
                    const Shape& shape);

/// A section that has to be there, and its numbers of a type and shape. Throw FormatError.
const Section& section_of(const Container& file, const std::string& path, const std::string& name);
Tensor numbers_of(const Section& section, const std::string& path, DType dtype, const Shape& shape);

/// Codes of `bits` bits, lowest first, in ceil(count bits / 8) bytes; spare bits are 0.
std::vector<std::byte> pack_codes(std::span<const uint8_t> codes, int bits);
std::vector<uint8_t> unpack_codes(std::span<const std::byte> bytes, int bits, size_t count);

}  // namespace pith::nn
