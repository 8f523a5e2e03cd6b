#include "compress/statistics.h"

#include <algorithm>
#include <cmath>

#include "tensor/error.h"

namespace pith::compress {

Moments moments(const std::vector<double>& values) {
  if (values.empty()) throw ShapeError("statistics: there is no value to take the mean of");
  const double n = static_cast<double>(values.size());
  double sum = 0, squares = 0;
  for (const double v : values) sum += v;
  const double mean = sum / n;
  for (const double v : values) squares += (v - mean) * (v - mean);
  return {mean, values.size() > 1 ? std::sqrt(squares / (n - 1)) : 0};
}

Moments moments(const Tensor& w) { return moments(w.to_vector<double>()); }
Moments magnitude_moments(const Tensor& w) { return moments(magnitudes(w)); }

std::vector<double> magnitudes(const Tensor& w) {
  std::vector<double> values = w.to_vector<double>();
  for (double& v : values) v = std::abs(v);
  return values;
}

std::vector<double> group_norms(const Tensor& w, const Groups& groups, Norm norm) {
  if (!(w.shape() == groups.shape()))
    throw ShapeError("group norms: groups of " + text(groups.shape()) + " do not fit the weight " + text(w.shape()));
  const bool squares = norm == Norm::l2 || norm == Norm::mean_l2;
  std::vector<double> norms(static_cast<size_t>(groups.count()), 0);
  const std::vector<double> values = magnitudes(w);
  for (size_t i = 0; i < values.size(); ++i) {
    double& into = norms[static_cast<size_t>(groups.of(static_cast<int64_t>(i)))];
    if (norm == Norm::largest)
      into = into >= values[i] ? into : values[i];  // NaN enters and stays
    else
      into += squares ? values[i] * values[i] : values[i];
  }
  const double size = norm == Norm::mean_l1 || norm == Norm::mean_l2 ? static_cast<double>(groups.size()) : 1;
  for (double& v : norms) v = (squares ? std::sqrt(v) : v) / size;
  return norms;
}

std::vector<double> group_sums(const std::vector<double>& scores, const Groups& groups) {
  if (static_cast<int64_t>(scores.size()) != groups.shape().numel())
    throw ShapeError("group sums: " + std::to_string(scores.size()) + " scores for a weight " + text(groups.shape()));
  std::vector<double> sums(static_cast<size_t>(groups.count()), 0);
  for (size_t i = 0; i < scores.size(); ++i) sums[static_cast<size_t>(groups.of(static_cast<int64_t>(i)))] += scores[i];
  return sums;
}

}  // namespace pith::compress
