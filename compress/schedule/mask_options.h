// How a pruning policy's masks act on the weights: the args of a pruner policy.
#pragma once

#include <cstdint>

namespace pith::compress {

/// By default a mask is hard: a pruned weight is exactly 0 and stays 0, whatever the optimizer does (nn/parameter.h).
/// With mask_on_forward_only it is soft: the weights are masked in the forward pass, and the step may move pruned ones.
struct MaskOptions {
  bool keep_mask = false;                    ///< a soft mask becomes hard when the policy ends, instead of going
  int64_t mini_batch_pruning_frequency = 0;  ///< also every N minibatches; 0: only at the begin of an epoch
  bool mask_on_forward_only = false;
  bool mask_gradients = false;                  ///< soft: pruned weights get no gradient
  bool use_double_copies = false;               ///< soft: the step moves the weights as they were before masking
  bool discard_masks_at_minibatch_end = false;  ///< soft: every mask lasts one minibatch
  bool skip_first_minibatch = false;            ///< none at the begin of an epoch
};

}  // namespace pith::compress
