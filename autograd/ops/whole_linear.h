// Linear layers on weights in whole numbers, in training: products of integers on the way forward, the very ones that
// inference computes; straight through on the way back (Bengio et al. 2013).
#pragma once

#include <memory>

#include "autograd/variable.h"

namespace pith {

class PackedMatrix;

/// The real numbers that w [rows, ...] stands for in whole numbers of `bits` bits (2 to 8) and a step a row, step
/// [rows]: step round(w / step), within +/- (2^(bits-1) - 1). A 0 stays 0. Gradients into both: straight through where
/// nothing was cut; the step's is that of Esser et al. 2020, times 1 / sqrt(elements of a row x largest level).
Variable whole_values(const Variable& w, const Variable& step, int bits);

/// y = x w^T + b. x f32 [..., in], plain; w [out, in]: what `packed` unpacks to; b [out] or undefined -> [..., out]. x
/// is rounded as the format's product rounds it (tensor/ops/linear_s8_rows.h). Gradients are those of linear() at the
/// rounded x. Throws ShapeError, TypeError; NumericError where x holds an infinity.
Variable whole_linear(const Variable& x, const Variable& w, const Variable& b,
                      const std::shared_ptr<const PackedMatrix>& packed);

}  // namespace pith
