// A mask as a picture: rows are filters (outputs), columns their weights; dark is kept.
#pragma once

#include <cstddef>
#include <vector>

#include "tensor/tensor.h"

namespace pith::apps {

/// w: f32 of two or four axes -> PNG, grey, one pixel a weight, or where there are more than 256 rows or 768 columns
/// the share of kept ones among neighbours. Throws ShapeError for another rank or no element.
std::vector<std::byte> mask_picture(const Tensor& w);

}  // namespace pith::apps
