// IntegerNetwork: a network that runs on integers from its first layer to its logits: u8 activations chained from layer
// to layer through the exact integer kernels (tensor/ops/conv2d_s8.h), never back to real numbers in between.
//
// Its integers are a function of input and IntegerSpec alone: equal to the bit on every instruction set and for any
// number of threads, and at every batch size unless its ranges are dynamic.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "nn/graph.h"
#include "nn/module.h"
#include "nn/training_method.h"
#include "tensor/ops/conv2d_s8.h"

namespace pith::nn {

/// How the integers of a value stand for real numbers: real = scale (q - zero_point), q in [0, 2^bits - 1]. Signed
/// activations of b bits are these plus 2^(b - 1).
struct ValueQuant {
  float scale = 1;
  int32_t zero_point = 0;
  int bits = 8;  ///< 1 to 8
  int32_t highest() const { return (1 << bits) - 1; }
  friend bool operator==(const ValueQuant&, const ValueQuant&) = default;
};

/// A layer of nn/graph.h with its weights as integers: weight[k] = weight_scale[k] * weights[k].
struct IntegerLayer {
  GraphLayer shape;                 ///< kind, wiring, geometry; real weights where they are still there
  int bits = 8;                     ///< of the weights: 1 to 8
  Tensor weights;                   ///< s8, plain, [k, c / groups, kh, kw] or [out, in]
  std::vector<float> weight_scale;  ///< [k]
  /// s32 [k], in units of (scale of x) (scale of w[k]). Of a network with dynamic ranges: undefined, and `real_bias` is
  /// what is added.
  Tensor bias;
  std::vector<float> real_bias;  ///< [k], dynamic ranges only
  // How training goes on, where real weights are still there.
  WeightTraining weight_training = WeightTraining::lsq;
  ValueTraining value_training = ValueTraining::lsq;  ///< of the value that this layer puts out
  int accumulator = 0;                                ///< bits that its sums are held to; 0: no such limit
  NormTraining norm_training = NormTraining::folded;  ///< of a convolution
};

struct IntegerSpec {
  std::string model;  ///< its name, for messages and `pith eval`
  Shape input;        ///< of one image: [c, h, w]
  /// The range of every value behind the input is measured in every batch (dynamic quantization); of these `values`
  /// then say the bits alone.
  bool is_dynamic = false;
  std::vector<ValueQuant> values;  ///< as graph values: 0 is the input; the last one, the logits, stays real
  std::vector<IntegerLayer> layers;
};

/// (scale of x) (scale of w) / (scale of y), rounded once: what a sum is multiplied with. Every user of a spec calls
/// this, so that all multiply with the same bits.
float requantization(float x_scale, float w_scale, float y_scale);

/// The quantisation of a value whose range was measured (dynamic ranges).
ValueQuant measured(const ops::Range& range, int bits);

/// Looks at the integers of value `value`; of the last one, the logits, at real numbers (f32).
using IntegerProbe = std::function<void(int64_t value, const ops::QuantizedTensor& q)>;

/// Up to which share of the blocks of 1 x 4 that are not all zero (ops::kept_blocks) a layer multiplies these alone;
/// the integers are the same. 0: never; 1: always. Defaults from the bench's pruned_int8_network on AVX-512, at 1:
/// ResNet-20 loses 3 to 4 % at 0.59 and gains a third at 0.34; one image, whose tiles have few outputs to share a
/// block, loses an eighth and gains a sixth. 80 % of single weights pruned leave 0.59 of the blocks, 95 % leave 0.19.
struct BlockCrossover {
  double images = 0.55;
  double tiles = 0.4;  ///< at most `images`
};

class IntegerNetwork : public Module {
 public:
  /// Checks the spec: wiring, shapes, ranges of integers, and that no 32-bit sum can overflow (int_weights.h cuts what
  /// could). Throws ArgumentError, ShapeError or TypeError.
  explicit IntegerNetwork(IntegerSpec spec, const BlockCrossover& crossover = {});
  std::string_view type() const override { return "IntegerNetwork"; }

  const IntegerSpec& spec() const { return spec_; }
  /// Images f32 [n, c, h, w] -> logits f32 [n, classes]. Fewer than 16 images run as tiles where they divide.
  Tensor run(const Tensor& images, const IntegerProbe& probe = nullptr, const KernelTable& table = kernels()) const;
  /// As the kernels read the weights of layer i: bounds and proofs for reports.
  const ops::IntWeights& packed(size_t layer) const { return packed_[layer]; }

 protected:
  Variable forward(const Variable& x) override { return Variable(run(x.value())); }

 private:
  ops::QuantizedTensor run_layer(size_t i, const std::vector<ops::QuantizedTensor>& values,
                                 const KernelTable& table) const;
  ops::QuantizedTensor run_product(size_t i, const std::vector<ops::QuantizedTensor>& values,
                                   const KernelTable& table) const;
  ops::QuantizedTensor run_dynamic(size_t i, const std::vector<ops::QuantizedTensor>& values,
                                   const KernelTable& table) const;
  ops::QuantizedTensor run_mean_pool(size_t i, const ops::QuantizedTensor& x, const KernelTable& table) const;
  ops::QuantizedTensor run_requantize(size_t i, const ops::QuantizedTensor& x, const KernelTable& table) const;

  IntegerSpec spec_;
  std::vector<ops::IntWeights> packed_;  ///< one a layer; empty shape where a layer has none
  std::vector<size_t> last_reader_;      ///< of each value that is read: a layer
};

}  // namespace pith::nn
