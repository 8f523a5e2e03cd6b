#include "nn/training_method.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "nn/integer_network.h"
#include "tensor/error.h"

namespace pith::nn {
namespace {

constexpr std::array<std::string_view, 8> kWeightNames{"lsq",    "dorefa", "wrpn", "ternary",
                                                       "binary", "inq",    "ttq",  "abc"};
constexpr std::array<std::string_view, 4> kValueNames{"lsq", "pact", "ema", "fixed"};
constexpr std::array<std::string_view, 2> kNormNames{"folded", "batch"};

template <class Method, class Names>
Method by_name(const Names& names, const char* what, std::string_view name) {
  std::string all;
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return static_cast<Method>(i);
    all += std::string(i == 0 ? "" : i + 1 == names.size() ? " or " : ", ").append(names[i]);
  }
  throw ArgumentError(std::string("training of ") + what + " takes " + all + ", not \"" + std::string(name) + "\"");
}

}  // namespace

std::string_view name(WeightTraining method) { return kWeightNames[static_cast<size_t>(method)]; }
std::string_view name(ValueTraining method) { return kValueNames[static_cast<size_t>(method)]; }
std::string_view name(NormTraining method) { return kNormNames[static_cast<size_t>(method)]; }
WeightTraining weight_training(std::string_view name) { return by_name<WeightTraining>(kWeightNames, "weights", name); }
ValueTraining value_training(std::string_view name) { return by_name<ValueTraining>(kValueNames, "activations", name); }
NormTraining norm_training(std::string_view name) { return by_name<NormTraining>(kNormNames, "batch norm", name); }

void check_bits(WeightTraining method, int bits, const std::string& where) {
  const auto refuse = [&](const char* what) {
    throw ArgumentError("training of weights by " + std::string(name(method)) + " takes " + what + "; " + where +
                        " has " + std::to_string(bits));
  };
  if (method == WeightTraining::ternary && bits != 2) refuse("2 bits");
  if (method == WeightTraining::binary && bits != 1) refuse("1 bit");
  if ((method == WeightTraining::wrpn || method == WeightTraining::inq) && bits < 2) refuse("2 to 8 bits");
  if ((method == WeightTraining::ttq || method == WeightTraining::abc) && bits < 3) refuse("3 to 8 bits");
}

void check_accumulator(int accumulator, WeightTraining method, int bits, const std::string& where) {
  if (accumulator < 8 || accumulator > 24)
    throw ArgumentError("training takes accumulators of 8 to 24 bits, not " + std::to_string(accumulator));
  const bool shrinks =
      method == WeightTraining::lsq || method == WeightTraining::dorefa || method == WeightTraining::wrpn;
  if (!shrinks || bits < 2)
    throw ArgumentError("training holds sums of weights of 2 to 8 bits to an accumulator by lsq, dorefa or wrpn; " +
                        where + " has " + std::to_string(bits) + " by " + std::string(name(method)));
}

void check_training_methods(const IntegerSpec& spec) {
  for (const IntegerLayer& layer : spec.layers) {
    const bool has_weights = layer.shape.has_weights();
    if (has_weights) check_bits(layer.weight_training, layer.bits, "layer " + layer.shape.name);
    if (has_weights && layer.accumulator != 0)
      check_accumulator(layer.accumulator, layer.weight_training, layer.bits, "layer " + layer.shape.name);
    const bool is_usual = layer.weight_training == WeightTraining::lsq && layer.value_training == ValueTraining::lsq &&
                          layer.accumulator == 0;
    if (!is_usual && has_weights && !(layer.shape.weight.defined() && layer.shape.bias.defined()))
      throw ArgumentError("quantized training: layer " + layer.shape.name +
                          " names a method but holds integers alone; its real weights are needed");
    if (layer.norm_training == NormTraining::batch && (spec.is_dynamic || layer.shape.kind != LayerKind::conv))
      throw ArgumentError(
          "training with batch norm live: layer " + layer.shape.name + " is " +
          (spec.is_dynamic ? "of dynamic ranges, which know no steps before the sums" : "no convolution"));
    if (layer.norm_training == NormTraining::batch && layer.accumulator != 0)
      throw ArgumentError("training with batch norm live: the bias of layer " + layer.shape.name +
                          " is known after its sums, which are to fit an accumulator with it");
    if (layer.value_training != ValueTraining::lsq && spec.is_dynamic)
      throw ArgumentError("training of activations by " + std::string(name(layer.value_training)) +
                          " sets a range; dynamic quantization takes that of every batch");
  }
}

std::string training_methods(const IntegerSpec& spec) {
  std::vector<std::pair<std::string_view, int64_t>> weights;
  std::string values = spec.is_dynamic ? "by the range of every batch" : "";
  int accumulator = 0, held = 0;
  for (const IntegerLayer& layer : spec.layers) {
    if (values.empty() && layer.shape.has_weights()) values = name(layer.value_training);
    if (!layer.shape.has_weights()) continue;
    if (layer.accumulator != 0) accumulator = layer.accumulator, ++held;
    const auto is_it = [&](const auto& w) { return w.first == name(layer.weight_training); };
    const auto found = std::find_if(weights.begin(), weights.end(), is_it);
    if (found == weights.end())
      weights.emplace_back(name(layer.weight_training), 1);
    else
      ++found->second;
  }
  const bool has_norm = std::any_of(spec.layers.begin(), spec.layers.end(), [](const IntegerLayer& layer) {
    return layer.norm_training == NormTraining::batch;
  });
  std::string text = "weights ";
  for (size_t i = 0; i < weights.size(); ++i) {
    text += (i == 0 ? "" : " and ") + std::string(weights[i].first);
    if (weights.size() > 1) text += " (" + std::to_string(weights[i].second) + (i == 0 ? " layers)" : ")");
  }
  text += ", activations " + values + (has_norm ? ", batch norm live" : "");
  if (held > 0) text += ", sums of " + std::to_string(accumulator) + " bits (" + std::to_string(held) + " layers)";
  return text;
}

}  // namespace pith::nn
