// Incremental network quantization (Zhou et al. 2017): weights become powers of two and freeze, group by group, the
// largest first; those still free learn to make up for it.
//
// Here the free ones are powers of two on the way forward, too (straight through on the way back), so that training
// stays integer inference; in the paper they are real until they freeze.
#pragma once

#include <cstdint>

#include "nn/module.h"

namespace pith::compress {

/// The share of weights that is frozen in this epoch (from 0): 0.5, 0.75, 0.875 and 1, a quarter of the epochs each.
double inq_share(int64_t epoch, int64_t epochs);

/// Freezes weights of every layer that trains by INQ until this epoch's share of them is frozen: the largest |w|, ties
/// by place. Frozen ones stay so. Other models and layers are left alone. To be called as an epoch begins, or goes on.
void freeze_by_inq(nn::Module& model, int64_t epoch, int64_t epochs);

}  // namespace pith::compress
