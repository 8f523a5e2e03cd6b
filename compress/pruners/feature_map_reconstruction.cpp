#include "compress/pruners/feature_map_reconstruction.h"

#include <algorithm>
#include <cmath>

#include "compress/statistics.h"
#include "tensor/error.h"

namespace pith::compress {
namespace {

using Values = std::vector<double>;

/// Solves (A + ridge I) X = B in place of B by Cholesky's decomposition. a: [n, n] symmetric, lower part used; b: [n,
/// m].
void solve(Values& a, Values& b, size_t n, size_t m) {
  double trace = 0;
  for (size_t i = 0; i < n; ++i) trace += a[i * n + i];
  const double ridge = std::max(1e-8 * trace / static_cast<double>(std::max<size_t>(n, 1)), 1e-300);
  for (size_t i = 0; i < n; ++i) a[i * n + i] += ridge;
  for (size_t j = 0; j < n; ++j)
    for (size_t i = j; i < n; ++i) {
      double sum = a[i * n + j];
      for (size_t k = 0; k < j; ++k) sum -= a[i * n + k] * a[j * n + k];
      a[i * n + j] = i == j ? std::sqrt(std::max(sum, ridge)) : sum / a[j * n + j];
    }
  for (size_t c = 0; c < m; ++c) {
    for (size_t i = 0; i < n; ++i) {
      for (size_t k = 0; k < i; ++k) b[i * m + c] -= a[i * n + k] * b[k * m + c];
      b[i * m + c] /= a[i * n + i];
    }
    for (size_t i = n; i-- > 0;) {
      for (size_t k = i + 1; k < n; ++k) b[i * m + c] -= a[k * n + i] * b[k * m + c];
      b[i * m + c] /= a[i * n + i];
    }
  }
}

/// x[:, columns]^T y for row-major x [points, width], y [points, m].
Values product(const Values& x, size_t width, const std::vector<size_t>& columns, const Values& y, size_t m,
               const std::vector<size_t>& of_y) {
  Values out(columns.size() * of_y.size(), 0);
  for (size_t p = 0; p * width < x.size(); ++p)
    for (size_t i = 0; i < columns.size(); ++i) {
      const double v = x[p * width + columns[i]];
      for (size_t j = 0; j < of_y.size(); ++j) out[i * of_y.size() + j] += v * y[p * m + of_y[j]];
    }
  return out;
}

void check(const Tensor& w, const Tensor& inputs, const Tensor& outputs) {
  const int64_t width = w.numel() / std::max<int64_t>(w.shape()[0], 1);
  const bool fits = inputs.shape().rank() == 2 && outputs.shape().rank() == 2 && inputs.shape()[1] == width &&
                    outputs.shape()[1] == w.shape()[0] && inputs.shape()[0] == outputs.shape()[0] &&
                    inputs.shape()[0] > 0;
  if (!fits)
    throw ShapeError("reconstruction: samples " + text(inputs.shape()) + " -> " + text(outputs.shape()) +
                     " do not belong to the weight " + text(w.shape()));
}

}  // namespace

Reconstruction reconstruct_channels(const Tensor& w, const Tensor& inputs, const Tensor& outputs, double level,
                                    const RankOptions& options) {
  const Groups channels(w.shape(), GroupType::channel);
  check(w, inputs, outputs);
  Mask mask = prune_lowest(channels, group_norms(w, channels, Norm::mean_l1), level, options);
  const size_t out = static_cast<size_t>(w.shape()[0]), width = static_cast<size_t>(inputs.shape()[1]);
  std::vector<size_t> columns, all(out);
  for (size_t i = 0; i < width; ++i)
    if (mask.keeps(static_cast<int64_t>(i))) columns.push_back(i);  // the first row tells for all
  for (size_t i = 0; i < out; ++i) all[i] = i;
  const Values x = inputs.to_vector<double>();
  Values gram = product(x, width, columns, x, width, columns);
  Values fit = product(x, width, columns, outputs.to_vector<double>(), out, all);
  solve(gram, fit, columns.size(), out);
  Values weights(out * width, 0);
  for (size_t i = 0; i < columns.size(); ++i)
    for (size_t o = 0; o < out; ++o) weights[o * width + columns[i]] = fit[i * out + o];
  return {std::move(mask), Tensor::from(weights, w.shape()).to(w.dtype())};
}

}  // namespace pith::compress
