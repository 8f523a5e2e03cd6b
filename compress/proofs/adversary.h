// Inputs that attain the bounds of proofs/bounds.h: the largest integer wherever a weight pushes the right way and 0
// wherever it pushes the other, in one window that lies wholly inside the image. They are run through the real kernel,
// its packed weights and its bias, so a bound that is attained is no overestimate, and a kernel that overflowed there
// would be seen.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compress/proofs/bounds.h"

namespace pith::compress {

/// The sums of one layer as the kernel adds them, bias included: s32, or f32 where they need 64 bits.
Tensor layer_sums(const nn::IntegerLayer& layer, const ops::IntWeights& w, const ops::QuantizedTensor& x,
                  const Window& window, const KernelTable& table = kernels());
/// The window of a layer that sums.
Window window_of(const nn::IntegerLayer& layer);

/// Does some output of the layer read no border? Where none does (a window larger than the image), the bound holds but
/// is not attained.
bool has_inner_window(const nn::IntegerSpec& spec, size_t layer);

/// What makes channel k of a layer largest (or smallest): the u8 of one window, [c, window height, window width], or of
/// a linear layer's input; the zero point where no weight of the channel reads.
std::vector<uint8_t> worst_input(const nn::IntegerSpec& spec, size_t layer, int64_t k, bool largest,
                                 int32_t zero_point);

/// Channels of a layer, and those whose two bounds the kernel gives back exactly.
struct Attainment {
  std::string layer;
  int64_t channels = 0, attained = 0;
};
std::vector<Attainment> attain_bounds(const nn::IntegerNetwork& network, const std::vector<AccumulatorBound>& bounds,
                                      const KernelTable& table = kernels());

}  // namespace pith::compress
