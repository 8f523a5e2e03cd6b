// One step of an LSTM on packed weights: batch 1, where the weights' bytes are the time.
#pragma once

#include "tensor/formats/packed_matrix.h"

namespace pith {

/// One layer's weights, gate order i, f, g, o (tensor/ops/lstm_cell.h).
struct PackedLstm {
  std::shared_ptr<const PackedMatrix> w_ih;  ///< [4 hidden, in]
  std::shared_ptr<const PackedMatrix> w_hh;  ///< [4 hidden, hidden]
  Tensor bias;                               ///< f32 [4 hidden]: both biases added up; or undefined
};
struct LstmStepState {
  Tensor h, c;  ///< f32 [n, hidden], plain
};

/// The state after one step on x, f32 [n, in], plain. Throws ShapeError or TypeError where something does not fit.
LstmStepState lstm_step(const PackedLstm& weights, const Tensor& x, const LstmStepState& before);

}  // namespace pith
