#include "compress/quantizers/weight_only.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "compress/selector.h"
#include "nn/module.h"
#include "nn/whole_weights.h"
#include "tensor/error.h"

namespace pith::compress {
namespace {

bool is_weight(const Section& s) {
  const bool is_real = s.dtype == "F32" || s.dtype == "F64" || s.dtype == "F16" || s.dtype == "BF16";
  return is_real && s.shape.rank() >= 2 && s.shape.numel() > 0;
}

/// Of a run and of a mask: what a file of weights alone leaves behind.
bool is_of_training(const Section& s) {
  return s.name.starts_with("optimizer.") || s.name.starts_with("schedule.") ||
         (s.dtype == "U8" && s.name.ends_with(".mask"));
}

int bits_for(const std::string& name, const WeightOnlyOptions& o) {
  for (const QuantOverride& v : o.overrides)
    if (v.bits_weights != 0 && Selector(v.layers).matches(name)) return v.bits_weights;
  return o.bits;
}

nn::WholeWeights whole(const Section& s, const WeightOnlyOptions& o) {
  const std::vector<float> w = s.tensor().to_vector<float>();
  const int64_t rows = s.shape[0], each = s.shape.numel() / rows;
  nn::WholeWeights q{.name = s.name,
                     .bits = bits_for(s.name, o),
                     .values = {},
                     .group = o.group == 0 ? each : std::min(o.group, each),
                     .scale = {}};
  std::vector<float> scales;
  std::vector<int32_t> values;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t at = 0; at < each; at += q.group) {
      const auto from = w.begin() + row * each + at;
      const std::vector<float> group(from, from + std::min(q.group, each - at));
      const QuantizedWeights found =
          quantize_weights(Tensor::from(group, Shape{1, std::ssize(group)}), q.bits, true, o.range);
      scales.push_back(found.scale[0]);
      const std::vector<int32_t> levels = found.values.to(DType::s32).to_vector<int32_t>();
      values.insert(values.end(), levels.begin(), levels.end());
    }
  const Tensor all = Tensor::from(values, s.shape);
  q.values = q.bits == 16 ? all : all.to(DType::s8);
  q.scale = Tensor::from(scales, Shape{rows, nn::groups_of_row(s.shape, q.group)});
  return q;
}

void check_bits(int bits) {
  if (bits < 1 || (bits > 8 && bits != 16))
    throw ArgumentError("quantize: " + std::to_string(bits) + " bits are not among 1 to 8 and 16");
}

void check(const Container& file, const WeightOnlyOptions& o) {
  check_bits(o.bits);
  if (nn::has_whole_weights(file)) throw ArgumentError("quantize: the weights of this file are whole numbers already");
  if (o.group < 0) throw ArgumentError("quantize: a group has 1 weight or more, not " + std::to_string(o.group));
  for (const QuantOverride& v : o.overrides) {
    if (v.bits_weights != 0) check_bits(v.bits_weights);
    const Selector selector(v.layers);
    if (std::none_of(file.sections.begin(), file.sections.end(),
                     [&](const Section& s) { return is_weight(s) && selector.matches(s.name); }))
      throw ArgumentError("quantize: the override \"" + v.layers + "\" names no weight of this file");
  }
}

/// The file without what is of training, each section as whole_of has it, or, where that says nothing, as it is.
template <class WholeOf>
WeightOnly packed(const Container& file, const WholeOf& whole_of) {
  WeightOnly result;
  result.file.metadata = file.metadata;
  for (const char* key : {"pith.optimizer", "pith.run", kChecksumKey}) result.file.metadata.erase(key);
  if (result.file.metadata.contains("pith.masks")) result.file.metadata["pith.masks"] = "{}";
  std::vector<nn::WholeWeights> all;
  for (const Section& s : file.sections) {
    if (is_of_training(s)) continue;
    std::optional<nn::WholeWeights> w = whole_of(s);
    if (!w) {
      result.file.sections.push_back(s);
      continue;
    }
    all.push_back(std::move(*w));
    ++result.tensors, result.weights += s.shape.numel();
  }
  if (all.empty()) throw ArgumentError("quantize: this file has no weights of two axes or more");
  nn::add_whole_weights(result.file, all);
  return result;
}

}  // namespace

WeightOnly weight_only(const Container& file, const WeightOnlyOptions& o) {
  check(file, o);
  return packed(file, [&](const Section& s) { return is_weight(s) ? std::optional(whole(s, o)) : std::nullopt; });
}

WeightOnly learned_weights(Container file, int bits) {
  std::map<std::string, Section> steps;
  std::erase_if(file.sections, [&](const Section& s) {
    const bool is_step = s.name.ends_with(nn::kStepSuffix) && !is_of_training(s);
    if (is_step) steps.emplace(s.name, s);
    return is_step;
  });
  return packed(file, [&](const Section& s) {
    const auto at = steps.find(s.name + nn::kStepSuffix);
    return at == steps.end() ? std::nullopt
                             : std::optional(nn::learned_weights(s.name, s.tensor(), at->second.tensor(), bits));
  });
}

}  // namespace pith::compress
