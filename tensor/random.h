// Random numbers without state: Philox4x32-10 (Salmon et al. 2011), a function of (seed, purpose, epoch, item,
// position). The same numbers come out at any thread count and after any resume, because nothing is carried along.
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/tensor.h"

namespace pith {

/// What a stream is for, so that two uses of one seed never share numbers. Written to no file; order is free.
enum class Purpose : uint32_t { init, shuffle, augment, dropout, synthetic, split, mask, quantize, test };

/// Names one stream of numbers.
struct RandomKey {
  uint64_t seed = 0;
  Purpose purpose = Purpose::test;
  uint32_t epoch = 0;
  uint64_t item = 0;  ///< sample, parameter or step
};

/// Reads one stream from its beginning. Cheap to make: make one per item rather than sharing one.
class Random {
 public:
  explicit Random(const RandomKey& key) : key_(key) {}
  uint32_t bits();
  /// In [0, 1), 53 bits.
  double uniform();
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// Mean 0, variance 1 (Box-Muller).
  double normal();
  /// In [0, n), without bias. n >= 1.
  int64_t below(int64_t n);

 private:
  RandomKey key_;
  uint32_t block_[4] = {};
  uint64_t position_ = 0;  ///< words given
};

/// 0 .. n-1 in random order (Fisher-Yates). Throws ArgumentError for n < 0.
std::vector<int64_t> permutation(int64_t n, const RandomKey& key);

/// Fills a plain contiguous f32 or f64 tensor, element i from position i: independent of thread count.
void fill_uniform(Tensor& t, double low, double high, const RandomKey& key);
void fill_normal(Tensor& t, double mean, double deviation, const RandomKey& key);

}  // namespace pith
