// Are the gradients of a function what its values say? Central differences in f64 against backward().
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "autograd/variable.h"

namespace pith {

struct GradcheckOptions {
  double epsilon = 1e-6;
  double absolute = 1e-5, relative = 1e-3;
};

/// A function of several Variables; it is called often and must give the same value every time.
using DifferentiableFunction = std::function<Variable(const std::vector<Variable>&)>;

/// A fixed direction for an output of this shape and type: weights of either sign, none near 0, the same at every call.
/// The gradient of sum(direction * output) sees every output.
Tensor output_direction(const Shape& shape, DType dtype);

/// "" where the gradient of sum(direction * f(inputs)) with respect to every element of every input agrees with
/// (F(x + eps) - F(x - eps)) / 2 eps within absolute + relative |difference quotient|; a sentence with the first
/// disagreement otherwise. inputs: f64, any strides; f must be smooth around them.
std::string gradcheck(const DifferentiableFunction& f, const std::vector<Tensor>& inputs,
                      const GradcheckOptions& options = {});

}  // namespace pith
