#include "tests/differential/family.h"

#include <cmath>

namespace pith::differential {

Outcome compare_sums(const Tensor& got, const std::vector<double>& want, const std::vector<double>& size, int64_t depth,
                     const std::string& what) {
  const std::vector<double> values = got.to_vector<double>();
  if (values.size() != want.size()) return {Verdict::differs, what + ": another number of results"};
  const double unit = std::ldexp(1.0, -23) * static_cast<double>(depth + 8);
  for (size_t i = 0; i < want.size(); ++i)
    if (!(std::abs(values[i] - want[i]) <= unit * size[i]))
      return {Verdict::differs,
              what + " at " + std::to_string(i) + ": " + std::to_string(values[i]) + " for " + std::to_string(want[i])};
  return {is_mostly_zero(want) ? Verdict::mistrusted : Verdict::agrees};
}

std::vector<float> draw_floats(int64_t count, Random& random) {
  const double scale = std::pow(10.0, random.uniform(-3, 3));
  const int64_t zeros = random.below(3) == 0 ? random.below(90) : 0;  // in a hundred
  const bool outliers = random.below(4) == 0;
  std::vector<float> out(static_cast<size_t>(count));
  for (float& v : out) {
    v = static_cast<float>(random.normal() * scale);
    if (outliers && random.below(16) == 0) v *= 1000;
    if (random.below(100) < zeros) v = 0;
  }
  return out;
}

std::vector<double> to_doubles(const std::vector<float>& values) { return {values.begin(), values.end()}; }

std::vector<double> magnitudes(const std::vector<float>& values) {
  std::vector<double> out(values.begin(), values.end());
  for (double& v : out) v = std::abs(v);
  return out;
}

}  // namespace pith::differential
