#include "autograd/gradcheck.h"

#include <gtest/gtest.h>

#include "autograd/ops/arithmetic.h"
#include "tensor/ops/elementwise.h"

namespace pith {
namespace {

const std::vector<Tensor> kInput{Tensor::from(std::vector<double>{0.5, -2, 3}, {3})};

/// x^2 with a gradient of `factor` x.
DifferentiableFunction square(double factor) {
  return [factor](const std::vector<Variable>& v) {
    const Tensor x = v[0].value();
    return record("square", ops::mul(x, x), {v[0]}, [x, factor](const Tensor& dy, Gradients& into) {
      into.add(0, [&] { return ops::mul(dy, ops::mul(x, Tensor::full({}, factor, DType::f64))); });
    });
  };
}

TEST(Gradcheck, AcceptsTheRightGradient) { EXPECT_EQ(gradcheck(square(2), kInput), ""); }

TEST(Gradcheck, NamesTheFirstElementOfAWrongGradient) {
  EXPECT_EQ(gradcheck(square(2.01), kInput).find("input 0, element 0"), 0u);
}

TEST(Gradcheck, SeesAGradientThatIsMissing) {
  const auto deaf = [](const std::vector<Variable>& v) {
    return record("deaf", v[0].value(), {v[0]}, [](const Tensor&, Gradients&) {});
  };
  EXPECT_NE(gradcheck(deaf, kInput), "");
}

TEST(Gradcheck, SeesANumberThatIsNone) {
  const auto broken = [](const std::vector<Variable>& v) { return log(affine(v[0], 0, -1)); };
  EXPECT_NE(gradcheck(broken, kInput), "");
}

}  // namespace
}  // namespace pith
