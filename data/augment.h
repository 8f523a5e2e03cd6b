// What happens to a sample between the Dataset and the batch: cut out, mirrored, normalised. Pure functions.
//
// Invariant: a sample's placement is a function of (seed, epoch, sample) alone, so a batch does not depend on who
// makes it. Validation data never passes through here with an augmentation: split first (data/dataset.h).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

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

/// Byte -> (byte / 255 - mean) / deviation, per channel.
///
/// A table of 256 floats a channel, computed with PyTorch's roundings in PyTorch's order (ToTensor, then Normalize), so
/// that a published checkpoint sees the bits it was trained on; also measured no slower than arithmetic
/// (data/README.md).
class Normalizer {
 public:
  /// Throws ArgumentError where the counts differ from `channels`, or a deviation is not positive and finite.
  Normalizer(const Normalization& normalization, int64_t channels);
  const std::array<float, 256>& table(int64_t channel) const { return tables_[static_cast<size_t>(channel)]; }

 private:
  std::vector<std::array<float, 256>> tables_;
};

/// pixels: u8 [c, h, w] -> out: f32 [c, h, w]. What lies outside the image counts as pixel value 0.
void write_sample(std::span<const uint8_t> pixels, const Shape& shape, const Placement& placement,
                  const Normalizer& normalizer, float* out);

}  // namespace pith::data
