// Embedding and LSTM: the bandwidth-bound layers.
#pragma once

#include <memory>
#include <utility>

#include "autograd/variable.h"

namespace pith {

class PackedMatrix;

/// Rows of w [words, features] by index: indices s32 [...] -> [..., features]. The gradient of w adds up repeated rows
/// in index order. Throws FormatError for an index outside [0, words), naming its place.
Variable embedding(const Variable& w, const Tensor& indices);

/// One layer of LSTM over a sequence (Hochreiter & Schmidhuber 1997; gate order i, f, g, o as PyTorch).
/// x [steps, n, in], h and c [n, hidden], w_ih [4 hidden, in], w_hh [4 hidden, hidden], b_ih, b_hh [4 hidden] or
/// undefined. With `packed` weights, which then stand for w_ih and w_hh in 8 bits, their products are whole numbers on
/// the way forward, as in lstm_step (tensor/formats/lstm_step.h), and straight through on the way back
/// (whole_linear.h).
struct LstmWeights {
  Variable w_ih, w_hh, b_ih, b_hh;
  std::shared_ptr<const PackedMatrix> packed_ih = {}, packed_hh = {};  ///< both or none
};
struct LstmResult {
  Variable output;  ///< [steps, n, hidden]
  Variable h, c;    ///< [n, hidden]
};
LstmResult lstm(const Variable& x, const Variable& h, const Variable& c, const LstmWeights& weights);

}  // namespace pith
