// Golden files: what PyTorch computed for inputs that are formulas (tests/nn/golden/make_golden.py).
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace pith::test {

using Golden = std::map<std::string, std::vector<double>>;

/// The lines "name value value ..." of tests/nn/golden/NAME. Throws std::runtime_error where there is no such file.
Golden read_golden(const std::string& name);

/// sin(phase + 0.37 i): the inputs of make_golden.py.
inline Tensor wave(const Shape& shape, double phase, DType dtype = DType::f64) {
  std::vector<double> values(static_cast<size_t>(shape.numel()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = std::sin(phase + 0.37 * static_cast<double>(i));
  return Tensor::from(values, shape).to(dtype);
}

/// Every element within tolerance * (1 + |expected|).
inline void expect_close(const Tensor& found, const std::vector<double>& expected, double tolerance,
                         const std::string& what) {
  const std::vector<double> values = found.to_vector<double>();
  ASSERT_EQ(values.size(), expected.size()) << what;
  for (size_t i = 0; i < values.size(); ++i)
    ASSERT_NEAR(values[i], expected[i], tolerance * (1 + std::abs(expected[i]))) << what << " element " << i;
}

}  // namespace pith::test
