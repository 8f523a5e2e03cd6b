#include "tensor/random.h"

#include <Random123/philox.h>

#include <cmath>
#include <numbers>
#include <numeric>

#include "tensor/error.h"
#include "tensor/parallel.h"

namespace pith {
namespace {

using Philox = r123::Philox4x32;

/// Block `position` of the stream: the counter holds item, position and epoch, the key seed and purpose.
/// The seed's halves are mixed with the purpose, so equal counters of two purposes give other numbers.
/// Positions beyond 32 bits go on far from the epochs that runs count.
Philox::ctr_type philox(const RandomKey& k, uint64_t position) {
  const uint32_t purpose = (static_cast<uint32_t>(k.purpose) + 1) * 0x9E3779B9u;
  const uint32_t epoch = k.epoch + 0x85EBCA6Bu * static_cast<uint32_t>(position >> 32);
  const Philox::ctr_type counter = {
      {static_cast<uint32_t>(k.item), static_cast<uint32_t>(k.item >> 32), static_cast<uint32_t>(position), epoch}};
  const Philox::key_type key = {{static_cast<uint32_t>(k.seed) ^ purpose, static_cast<uint32_t>(k.seed >> 32)}};
  return Philox()(counter, key);
}

double to_unit(uint32_t high, uint32_t low) {
  return static_cast<double>((static_cast<uint64_t>(high) << 21) ^ (low >> 11)) * 0x1p-53;
}

double box_muller(double u, double v) { return std::sqrt(-2 * std::log1p(-u)) * std::cos(2 * std::numbers::pi * v); }

template <class T, class F>
void fill_each(Tensor& t, const RandomKey& key, const F& value) {
  T* const p = t.mutable_data<T>();
  parallel_for(t.numel(), 4096, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const auto r = philox(key, static_cast<uint64_t>(i));
      p[i] = static_cast<T>(value(r));
    }
  });
}

template <class F>
void fill(Tensor& t, const RandomKey& key, const F& value) {
  if (!t.is_contiguous()) throw TypeError("fill: wants a plain contiguous tensor, here is " + text(t));
  if (t.dtype() == DType::f32) {
    fill_each<float>(t, key, value);
  } else {
    fill_each<double>(t, key, value);
  }
}

}  // namespace

uint32_t Random::bits() {
  if (position_ % 4 == 0) {
    const auto r = philox(key_, position_ / 4);
    for (size_t i = 0; i < 4; ++i) block_[i] = r[i];
  }
  return block_[position_++ % 4];
}

double Random::uniform() {
  const uint32_t high = bits();
  return to_unit(high, bits());
}

double Random::normal() {
  const double u = uniform();
  return box_muller(u, uniform());
}

int64_t Random::below(int64_t n) {
  if (n < 1) throw ArgumentError("random: below(" + std::to_string(n) + ") has no value to give");
  const uint64_t range = static_cast<uint64_t>(n);
  const uint64_t limit = UINT64_MAX - UINT64_MAX % range;  // whole multiples of n: no value is likelier
  for (;;) {
    const uint64_t high = bits();
    const uint64_t r = high << 32 | bits();
    if (r < limit) return static_cast<int64_t>(r % range);
  }
}

std::vector<int64_t> permutation(int64_t n, const RandomKey& key) {
  if (n < 0) throw ArgumentError("permutation: of " + std::to_string(n) + " things");
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  Random random(key);
  for (int64_t i = n - 1; i > 0; --i)
    std::swap(order[static_cast<size_t>(i)], order[static_cast<size_t>(random.below(i + 1))]);
  return order;
}

void fill_uniform(Tensor& t, double low, double high, const RandomKey& key) {
  fill(t, key, [=](const auto& r) { return low + (high - low) * to_unit(r[0], r[1]); });
}

void fill_normal(Tensor& t, double mean, double deviation, const RandomKey& key) {
  fill(t, key, [=](const auto& r) { return mean + deviation * box_muller(to_unit(r[0], r[1]), to_unit(r[2], r[3])); });
}

}  // namespace pith
