// Loader: batches of f32 images, shuffled, augmented and normalised ahead of the step by background threads.
//
// Batch i of epoch e is a function of (seed, e, i) alone: the same at any number of workers and after any resume.
#pragma once

#include <memory>

#include "data/dataset.h"
#include "tensor/tensor.h"

namespace pith::data {

struct Batch {
  Tensor images;  ///< f32 [n, c, h, w], plain
  Tensor labels;  ///< s32 [n]
};

struct Augmentation {
  int64_t crop_padding =
      0;  ///< zero-pad by this and crop back at a random place (after normalisation the pad is the value of pixel 0)
  bool flip = false;  ///< left-right with probability 1/2
};

struct LoaderOptions {
  int64_t batch_size = 128;
  bool shuffle = false;
  bool drop_last = false;
  Augmentation augmentation = {};
  uint64_t seed = 0;
  int workers = 1;   ///< 0: in the caller's thread
  int prefetch = 4;  ///< batches ahead
};

class Loader {
 public:
  Loader(std::shared_ptr<const Dataset> dataset, Normalization normalization, const LoaderOptions& options);
  ~Loader();
  /// Batches of one epoch.
  int64_t batches() const;
  int64_t samples() const;
  /// Starts epoch `epoch` at batch `first` (a resume); next() then gives batch first, first + 1, ...
  void start(int64_t epoch, int64_t first = 0);
  /// Waits for the next batch. Throws Error past the end; a worker's error comes out here.
  Batch next();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pith::data
