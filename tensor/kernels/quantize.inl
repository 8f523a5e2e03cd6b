// The one rule that turns sums into small integers, and real numbers into them and back (int_views.h, Requantize;
// ONNX's QuantizeLinear, QLinearConv and QLinearAdd). Every kernel that writes u8 ends here, so no two can differ.
//
// The order of operations is part of the rule: float(sum), times scale, plus the residual's term, each rounded to
// nearest; half to even; then the zero point; then the clamp. No fused multiply-add, so that all sets agree.

/// Above this every rounded value is clamped to 255 whatever the zero point; conversions to integer stay in range.
static constexpr float kHuge = 65536.0f;

/// What a block of four channels needs, in registers: the bytes that are written could alias anything in memory.
struct Quantizer {
  Vec scale[4];
  Vec residual_scale;
  Int residual_zero;
  ByteClamp clamp;  // adds the zero point and clamps, as bytes
  bool small;       // no product can leave 32 bits, so kHuge need not be asked for

  /// Of channels k to k + 3.
  static Quantizer of(const Requantize& q, int64_t k) {
    const float* const s = q.scale + k;
    Quantizer r = {{Vec::set(s[0]), Vec::set(s[1]), Vec::set(s[2]), Vec::set(s[3])},
                   Vec::set(q.residual_scale),
                   Int::set(q.residual_zero),
                   ByteClamp::make(q.zero_point, q.lowest, q.highest),
                   q.residual_scale < 1e6f};
    for (int i = 0; i < 4; ++i) r.small = r.small && s[i] <= 0.5f;
    return r;
  }
};

/// round(v) as an integer; what exceeds 16 bits may be any value of the same sign that does.
template <bool kSmall>
static inline Int nearest(Vec v) {
  return to_int(kSmall ? v : min(v, Vec::set(kHuge)));
}

/// Four sums of a lane (channels k .. k + 3), as floats, to its four bytes: a line of y.
template <bool kResidual, bool kSmall>
[[gnu::always_inline]] static inline void requantize(const Quantizer& q, Vec a, Vec b, Vec c, Vec d,
                                                     const uint8_t* residual, uint8_t* y) {
  a = a * q.scale[0], b = b * q.scale[1], c = c * q.scale[2], d = d * q.scale[3];
  if constexpr (kResidual) {
    const Int r = Int::load(residual);
    a = a + to_float(byte_of<0>(r) - q.residual_zero) * q.residual_scale;
    b = b + to_float(byte_of<1>(r) - q.residual_zero) * q.residual_scale;
    c = c + to_float(byte_of<2>(r) - q.residual_zero) * q.residual_scale;
    d = d + to_float(byte_of<3>(r) - q.residual_zero) * q.residual_scale;
  }
  join_bytes(nearest<kSmall>(a), nearest<kSmall>(b), nearest<kSmall>(c), nearest<kSmall>(d), q.clamp).store(y);
}

/// Sums that needed 64 bits: see WideSums.
static void requantize_wide(const WideSums& s) {
  const Quantizer q = Quantizer::of(s.to, 0);
  for (int64_t i = 0; i < s.lines; ++i)
    for (int part = 0; part < 16; part += Int::kWidth) {
      Vec sum[4];
      for (int k = 0; k < 4; ++k) {
        float lanes[Vec::kWidth];
        for (int l = 0; l < Vec::kWidth; ++l) lanes[l] = static_cast<float>(s.sums[k * s.plane + i * 16 + part + l]);
        sum[k] = Vec::load(lanes);
      }
      uint8_t* const y = static_cast<uint8_t*>(s.y) + i * 64 + part * 4;
      if (s.to.residual)
        requantize<true, false>(q, sum[0], sum[1], sum[2], sum[3],
                                s.to.residual + (i * s.to.residual_step * 16 + part) * 4, y);
      else
        requantize<false, false>(q, sum[0], sum[1], sum[2], sum[3], nullptr, y);
    }
}

/// Bytes of one quantisation to bytes of another: see RequantizeLines.
static void requantize_lines(const RequantizeLines& r) {
  const Quantizer q = Quantizer::of(r.to, 0);
  const Int zero = Int::set(r.x_zero);
  for (int64_t i = 0; i < r.lines * 64; i += Int::kWidth * 4) {
    const Int x = Int::load(r.x + i);
    requantize<false, false>(q, to_float(byte_of<0>(x) - zero), to_float(byte_of<1>(x) - zero),
                             to_float(byte_of<2>(x) - zero), to_float(byte_of<3>(x) - zero), nullptr, r.y + i);
  }
}

/// Real numbers of four channels to lines of bytes: clamp(round(x / scale) + zero point), see QuantizeLines. A true
/// division, as ONNX's QuantizeLinear has it. NaN becomes the highest.
static void quantize_lines(const QuantizeLines& c) {
  const ByteClamp clamp = ByteClamp::make(c.zero_point, 0, c.highest);
  const Vec scale = Vec::set(c.scale);
  for (int64_t i = 0; i < c.lines * 16; i += Int::kWidth) {
    Int v[4];
    for (int k = 0; k < 4; ++k) v[k] = nearest<false>(Vec::load(c.x[k] + i) / scale);
    join_bytes(v[0], v[1], v[2], v[3], clamp).store(c.y + i * 4);
  }
}

/// And back: y[k] = float(byte k - zero point) * scale.
static void dequantize_lines(const DequantizeLines& c) {
  const Vec scale = Vec::set(c.scale);
  const Int zero = Int::set(c.zero_point);
  for (int64_t i = 0; i < c.lines * 16; i += Int::kWidth) {
    const Int x = Int::load(c.x + i * 4);
    const Int v[4] = {byte_of<0>(x), byte_of<1>(x), byte_of<2>(x), byte_of<3>(x)};
    for (int k = 0; k < c.channels; ++k) (to_float(v[k] - zero) * scale).store(c.y[k] + i);
  }
}

static void range_of(const float* x, int64_t count, float* lowest_seen, float* highest_seen) {
  Vec low = Vec::set(*lowest_seen), high = Vec::set(*highest_seen);
  int64_t i = 0;
  for (; i + Vec::kWidth <= count; i += Vec::kWidth) {
    const Vec v = Vec::load(x + i);
    low = min(v, low);  // keeps its second argument where the first is NaN
    high = max(v, high);
  }
  *lowest_seen = lowest(low);
  *highest_seen = highest(high);
  for (; i < count; ++i) {
    if (x[i] < *lowest_seen) *lowest_seen = x[i];
    if (x[i] > *highest_seen) *highest_seen = x[i];
  }
}
