// Every differentiable operation once: how to call it on random inputs, and one large example. From each row the tests
// buy a gradient check, agreement of f32 with f64 in either order of memory and on every instruction set, agreement
// with PyTorch, a refusal of wrong shapes, a look at memory, equal bits on any number of threads; bench/ops_bench buys
// a line. A new operation becomes one row here and gets all of it.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "autograd/gradcheck.h"
#include "tensor/random.h"

namespace pith {

/// One call of an operation.
struct Example {
  std::vector<Tensor> inputs;                             ///< f64, plain; differentiable, away from kinks
  DifferentiableFunction call;                            ///< takes the inputs as f64, or as f32 in either order
  std::vector<size_t> image_like;                         ///< inputs that may come in lane order
  std::map<std::string, std::vector<double>> attributes;  ///< what else the call depends on, by PyTorch's names
  int wrong_input = -1, wrong_axis = 0;  ///< this extent one larger must be refused; -1: every shape is right
};

/// Random sizes and values for one example.
class Draw {
 public:
  /// Batches are 1 .. max_batch.
  Draw(uint64_t seed, uint64_t item, int64_t max_batch)
      : random_({.seed = seed, .purpose = Purpose::test, .item = item}), max_batch_(max_batch) {}

  int64_t between(int64_t low, int64_t high) { return low + random_.below(high - low + 1); }
  int64_t batch() { return between(1, max_batch_); }
  bool coin() { return random_.below(2) == 1; }
  double uniform(double low, double high) { return random_.uniform(low, high); }
  /// [n, c, h, w] of small extents.
  Shape image();
  /// One to four small axes; images for half of the draws.
  Shape any_shape();
  Tensor normal(const Shape& shape);
  /// Normal, but every element at least `gap` away from 0: for functions with a kink there.
  Tensor off_zero(const Shape& shape, double gap = 0.05);
  /// In [low, high].
  Tensor within(const Shape& shape, double low, double high);
  /// A random order of numbers 0.1 apart: for maxima without ties.
  Tensor distinct(const Shape& shape);
  /// s32 in [0, below).
  Tensor labels(int64_t count, int64_t below);

 private:
  Random random_;
  int64_t max_batch_;
};

struct CatalogRow {
  std::string name;
  Example (*random)(Draw& draw);
  Example (*large)(Draw& draw);  ///< of the size of a layer of a network
};

/// All rows, in a fixed order.
std::span<const CatalogRow> catalog();

}  // namespace pith
