// Losses. Logits are f32 or f64 [n, classes] in either order; labels are s32 [n]. Every loss is a mean over the batch,
// shape []. A label outside [0, classes) throws FormatError naming its index.
#pragma once

#include "autograd/variable.h"

namespace pith {

/// Mean of -log softmax(logits)[label], with label smoothing: target = (1 - smoothing) one-hot + smoothing / classes.
Variable softmax_cross_entropy(const Variable& logits, const Tensor& labels, double smoothing = 0);
/// Softmax and its logarithm along the last axis; plain order.
Variable softmax(const Variable& x);
Variable log_softmax(const Variable& x);
/// Mean of -log_probabilities[label].
Variable nll_loss(const Variable& log_probabilities, const Tensor& labels);
/// Mean of (x - target)^2; target: x's shape.
Variable mse_loss(const Variable& x, const Variable& target);
/// Mean over the batch of sum_i p_i (log p_i - log q_i), p = softmax(teacher / T), q = softmax(student / T), times T^2
/// (Hinton et al. 2015). teacher: values only.
Variable distillation_loss(const Variable& student_logits, const Tensor& teacher_logits, double temperature);

}  // namespace pith
