#include "data/augment.h"

#include <algorithm>
#include <cmath>

#include "tensor/error.h"

namespace pith::data {
namespace {

/// One row: in (null: outside the image) -> out, moved by dx.
void write_row(const uint8_t* in, int64_t width, int64_t dx, const std::array<float, 256>& table, float* out) {
  const int64_t begin = in ? std::clamp<int64_t>(-dx, 0, width) : width;
  const int64_t end = in ? std::clamp<int64_t>(width - dx, 0, width) : width;
  std::fill(out, out + begin, table[0]);
  for (int64_t x = begin; x < end; ++x) out[x] = table[in[x + dx]];
  std::fill(out + std::max(begin, end), out + width, table[0]);
}

}  // namespace

Placement draw_placement(const Augmentation& augmentation, const RandomKey& key) {
  Random random(key);
  Placement p;
  if (augmentation.crop_padding > 0) {
    p.dy = random.below(2 * augmentation.crop_padding + 1) - augmentation.crop_padding;
    p.dx = random.below(2 * augmentation.crop_padding + 1) - augmentation.crop_padding;
  }
  if (augmentation.flip) p.flip = (random.bits() & 1) != 0;
  return p;
}

Normalizer::Normalizer(const Normalization& normalization, int64_t channels) {
  if (static_cast<int64_t>(normalization.mean.size()) != channels ||
      static_cast<int64_t>(normalization.deviation.size()) != channels)
    throw ArgumentError("normalization: " + std::to_string(normalization.mean.size()) + " means and " +
                        std::to_string(normalization.deviation.size()) + " deviations for images of " +
                        std::to_string(channels) + " channels");
  for (size_t c = 0; c < normalization.mean.size(); ++c) {
    const float mean = normalization.mean[c], deviation = normalization.deviation[c];
    if (!std::isfinite(mean) || !std::isfinite(deviation) || deviation <= 0)
      throw ArgumentError("normalization: channel " + std::to_string(c) + " has mean " + std::to_string(mean) +
                          " and deviation " + std::to_string(deviation) + "; a deviation is positive");
    std::array<float, 256>& table = tables_.emplace_back();
    for (size_t v = 0; v < table.size(); ++v) table[v] = (static_cast<float>(v) / 255.0f - mean) / deviation;
  }
}

void write_sample(std::span<const uint8_t> pixels, const Shape& shape, const Placement& placement,
                  const Normalizer& normalizer, float* out) {
  const int64_t channels = shape[0], height = shape[1], width = shape[2];
  const uint8_t* plane = pixels.data();
  for (int64_t c = 0; c < channels; ++c, plane += height * width) {
    for (int64_t y = 0; y < height; ++y, out += width) {
      const int64_t row = y + placement.dy;
      write_row(row >= 0 && row < height ? plane + row * width : nullptr, width, placement.dx, normalizer.table(c),
                out);
      if (placement.flip) std::reverse(out, out + width);
    }
  }
}

}  // namespace pith::data
