#include "tensor/ops/int_weights.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "tensor/error.h"

namespace pith::ops {
namespace {

constexpr int64_t kMost = std::numeric_limits<int32_t>::max(), kLeast = std::numeric_limits<int32_t>::min();

std::vector<IntSegment> segments_of(int64_t k, int64_t c, int64_t groups, int64_t window) {
  const int64_t filters = k / groups, width = c / groups;
  std::vector<IntSegment> segments;
  const bool aligned = filters % 4 == 0 && width % 4 == 0;
  const int64_t step = groups == 1 ? k : aligned ? filters : 4;
  int64_t first = 0;
  for (int64_t channel = 0; channel < k; channel += step) {
    const int64_t channels = std::min(step, k - channel);
    const int64_t begin = channel / filters * width, end = ((channel + channels - 1) / filters + 1) * width;
    const IntSegment s{channel, channels, begin / 4, (end + 3) / 4 - begin / 4, first};
    segments.push_back(s);
    first += (channels + 3) / 4 * s.planes * window * 16;
  }
  return segments;
}

/// Calls each(k, tap, j, weight) for every weight of a segment that stands for a channel it reads.
template <class Each>
void for_each_weight(const IntWeights& w, const IntSegment& s, const Each& each) {
  const int64_t kh = w.kernel_height(), kw = w.kernel_width(), width = w.shape[1], filters = w.shape[0] / w.groups;
  const int8_t* const values = w.values.data<int8_t>();
  for (int64_t k = s.channel; k < s.channel + s.channels; ++k)
    for (int64_t c = 0; c < width; ++c) {
      const int64_t channel = k / filters * width + c - s.plane * 4;
      for (int64_t i = 0; i < kh * kw; ++i)
        each(k, channel / 4 * kh * kw + i, channel % 4, values[(k * width + c) * kh * kw + i]);
    }
}

void pack_segment(IntWeights& w, const IntSegment& s) {
  const int64_t taps = w.taps(s);
  for_each_weight(w, s, [&](int64_t k, int64_t tap, int64_t j, int8_t v) {
    const int64_t in = k - s.channel;
    w.packed[static_cast<size_t>(s.first + ((in / 4 * taps + tap) * 4 + in % 4) * 4 + j)] = v;
  });
}

/// Smallest and largest sum that any input of 0 to `highest` can give.
struct Reach {
  int64_t highest, least = 0, most = 0;
  void add(int64_t weight) { (weight < 0 ? least : most) += highest * weight; }
  bool fits(int64_t bias = 0) const {
    return bias >= kLeast && bias <= kMost && least + bias >= kLeast && most + bias <= kMost;
  }
};

/// The whole depth in one part if every sum fits, bias included; else parts of whole taps that do without a bias.
void prove(IntWeights& w) {
  bool whole = true;
  int64_t longest = 0;
  for (const IntSegment& s : w.segments) {
    std::vector<Reach> reach(static_cast<size_t>(s.channels), Reach{w.highest});
    for_each_weight(w, s,
                    [&](int64_t k, int64_t, int64_t, int8_t v) { reach[static_cast<size_t>(k - s.channel)].add(v); });
    for (int64_t k = 0; k < s.channels; ++k)
      whole = whole && reach[static_cast<size_t>(k)].fits(w.wide_bias[static_cast<size_t>(s.channel + k)]);
    longest = std::max(longest, w.taps(s));
  }
  if (whole) {
    for (size_t k = 0; k < w.bias.size(); ++k) w.bias[k] = static_cast<int32_t>(w.wide_bias[k]);
    return;
  }
  constexpr int64_t kSafe = kMost / (4 * 255 * 128);  // taps of 4 products of at most 255 x 128
  for (int64_t end = std::min(kSafe, longest);; end = std::min(end + kSafe, longest)) {
    w.parts.push_back(end);
    if (end == longest) break;
  }
}

void check(const Tensor& w, const Tensor& bias, int32_t zero_point, int64_t groups, int32_t highest) {
  if (w.dtype() != DType::s8 || w.is_lanes()) throw TypeError("pack_int_weights: wants plain s8, here is " + text(w));
  if (w.shape().rank() != 4 && w.shape().rank() != 2)
    throw ShapeError("pack_int_weights: wants [k, c, kh, kw] or [rows, cols], here is " + text(w));
  if (w.numel() == 0) throw ShapeError("pack_int_weights: " + text(w) + " holds no weight");
  if (groups < 1 || w.shape()[0] % groups != 0 || (groups > 1 && w.shape().rank() == 2))
    throw ShapeError("pack_int_weights: " + text(w) + " does not divide into " + std::to_string(groups) + " groups");
  if (bias.defined() && (bias.dtype() != DType::s32 || !(bias.shape() == Shape{w.shape()[0]})))
    throw ShapeError("pack_int_weights: bias " + text(bias) + " does not fit " + text(w) + "; it is s32, one a row");
  if (highest < 1 || highest > 255)
    throw ArgumentError("pack_int_weights: the highest input " + std::to_string(highest) + " lies outside [1, 255]");
  if (zero_point < 0 || zero_point > highest)
    throw ArgumentError("pack_int_weights: the zero point " + std::to_string(zero_point) + " lies outside [0, " +
                        std::to_string(highest) + "]");
}

/// All but the weights' order for the kernels.
IntWeights unordered(const Tensor& w, const Tensor& bias, int32_t zero_point, int64_t groups, int32_t highest) {
  check(w, bias, zero_point, groups, highest);
  IntWeights p;
  p.shape = w.shape();
  p.groups = groups;
  p.zero_point = zero_point;
  p.highest = highest;
  p.values = w.contiguous();
  const int64_t rows = w.shape()[0], depth = w.numel() / rows;
  p.segments = segments_of(rows, w.shape()[1] * groups, groups, p.kernel_height() * p.kernel_width());
  const size_t padded = static_cast<size_t>((rows + 3) / 4 * 4);
  p.bias.assign(padded, 0);
  p.wide_bias.assign(padded, 0);
  const Tensor plain = bias.defined() ? bias.contiguous() : bias;
  for (int64_t k = 0; k < rows; ++k) {
    int64_t sum = 0;
    for (int64_t i = 0; i < depth; ++i) sum += p.values.data<int8_t>()[k * depth + i];
    p.wide_bias[static_cast<size_t>(k)] = (bias.defined() ? plain.data<int32_t>()[k] : 0) - zero_point * sum;
  }
  prove(p);
  return p;
}

IntBlocks blocks_of(const IntWeights& w) {
  IntBlocks blocks{.start = {0}, .tap = {}, .weight = {}};
  for (const IntSegment& s : w.segments) {
    const int64_t taps = w.taps(s);
    std::vector<int8_t> rows(static_cast<size_t>(s.channels * taps * 4), 0);
    for_each_weight(w, s, [&](int64_t k, int64_t tap, int64_t j, int8_t v) {
      rows[static_cast<size_t>(((k - s.channel) * taps + tap) * 4 + j)] = v;
    });
    for (int64_t k = 0; k < s.channels; ++k) {
      for (int64_t t = 0; t < taps; ++t) {
        int32_t word = 0;
        std::memcpy(&word, rows.data() + (k * taps + t) * 4, 4);
        if (word == 0) continue;
        blocks.tap.push_back(static_cast<int32_t>(t));
        blocks.weight.push_back(word);
      }
      blocks.start.push_back(static_cast<int64_t>(blocks.tap.size()));
    }
  }
  blocks.start.resize(w.bias.size() + 1, static_cast<int64_t>(blocks.tap.size()));
  return blocks;
}

/// Weights of -1 and 1 in one group under an input of one bit, whose doubled sums fit 32 bits: what conv2d_s8_bits
/// takes.
bool are_signs(const IntWeights& w) {
  if (w.shape.rank() != 4 || w.groups != 1 || w.highest != 1 || !w.parts.empty()) return false;
  const int8_t* const values = w.values.data<int8_t>();
  const bool all = std::all_of(values, values + w.values.numel(), [](int8_t v) { return v == 1 || v == -1; });
  const int64_t room = kMost / 2 - w.values.numel() / w.shape[0] - 1;
  return all && std::all_of(w.bias.begin(), w.bias.end(), [&](int64_t b) { return b <= room && b >= -room; });
}

}  // namespace

IntWeights pack_int_weights(const Tensor& w, const Tensor& bias, int32_t zero_point, int64_t groups, int32_t highest) {
  IntWeights p = unordered(w, bias, zero_point, groups, highest);
  const IntSegment& last = p.segments.back();
  p.packed.assign(static_cast<size_t>(last.first + (last.channels + 3) / 4 * p.taps(last) * 16), 0);
  for (const IntSegment& s : p.segments) pack_segment(p, s);
  if (are_signs(p)) p.signs = pack_binary_weights(p.values);
  return p;
}

IntWeights pack_sparse_int_weights(const Tensor& w, const Tensor& bias, int32_t zero_point, int64_t groups) {
  IntWeights p = unordered(w, bias, zero_point, groups, 255);
  if (!p.parts.empty())
    throw ArgumentError("pack_sparse_int_weights: a sum of " + text(w) + " may leave 32 bits; pack it dense");
  p.blocks = blocks_of(p);
  return p;
}

double kept_blocks(const IntWeights& w) {
  int64_t all = 0;
  for (const IntSegment& s : w.segments) all += s.channels * w.taps(s);
  return static_cast<double>(blocks_of(w).tap.size()) / static_cast<double>(all);
}

void skip_zero_blocks(IntWeights& w, bool in_tiles) {
  if (!w.parts.empty()) return;
  w.blocks = blocks_of(w);
  w.dense_in_tiles = !in_tiles;
}

}  // namespace pith::ops
