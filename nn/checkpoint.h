// Model <-> file. The native container is safetensors (tensor/container.h); structure, masks, optimizer and clock lie in
// its metadata and extra tensors, so that every tool of that world opens the file.
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
  double best = 0;                              ///< best validation accuracy so far
  int64_t best_epoch = -1;
  int64_t metrics_bytes = 0;                    ///< length of metrics.csv at this moment
  int64_t events_bytes = 0;
  std::vector<double> running;                  ///< partial sums of the epoch under way (loss, correct, seen)
};

/// Writes model (values, buffers, masks) atomically; with optimizer and run state if given.
void save_checkpoint(const std::string& path, Module& model, Optimizer* optimizer, const RunState* run);

/// Reads what save_checkpoint wrote. Throws FormatError (file, what was expected, what was found) when anything is
/// missing, has another shape, or the checksum fails; the model is unchanged then.
RunState load_checkpoint(const std::string& path, Module& model, Optimizer* optimizer);

/// Values by PyTorch's names from .safetensors, .npz or .pth (state dictionary in a zip). Every parameter and buffer of
/// the model must be there with its shape; extra tensors are refused by name, except num_batches_tracked.
/// A "module." prefix is dropped.
void load_weights(const std::string& path, Module& model);

}  // namespace pith::nn
