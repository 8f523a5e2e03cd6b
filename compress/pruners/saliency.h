// Saliency: one score a weight, from the weight and a derivative of the loss. The higher, the more the weight matters.
// w and the derivatives have one shape (f32 or f64; ShapeError otherwise). Scores of several tensors are of one scale
// and are ranked together (prune_globally).
#pragma once

#include <vector>

#include "tensor/tensor.h"

namespace pith::compress {

/// w g, element by element.
std::vector<double> weight_times_gradient(const Tensor& w, const Tensor& gradient);

/// SNIP (Lee, Ajanthan, Torr 2019): |w g|, from one batch before training.
std::vector<double> snip_scores(const Tensor& w, const Tensor& gradient);

/// GraSP (Wang, Zhang, Grosse 2020): w (H g). Weights whose removal harms the gradient's flow least (lowest score) go
/// first. `curvature` is H g: see hessian_times_gradient.
std::vector<double> grasp_scores(const Tensor& w, const Tensor& curvature);

/// H g from two gradients, at w and at w + step g: (there - here) / step.
Tensor hessian_times_gradient(const Tensor& here, const Tensor& there, double step);

/// Movement pruning (Sanh, Wolf, Rush 2020): adds -w g of one step to the scores. A weight that moves away from 0
/// gains.
void add_movement(std::vector<double>& scores, const Tensor& w, const Tensor& gradient);

}  // namespace pith::compress
