// Random convolutions for tests.
#pragma once

#include <string>

#include "tensor/error.h"
#include "tensor/random.h"
#include "tensor/shape.h"

namespace pith::test {

/// One convolution to try.
struct Case {
  Shape x, w, y;
  Window window;
};

inline std::string text(const Case& c) {
  const auto pair = [](const std::array<int64_t, 2>& a) { return std::to_string(a[0]) + "," + std::to_string(a[1]); };
  return "x " + pith::text(c.x) + " w " + pith::text(c.w) + " stride " + pair(c.window.stride) + " padding " +
         pair(c.window.padding) + " dilation " + pair(c.window.dilation) + " groups " + std::to_string(c.window.groups);
}

/// A random small convolution that fits; every kind of it within a few dozen draws.
inline Case random_case(Random& random) {
  for (;;) {
    Case c;
    const auto pick = [&](int64_t low, int64_t high) { return low + random.below(high - low + 1); };
    Window& v = c.window;
    for (size_t a : {0u, 1u}) {
      v.stride[a] = pick(1, 3);
      v.padding[a] = pick(0, 4);
      v.dilation[a] = random.below(3) ? 1 : pick(1, 3);
    }
    if (random.below(2)) v.stride[1] = v.stride[0];
    const int64_t kind = random.below(4);  // 0, 1: dense; 2: groups; 3: depthwise
    v.groups = kind < 2 ? 1 : pick(1, 6);
    const int64_t channels = kind == 3 ? 1 : pick(1, 7), filters = kind == 3 ? pick(1, 2) : pick(1, 11);
    const int64_t n = random.below(4) ? pick(1, 17) : pick(1, 40);
    c.x = {n, channels * v.groups, pick(1, 13), pick(1, 13)};
    c.w = {filters * v.groups, channels, pick(1, 5), pick(1, 5)};
    try {
      c.y = conv2d_shape(c.x, c.w, v);
      return c;
    } catch (const ShapeError&) {
    }
  }
}

}  // namespace pith::test
