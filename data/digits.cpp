#include "data/digits.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <utility>

#include "data/memory_dataset.h"
#include "tensor/error.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace pith::data {
namespace {

constexpr int64_t kSide = 28, kArea = kSide * kSide;

struct Point {
  double x, y;
};
using Stroke = std::vector<Point>;

/// The arc of an ellipse from angle `from` to `to`, in quarter turns; 0 points right, 1 down.
Stroke arc(Point centre, Point radius, double from, double to) {
  Stroke s;
  const int steps = static_cast<int>(std::ceil(std::abs(to - from) * 4));
  for (int i = 0; i <= steps; ++i) {
    const double a = (from + (to - from) * i / steps) * std::numbers::pi / 2;
    s.push_back({centre.x + radius.x * std::cos(a), centre.y + radius.y * std::sin(a)});
  }
  return s;
}

Stroke join(Stroke a, const Stroke& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// The strokes of a digit in a box of width and height 1 around the origin, y downwards.
std::vector<Stroke> strokes_of(int64_t digit) {
  switch (digit) {
    case 0:
      return {arc({0, 0}, {0.3, 0.48}, -1, 3)};
    case 1:
      return {{{-0.15, -0.3}, {0.05, -0.48}, {0.05, 0.48}}};
    case 2:
      return {join(arc({0, -0.2}, {0.28, 0.28}, -2, 0.5), {{-0.3, 0.48}, {0.32, 0.48}})};
    case 3:
      return {arc({-0.03, -0.24}, {0.27, 0.24}, -1.9, 1), arc({-0.03, 0.24}, {0.3, 0.25}, -1, 1.9)};
    case 4:
      return {{{0.12, 0.48}, {0.12, -0.48}, {-0.32, 0.15}, {0.34, 0.15}}};
    case 5:
      return {join({{0.27, -0.48}, {-0.23, -0.48}, {-0.25, -0.05}}, arc({-0.02, 0.18}, {0.3, 0.29}, -1.3, 1.8))};
    case 6:
      return {join({{0.2, -0.46}, {-0.1, -0.25}}, arc({0, 0.2}, {0.28, 0.28}, -2.3, 2))};
    case 7:
      return {{{-0.3, -0.46}, {0.3, -0.46}, {-0.05, 0.48}}};
    case 8:
      return {arc({0, -0.25}, {0.22, 0.23}, 1, 5), arc({0, 0.24}, {0.28, 0.25}, -1, 3)};
    default:
      return {join(arc({0, -0.2}, {0.27, 0.27}, 0, -4), {{0.24, 0.1}, {0.1, 0.48}})};
  }
}

/// x, y in the box -> pixels.
struct Affine {
  double xx, xy, yx, yy, x0, y0;
  Point operator()(Point p) const { return {xx * p.x + xy * p.y + x0, yx * p.x + yy * p.y + y0}; }
};

Affine draw_affine(Random& r) {
  const double angle = r.uniform(-0.35, 0.35), shear = r.uniform(-0.3, 0.3);
  const double width = r.uniform(13, 22), height = r.uniform(15, 22);
  const double c = std::cos(angle), s = std::sin(angle), middle = (kSide - 1) / 2.0;
  return {c * width,
          (c * shear - s) * height,
          s * width,
          (s * shear + c) * height,
          middle + r.uniform(-3, 3),
          middle + r.uniform(-3, 3)};
}

double distance(Point p, Point a, Point b) {
  const double dx = b.x - a.x, dy = b.y - a.y, length2 = dx * dx + dy * dy;
  const double t = length2 > 0 ? std::clamp(((p.x - a.x) * dx + (p.y - a.y) * dy) / length2, 0.0, 1.0) : 0;
  return std::hypot(p.x - a.x - t * dx, p.y - a.y - t * dy);
}

using Canvas = std::array<double, kArea>;

/// Lays ink of this strength along a stroke: full within half the width, fading over one pixel.
void lay(const Stroke& stroke, double width, double strength, Canvas& ink) {
  for (size_t i = 0; i + 1 < stroke.size(); ++i) {
    const Point a = stroke[i], b = stroke[i + 1];
    const double reach = width / 2 + 1;
    const auto range = [&](double u, double v) {
      return std::pair(std::max<int64_t>(0, static_cast<int64_t>(std::floor(std::min(u, v) - reach))),
                       std::min<int64_t>(kSide - 1, static_cast<int64_t>(std::ceil(std::max(u, v) + reach))));
    };
    const auto [top, bottom] = range(a.y, b.y);
    const auto [left, right] = range(a.x, b.x);
    for (int64_t y = top; y <= bottom; ++y)
      for (int64_t x = left; x <= right; ++x) {
        const double d = distance({static_cast<double>(x), static_cast<double>(y)}, a, b);
        double& at = ink[static_cast<size_t>(y * kSide + x)];
        at = std::max(at, strength * std::clamp(width / 2 + 0.5 - d, 0.0, 1.0));
      }
  }
}

void lay_digit(int64_t digit, Random& r, Canvas& ink) {
  const Affine map = draw_affine(r);
  const double width = r.uniform(1.2, 3.4), strength = r.uniform(0.55, 1), wobble = r.uniform(0, 0.035);
  for (Stroke stroke : strokes_of(digit)) {
    for (Point& p : stroke) {
      const double dx = wobble * r.normal();
      p = map({p.x + dx, p.y + wobble * r.normal()});
    }
    lay(stroke, width, strength, ink);
  }
}

/// Up to three short strays, anywhere.
void lay_strays(Random& r, Canvas& ink) {
  for (int64_t n = r.below(4); n > 0; --n) {
    const double x = r.uniform(0, kSide - 1), y = r.uniform(0, kSide - 1), angle = r.uniform(0, 2 * std::numbers::pi);
    const double length = r.uniform(1, 6), width = r.uniform(1, 2);
    const Point to{x + length * std::cos(angle), y + length * std::sin(angle)};
    lay({{x, y}, to}, width, r.uniform(0.3, 0.7), ink);
  }
}

/// Ink over a background that rises from one side to the other, with noise.
void develop(const Canvas& ink, Random& r, uint8_t* out) {
  const double level = r.uniform(0, 0.25), slope_x = r.uniform(-0.2, 0.2), slope_y = r.uniform(-0.2, 0.2);
  const double noise = r.uniform(0.02, 0.12);
  for (int64_t y = 0; y < kSide; ++y)
    for (int64_t x = 0; x < kSide; ++x) {
      const double u = static_cast<double>(x) / (kSide - 1) - 0.5, v = static_cast<double>(y) / (kSide - 1) - 0.5;
      const double paper = std::max(0.0, level + slope_x * u + slope_y * v),
                   i = ink[static_cast<size_t>(y * kSide + x)];
      const double value = paper + (1 - paper) * i + noise * r.normal();
      out[y * kSide + x] = static_cast<uint8_t>(std::lround(255 * std::clamp(value, 0.0, 1.0)));
    }
}

}  // namespace

std::shared_ptr<const Dataset> draw_digits(int64_t first, int64_t count, uint64_t seed) {
  if (first < 0 || count < 1)
    throw ArgumentError("digits: cannot draw " + std::to_string(count) + " pictures from number " +
                        std::to_string(first) + " on");
  std::vector<uint8_t> pixels(static_cast<size_t>(checked_mul(count, kArea)));
  std::vector<int32_t> labels(static_cast<size_t>(count));
  parallel_for(count, 64, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      Random r({.seed = seed, .purpose = Purpose::synthetic, .item = static_cast<uint64_t>(first + i)});
      const int64_t digit = (first + i) % 10;
      Canvas ink{};
      lay_digit(digit, r, ink);
      lay_strays(r, ink);
      develop(ink, r, pixels.data() + i * kArea);
      labels[static_cast<size_t>(i)] = static_cast<int32_t>(digit);
    }
  });
  std::vector<std::string> classes;
  for (int digit = 0; digit < 10; ++digit) classes.push_back(std::to_string(digit));
  return std::make_shared<MemoryDataset>(Shape{1, kSide, kSide}, std::move(pixels), std::move(labels),
                                         std::move(classes), "digits");
}

DataSource digits() {
  return {draw_digits(0, 10000, 0), draw_digits(10000, 2000, 0), describe_data("digits").normalization, "digits"};
}

}  // namespace pith::data
