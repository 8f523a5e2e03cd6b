// The part of an exported C file that is the same for every network: the arithmetic of nn/integer_network.h in C99, a
// pixel at a time. Its only truth is the test that runs it beside the integer network and compares every bit.
#pragma once

#include <string_view>

namespace pith::apps {

/// Types and functions: quantize, convolve, dense, pool_max, pool_mean, requantize_all. They use sum_t, FILTERS,
/// filter_buffer, column_buffer and sum_buffer, which stand before them.
inline constexpr std::string_view kCRuntime = R"(
/* One layer. A filter begins at a whole byte: codes of `bits` bits, lowest first. */
typedef struct {
  const uint8_t *weights;
  const float *scale;          /* a filter's sum times this is in steps of the output */
  const int32_t *bias;         /* a filter's sum begins with it */
  int bits, filters, groups;
  int channels, height, width; /* of the input */
  int kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w;
  int out_h, out_w;
  int zero;                    /* the integer of the input that stands for 0 */
  int out_zero, lowest, highest;
  float residual_scale;
  int residual_zero;
} layer_t;

/* To the nearest integer, halves to the even one; beyond 65536, and for NaN, any that is clamped anyway. */
static inline int nearest(float v) {
  int whole;
  float rest;
  if (!(v < 65536.0f)) v = 65536.0f;
  if (v < -65536.0f) v = -65536.0f;
  whole = (int)v;
  rest = v - (float)whole;
  if (rest > 0.5f || (rest == 0.5f && (whole & 1))) ++whole;
  if (rest < -0.5f || (rest == -0.5f && (whole & 1))) --whole;
  return whole;
}

static inline uint8_t clamped(int q, int lowest, int highest) {
  return (uint8_t)(q < lowest ? lowest : q > highest ? highest : q);
}

/* volatile: each product is rounded for itself; no compiler may fuse it with the sum behind it. */
static inline float scaled(float value, float scale) {
  volatile float product = value * scale;
  return product;
}

static inline void quantize(const float *x, int count, float scale, int zero, int highest, uint8_t *y) {
  int i;
  for (i = 0; i < count; ++i) y[i] = clamped(nearest(x[i] / scale) + zero, 0, highest);
}

static inline void read_filter(const layer_t *l, int k, int count, int8_t *w) {
  const uint8_t *code = l->weights + (size_t)k * (size_t)((count * l->bits + 7) / 8);
  const int mask = (1 << l->bits) - 1, middle = (1 << (l->bits - 1)) - 1;
  unsigned held = 0;
  int have = 0, i;
  for (i = 0; i < count; ++i) {
    int q;
    if (have < l->bits) {
      held |= (unsigned)*code++ << have;
      have += 8;
    }
    q = (int)held & mask;
    held >>= l->bits;
    have -= l->bits;
    w[i] = (int8_t)(l->bits == 1 ? 2 * q - 1 : q - middle);
  }
}

/* Sums of filter k to the integers (y) or the real numbers (logits) of its plane. */
static inline void write_sums(const layer_t *l, int k, int count, const sum_t *sum, const uint8_t *residual, uint8_t *y,
                              float *logits) {
  int i;
  for (i = 0; i < count; ++i) {
    float v = scaled((float)sum[i], l->scale[k]);
    if (logits) {
      logits[i] = v;
      continue;
    }
    if (residual) v += scaled((float)(residual[i] - l->residual_zero), l->residual_scale);
    y[i] = clamped(nearest(v) + l->out_zero, l->lowest, l->highest);
  }
}

/* The first place whose reach, place * stride + offset, is not before 0, and the one behind the last before extent. */
static inline int first_inside(int offset, int stride) { return offset >= 0 ? 0 : (-offset + stride - 1) / stride; }
static inline int end_inside(int offset, int stride, int extent, int places) {
  const int end = offset >= extent ? 0 : (extent - 1 - offset) / stride + 1;
  return end < places ? end : places;
}

/* A step of 1 for itself, and restrict: what lets a compiler use its vectors. */
static inline void from_zero(const uint8_t *restrict x, int count, int step, int zero, int16_t *restrict to) {
  int i;
  if (step == 1)
    for (i = 0; i < count; ++i) to[i] = (int16_t)(x[i] - zero);
  else
    for (i = 0; i < count; ++i) to[i] = (int16_t)(x[i * step] - zero);
}

/* What tap b of the kernel's columns sees of a plane: out_w numbers for each of its rows, counted from zero, and 0 beyond
   the border. So the sums below run over whole planes in long rows. */
static inline void shift_columns(const layer_t *l, const uint8_t *x, int b) {
  const int offset = b * l->dilation_w - l->pad_w, stride = l->stride_w;
  const int first = first_inside(offset, stride), last = end_inside(offset, stride, l->width, l->out_w);
  int16_t *to = column_buffer;
  int r, c;
  for (r = 0; r < l->height; ++r, to += l->out_w, x += l->width) {
    for (c = 0; c < first && c < l->out_w; ++c) to[c] = 0;
    if (first < last) from_zero(x + first * stride + offset, last - first, stride, l->zero, to + first);
    for (c = last > first ? last : first; c < l->out_w; ++c) to[c] = 0;
  }
}

static inline void add_scaled(const int16_t *restrict x, int count, int w, sum_t *restrict sum) {
  int i;
  for (i = 0; i < count; ++i) sum[i] += w * x[i];
}

/* Adds one weight times its input to the sums of a plane; rows beyond the border are zero and add nothing. */
static inline void add_tap(const layer_t *l, int w, int offset, sum_t *sum) {
  const int last = end_inside(offset, l->stride_h, l->height, l->out_h);
  int r = first_inside(offset, l->stride_h);
  if (l->stride_h == 1 && r < last) {
    add_scaled(column_buffer + (r + offset) * l->out_w, (last - r) * l->out_w, w, sum + r * l->out_w);
    return;
  }
  for (; r < last; ++r)
    add_scaled(column_buffer + (r * l->stride_h + offset) * l->out_w, l->out_w, w, sum + r * l->out_w);
}

/* One input plane of `count` filters, whose weights lie `each` apart; only weights other than 0 cost time. */
static inline void add_plane(const layer_t *l, const uint8_t *x, const int8_t *w, int each, int count) {
  int a, b, j;
  for (b = 0; b < l->kernel_w; ++b) {
    int is_shifted = 0;
    for (j = 0; j < count; ++j)
      for (a = 0; a < l->kernel_h; ++a) {
        const int weight = w[j * each + a * l->kernel_w + b];
        if (weight == 0) continue;
        if (!is_shifted) shift_columns(l, x, b);
        is_shifted = 1;
        add_tap(l, weight, a * l->dilation_h - l->pad_h, sum_buffer + j * l->out_h * l->out_w);
      }
  }
}

/* Up to FILTERS filters of a group at a time. */
static inline void convolve(const layer_t *l, const uint8_t *x, const uint8_t *residual, uint8_t *y, float *logits) {
  const int plane = l->out_h * l->out_w, depth = l->channels / l->groups, group = l->filters / l->groups;
  const int area = l->kernel_h * l->kernel_w, each = depth * area;
  int k, c, i, j, count;
  for (k = 0; k < l->filters; k += count) {
    count = group - k % group < FILTERS ? group - k % group : FILTERS;
    for (j = 0; j < count; ++j) {
      read_filter(l, k + j, each, filter_buffer + j * each);
      for (i = 0; i < plane; ++i) sum_buffer[j * plane + i] = l->bias[k + j];
    }
    for (c = 0; c < depth; ++c)
      add_plane(l, x + (k / group * depth + c) * l->height * l->width, filter_buffer + c * area, each, count);
    for (j = 0; j < count; ++j) {
      const int at = (k + j) * plane;
      write_sums(l, k + j, plane, sum_buffer + j * plane, residual ? residual + at : 0, y ? y + at : 0,
                 logits ? logits + at : 0);
    }
  }
}

static inline void dense(const layer_t *l, const uint8_t *x, uint8_t *y, float *logits) {
  int k, c;
  for (k = 0; k < l->filters; ++k) {
    sum_t sum = l->bias[k];
    read_filter(l, k, l->channels, filter_buffer);
    for (c = 0; c < l->channels; ++c) sum += filter_buffer[c] * (x[c] - l->zero);
    write_sums(l, k, 1, &sum, 0, y ? y + k : 0, logits ? logits + k : 0);
  }
}

static inline void pool_max(const layer_t *l, const uint8_t *x, uint8_t *y) {
  int k, r, c, a, b;
  for (k = 0; k < l->channels; ++k, x += l->height * l->width)
    for (r = 0; r < l->out_h; ++r)
      for (c = 0; c < l->out_w; ++c) {
        uint8_t most = 0;
        for (a = 0; a < l->kernel_h; ++a)
          for (b = 0; b < l->kernel_w; ++b) {
            const int row = r * l->stride_h + a - l->pad_h, column = c * l->stride_w + b - l->pad_w;
            if (row < 0 || row >= l->height || column < 0 || column >= l->width) continue;
            if (x[row * l->width + column] > most) most = x[row * l->width + column];
          }
        *y++ = most;
      }
}

static inline void pool_mean(const layer_t *l, const uint8_t *x, uint8_t *y) {
  const int plane = l->height * l->width;
  int k, i;
  for (k = 0; k < l->channels; ++k, x += plane) {
    int32_t sum = 0;
    for (i = 0; i < plane; ++i) sum += x[i] - l->zero;
    y[k] = clamped(nearest(scaled((float)sum, l->residual_scale)) + l->out_zero, 0, l->highest);
  }
}

static inline void requantize_all(const layer_t *l, int count, const uint8_t *x, uint8_t *y) {
  int i;
  for (i = 0; i < count; ++i)
    y[i] = clamped(nearest(scaled((float)(x[i] - l->zero), l->residual_scale)) + l->out_zero, 0, l->highest);
}
)";

}  // namespace pith::apps
