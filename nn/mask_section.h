// A mask <-> a section of a safetensors file: U8, one bit a position in row-major order, lowest bit first, 1 = keep.
#pragma once

#include <memory>
#include <string>

#include "tensor/container.h"
#include "tensor/formats/mask.h"

namespace pith::nn {

Section mask_section(const std::string& name, const Mask& mask);
/// Throws FormatError (path, expected, found) for a section of another type or size, or with bits behind the last one.
std::shared_ptr<const Mask> mask_from(const Section& section, const Shape& shape, Granularity granularity,
                                      const std::string& path);
/// "element", "filter", ...: FormatError for any other text.
Granularity granularity_from(const std::string& text, const std::string& path);

}  // namespace pith::nn
