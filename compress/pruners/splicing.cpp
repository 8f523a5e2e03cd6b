#include "compress/pruners/splicing.h"

#include "compress/groups.h"
#include "compress/statistics.h"
#include "tensor/error.h"

namespace pith::compress {

SplicingBand splicing_band(const Tensor& w, double sensitivity, double low_factor, double high_factor) {
  if (!(sensitivity >= 0 && low_factor >= 0 && high_factor >= low_factor))
    throw ArgumentError("splicing: sensitivity and factors must not be below 0, and the low factor " +
                        std::to_string(low_factor) + " not above the high one " + std::to_string(high_factor));
  const Moments m = magnitude_moments(w);
  const double base = m.mean + sensitivity * m.deviation;
  return {base * low_factor, base * high_factor};
}

Mask splice(const Tensor& w, const Mask& before, const SplicingBand& band) {
  if (!(w.shape() == before.shape()))
    throw ShapeError("splicing: the mask " + text(before.shape()) + " does not fit the weight " + text(w.shape()));
  const bool single = w.dtype() == DType::f32;
  const double low = single ? static_cast<float>(band.low) : band.low;
  const double high = single ? static_cast<float>(band.high) : band.high;
  const std::vector<double> sizes = magnitudes(w);
  std::vector<uint8_t> keep(sizes.size());
  for (size_t i = 0; i < sizes.size(); ++i)
    keep[i] = sizes[i] >= high || (!(sizes[i] < low) && before.keeps(static_cast<int64_t>(i)));
  return Groups(w.shape(), GroupType::element).mask(keep);
}

}  // namespace pith::compress
