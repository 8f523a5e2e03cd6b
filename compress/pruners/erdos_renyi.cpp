#include "compress/pruners/erdos_renyi.h"

#include "tensor/error.h"

namespace pith::compress {
namespace {

double raw_density(const Shape& shape, Allocation allocation) {
  if ((shape.rank() != 2 && shape.rank() != 4) || shape.numel() == 0)
    throw ShapeError("density: wants weights [out, in] or [out, in, kh, kw], here is " + text(shape));
  if (allocation == Allocation::uniform) return 1;
  double sum = 0, product = 1;
  const int axes = allocation == Allocation::erdos_renyi ? 2 : shape.rank();
  for (int i = 0; i < axes; ++i) {
    sum += static_cast<double>(shape[i]);
    product *= static_cast<double>(shape[i]);
  }
  return sum / product;
}

}  // namespace

std::vector<double> allocate_density(std::span<const Shape> shapes, double density, Allocation allocation) {
  if (!(density > 0 && density <= 1))
    throw ArgumentError("density: " + std::to_string(density) + " is not above 0 and at most 1");
  std::vector<double> raw;
  std::vector<uint8_t> dense(shapes.size(), 0);
  for (const Shape& s : shapes) raw.push_back(raw_density(s, allocation));
  for (;;) {  // ends: every round makes one more layer dense
    double budget = 0, share = 0;
    for (size_t i = 0; i < shapes.size(); ++i) {
      const double n = static_cast<double>(shapes[i].numel());
      budget += density * n - (dense[i] != 0 ? n : 0);
      if (dense[i] == 0) share += raw[i] * n;
    }
    const double factor = share > 0 ? budget / share : 0;
    size_t most = shapes.size();
    for (size_t i = 0; i < shapes.size(); ++i)
      if (dense[i] == 0 && raw[i] * factor > 1 && (most == shapes.size() || raw[i] > raw[most])) most = i;
    if (most < shapes.size()) {
      dense[most] = 1;
      continue;
    }
    for (size_t i = 0; i < shapes.size(); ++i) raw[i] = dense[i] != 0 ? 1 : raw[i] * factor;
    return raw;
  }
}

}  // namespace pith::compress
