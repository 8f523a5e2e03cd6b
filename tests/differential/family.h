// Families of random cases: each draws one, computes it by kernels on every table of this machine and by a slow twin,
// and gives its verdict. Integers must be equal; floats within a bound that grows with the depth of the sum.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tensor/random.h"
#include "tensor/tensor.h"

namespace pith::differential {

/// A result that is nearly all zero would also come out of a kernel that does nothing: such a case is not counted.
enum class Verdict : uint8_t { agrees, mistrusted, differs };

struct Outcome {
  Verdict verdict = Verdict::agrees;
  std::string what = {};  ///< of a difference: case, table, place, both values
};

struct Family {
  const char* name;
  Outcome (*run)(Random& random);
};

std::span<const Family> float_convolutions();
std::span<const Family> integer_convolutions();
std::span<const Family> matrices();

/// More than 90 % of them are zero.
template <class T>
bool is_mostly_zero(const std::vector<T>& values) {
  size_t zeros = 0;
  for (const T v : values) zeros += v == 0;
  return zeros * 10 > values.size() * 9;
}

/// The first difference between integers, or agreement.
template <class A, class B>
Outcome compare_exactly(const std::vector<A>& got, const std::vector<B>& want, const std::string& what) {
  if (got.size() != want.size()) return {Verdict::differs, what + ": another number of results"};
  for (size_t i = 0; i < want.size(); ++i)
    if (static_cast<double>(got[i]) != static_cast<double>(want[i]))
      return {Verdict::differs,
              what + " at " + std::to_string(i) + ": " + std::to_string(got[i]) + " for " + std::to_string(want[i])};
  return {is_mostly_zero(want) ? Verdict::mistrusted : Verdict::agrees};
}

/// got against the sums `want`, whose terms' magnitudes add up to `size`: |got - want| <= 2^-23 (depth + 8) size, twice
/// what rounding each of `depth` products and sums can do (Higham 2002, section 3.1).
Outcome compare_sums(const Tensor& got, const std::vector<double>& want, const std::vector<double>& size, int64_t depth,
                     const std::string& what);

/// Numbers of one magnitude between 1e-3 and 1e3, perhaps with many zeros or a few that are a thousand times larger.
std::vector<float> draw_floats(int64_t count, Random& random);
std::vector<double> to_doubles(const std::vector<float>& values);
std::vector<double> magnitudes(const std::vector<float>& values);

}  // namespace pith::differential
