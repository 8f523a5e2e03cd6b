// What happens to a sample between the Dataset and the batch: cut out, mirrored, normalised. Pure functions.
//
// Invariant: a sample's placement is a function of (seed, epoch, sample) alone, so a batch does not depend on who
// makes it. Validation data never passes through here with an augmentation: split first (data/dataset.h).
#pragma once

#include <cstdint>
#include <span>

#include "data/loader.h"
#include "tensor/random.h"
#include "tensor/shape.h"

namespace pith::data {

/// Which part of a zero-padded image becomes the sample: output pixel (y, x) is input pixel (y + dy, x + dx).
struct Placement {
  int64_t dy = 0, dx = 0;  ///< in [-crop_padding, crop_padding]
  bool flip = false;       ///< mirrored left to right, after the cut
};

/// The placement that `key` (seed, augment, epoch, sample) draws.
Placement draw_placement(const Augmentation& augmentation, const RandomKey& key);

/// Byte -> (byte / 255 - mean) / deviation, per channel, with PyTorch's roundings in PyTorch's order (ToTensor, then
/// Normalize), so that a published checkpoint sees the bits it was trained on.
class Normalizer {
 public:
  /// Throws ArgumentError where the counts differ from `channels`, or a deviation is not positive and finite.
  Normalizer(Normalization normalization, int64_t channels);
  /// n bytes of one channel -> n floats.
  void write(const uint8_t* in, int64_t n, int64_t channel, float* out) const;

 private:
  Normalization normalization_;
};

/// pixels: u8 [c, h, w] -> out: f32 [c, h, w]. What lies outside the image counts as pixel value 0.
void write_sample(std::span<const uint8_t> pixels, const Shape& shape, const Placement& placement,
                  const Normalizer& normalizer, float* out);

}  // namespace pith::data
