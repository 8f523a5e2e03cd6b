// How dense each layer of a network shall be that is sparse from the start: as a random graph between its units (Mocanu
// et al. 2018), or with the kernel's extents counted in (Evci et al. 2020).
#pragma once

#include <span>
#include <vector>

#include "tensor/shape.h"

namespace pith::compress {

enum class Allocation : uint8_t { uniform, erdos_renyi, erdos_renyi_kernel };

/// One density a layer, so that all layers together have `density`: proportional to (in + out) / (in out), or to
/// (in + out + kh + kw) / (in out kh kw); what would exceed 1 stays dense and the others share the rest. shapes: [out,
/// in] or [out, in, kh, kw]; density in (0, 1]; throws ShapeError or ArgumentError otherwise.
std::vector<double> allocate_density(std::span<const Shape> shapes, double density, Allocation allocation);

}  // namespace pith::compress
