#include "tensor/formats/n_of_m.h"

#include <algorithm>
#include <string>
#include <utility>

#include "tensor/error.h"
#include "tensor/formats/padded_features.h"
#include "tensor/parallel.h"

namespace pith {

NOfMMatrix::NOfMMatrix(const Shape& shape, int64_t n, PackedArray<uint32_t> places, PackedArray<float> values)
    : PackedMatrix(shape), n_(n), places_(std::move(places)), values_(std::move(values)) {}

std::shared_ptr<const PackedMatrix> NOfMMatrix::pack_groups(const PackSource& source, int64_t n) {
  check_source("n_of_m", source);
  const Tensor weight = source.weight.contiguous();
  const float* const w = weight.data<float>();
  const int64_t rows = weight.shape()[0], cols = weight.numel() / rows, groups = (cols + kGroup - 1) / kGroup;
  const size_t slots = static_cast<size_t>((rows + kPanel - 1) / kPanel * groups * n);
  PackedArray<uint32_t> places(slots);
  PackedArray<float> values(slots * kPanel);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t g = 0; g < groups; ++g) {
      int64_t used = 0;
      for (int64_t c = g * kGroup; c < std::min(cols, (g + 1) * kGroup); ++c) {
        const int64_t i = row * cols + c, lane = row % kPanel;
        if (source.mask ? !source.mask->keeps(i) : w[i] == 0) continue;
        if (used == n)
          throw ArgumentError("n_of_m: row " + std::to_string(row) + " of " + text(weight) + " keeps more than " +
                              std::to_string(n) + " of the 4 weights from column " + std::to_string(g * kGroup) +
                              " on; prune it as " + std::to_string(n) + ":4 first");
        const int64_t slot = (row / kPanel * groups + g) * n + used++;
        places.mutable_data()[slot] |= static_cast<uint32_t>(c - g * kGroup) << (2 * lane);
        values.mutable_data()[slot * kPanel + lane] = w[i];
      }
    }
  return std::shared_ptr<const PackedMatrix>(new NOfMMatrix(weight.shape(), n, std::move(places), std::move(values)));
}

std::shared_ptr<const PackedMatrix> NOfMMatrix::read(const Shape& shape, PackedReader& in) {
  const int64_t rows = shape[0], cols = shape.numel() / rows, groups = (cols + kGroup - 1) / kGroup;
  const int64_t n = in.number("weights kept of 4", 1, 2), slots = (rows + kPanel - 1) / kPanel * groups * n;
  auto places = in.array<uint32_t>("places", slots);
  const uint32_t width = static_cast<uint32_t>(cols - (groups - 1) * kGroup);  // of the last group
  for (int64_t i = (groups - 1) * n; width < kGroup && i < slots; i += groups * n)
    for (int64_t s = i; s < i + n; ++s)
      for (int lane = 0; lane < kPanel; ++lane)
        if ((places[static_cast<size_t>(s)] >> (2 * lane) & 3u) >= width)
          in.refuse("places below " + std::to_string(width) + " in the last group", "others");
  auto values = in.array<float>("values", slots * kPanel);
  return std::shared_ptr<const PackedMatrix>(new NOfMMatrix(shape, n, std::move(places), std::move(values)));
}

size_t NOfMMatrix::bytes() const {
  return bytes_with_array(bytes_with_array(head_bytes() + 8, places_.size(), 4), values_.size(), 4);
}

void NOfMMatrix::unpack_row(int64_t row, float* out) const {
  std::fill(out, out + cols(), 0.0f);
  const int64_t lane = row % kPanel, first = row / kPanel * groups() * n_;
  for (int64_t s = first; s < first + groups() * n_; ++s) {
    const uint32_t place = places_[static_cast<size_t>(s)] >> (2 * lane) & 3u;
    out[(s - first) / n_ * kGroup + place] += values_[static_cast<size_t>(s * kPanel + lane)];
  }
}

NOfFourMatrix NOfMMatrix::view(int64_t begin, int64_t end) const {
  return {.values = values_.data(),
          .places = places_.data(),
          .n = n_,
          .groups = groups(),
          .rows = rows(),
          .begin = begin,
          .end = end};
}

Tensor NOfMMatrix::linear(const Tensor& x, const Tensor& bias) const {
  check_linear("n_of_m", *this, x, bias);
  constexpr int64_t kWeights = 1 << 15;  // of a chunk of parallel_for
  const Tensor wide = padded_features(x, groups() * kGroup);
  const Tensor held = bias.defined() ? to_plain(bias) : bias;
  const float* const b = held.defined() ? held.data<float>() : nullptr;
  const auto over_panels = [&](int64_t panels_of_x, const auto& body) {
    const int64_t each = groups() * n_ * kPanel * panels_of_x;
    parallel_for(panels(), 4 * std::max<int64_t>(1, kWeights / (4 * each)), body);
  };
  Tensor y = packed_product(
      wide, rows(),
      [&](const float* in, float* out) {
        over_panels(1, [&](int64_t begin, int64_t end) {
          kernels().n_of_four_vector(view(begin, end), {.x = in, .bias = b, .y = out});
        });
      },
      [&](const Tensor& in, Tensor& out) {
        const int64_t lanes = LaneGeometry::kLanes, blocks = in.geometry().blocks;
        float* const to = out.mutable_data<float>();
        over_panels(blocks, [&](int64_t begin, int64_t end) {
          kernels().n_of_four_panels(view(begin, end), {.x = in.data<float>(),
                                                        .x_panel = in.geometry().block * lanes,
                                                        .panels = blocks,
                                                        .bias = b,
                                                        .y = to,
                                                        .y_panel = out.geometry().block * lanes});
        });
      });
  if (b && y.is_lanes()) clear_dead_lanes(y);
  return y;
}

void NOfMMatrix::write(PackedWriter& out) const {
  out.number(n_);
  out.array(places_);
  out.array(values_);
}

}  // namespace pith
