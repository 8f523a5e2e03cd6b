#include "compress/pruners/n_of_m.h"

#include <algorithm>
#include <cmath>

#include "compress/statistics.h"
#include "tensor/error.h"

namespace pith::compress {

Mask prune_n_of_m(const Tensor& w, int64_t n, int64_t m) {
  if (n < 1 || m < n)
    throw ArgumentError("n of m: " + std::to_string(n) + " of " + std::to_string(m) + " is not 1 <= n <= m");
  if (w.shape().rank() != 2 && w.shape().rank() != 4)
    throw ShapeError("n of m: wants a weight [out, in] or [out, in, kh, kw], here is " + text(w.shape()));
  const int64_t in = w.shape()[1], kernel = w.shape().rank() == 4 ? w.shape()[2] * w.shape()[3] : 1;
  const std::vector<double> sizes = magnitudes(w);
  if (std::any_of(sizes.begin(), sizes.end(), [](double v) { return std::isnan(v); }))
    throw NumericError("n of m: the weights hold NaN");
  std::vector<uint64_t> words(static_cast<size_t>((w.numel() + 63) / 64), 0);
  std::vector<int64_t> group;
  for (int64_t out = 0; out < w.shape()[0]; ++out)
    for (int64_t first = 0; first < in; first += m)
      for (int64_t k = 0; k < kernel; ++k) {
        group.clear();
        for (int64_t c = first; c < std::min(in, first + m); ++c) group.push_back((out * in + c) * kernel + k);
        std::stable_sort(group.begin(), group.end(), [&](int64_t a, int64_t b) {
          return sizes[static_cast<size_t>(a)] > sizes[static_cast<size_t>(b)];
        });
        group.resize(std::min(group.size(), static_cast<size_t>(n)));
        for (const int64_t i : group) words[static_cast<size_t>(i / 64)] |= uint64_t{1} << (i % 64);
      }
  return Mask(w.shape(), std::move(words), Granularity::n_of_m);
}

}  // namespace pith::compress
