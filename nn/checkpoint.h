// Model <-> file. The native container is safetensors (tensor/container.h); structure, masks, optimizer and clock lie
// in its metadata and extra tensors, so that every tool of that world opens the file.
//
// Sections: NAME (parameters and buffers), optimizer.STATE, schedule.STATE, NAME.quant.scale, NAME.quant.zero_point,
// and NAME.mask (U8, one bit a position in row-major order, lowest bit first, 1 = keep). Metadata: pith.checkpoint
// (version of this list, 1), pith.masks, pith.quant, pith.optimizer and pith.run (one JSON text each), pith.thinned (1
// where shapes are not those that the model is made with), pith.xxh3 (checksum).
//
// Whatever is refused is refused before the model, the optimizer or the file changes.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "nn/module.h"
#include "nn/optim/optimizer.h"

namespace pith::nn {

/// Everything a run needs to go on to the same bits.
struct RunState {
  std::map<std::string, std::string> settings;  ///< the resolved command line: model, data, lr, seed, ...
  int64_t epoch = 0, step = 0;                  ///< what is about to run
  std::vector<double> rate_state;
  double best = 0;  ///< best validation accuracy so far
  int64_t best_epoch = -1;
  int64_t metrics_bytes = 0;  ///< length of metrics.csv at this moment
  int64_t events_bytes = 0;
  std::vector<double> running;             ///< partial sums of the epoch under way (loss, correct, seen)
  std::map<std::string, Tensor> schedule;  ///< what compression remembers beside masks, by name
};

/// Writes model (values, buffers, masks, quantisation) atomically; with optimizer and run state if given. Same state,
/// same bytes. Throws IoError where it cannot be written; what existed is intact then.
void save_checkpoint(const std::string& path, Module& model, Optimizer* optimizer, const RunState* run);

/// Reads what save_checkpoint wrote. Throws FormatError (file, what was expected, what was found) when anything is
/// missing, has another shape, or the checksum fails; the model is unchanged then. The checkpoint of a thinned model
/// gives the model its shapes. With an optimizer, its state and the run's must be there; without one they may be there,
/// and an absent run state comes back as RunState{}.
RunState load_checkpoint(const std::string& path, Module& model, Optimizer* optimizer);

/// Values by PyTorch's names from .safetensors, .npz or .pth (state dictionary in a zip). Every parameter and buffer of
/// the model must be there with its shape; extra tensors are refused by name, except num_batches_tracked.
/// A "module." prefix is dropped. Floating-point types are converted to the model's. Masks the model has are kept (and
/// applied); a checkpoint of ours brings its own. Weights in whole numbers (nn/whole_weights.h) come as real ones.
void load_weights(const std::string& path, Module& model);

/// Masks by the names of parameters from a file of tensors (any of the formats above): kept where not 0. Parameters
/// that the file does not name keep what they have. Throws FormatError for a name or shape that the model does not
/// have.
void load_masks(const std::string& path, Module& model);

}  // namespace pith::nn
