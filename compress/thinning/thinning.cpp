#include "compress/thinning/thinning.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "compress/thinning/channels.h"
#include "nn/layers/conv2d.h"
#include "nn/trace.h"
#include "tensor/error.h"

namespace pith::compress {
namespace {

/// Which channels go, by root.
class Decision {
 public:
  explicit Decision(const ChannelMap& map) : map_(map), goes_(static_cast<size_t>(map.count()), true) {
    for (int64_t id = 0; id < map.count(); ++id)
      if (map.is_locked(id)) keep(id);
    for (const Reader& r : map.readers()) keep_what_matters(r);
    for (const Reader& r : map.readers()) keep_carrier(r);
    for (const Binding& b : map.bindings())  // no layer without any channel
      if (std::all_of(b.ids.begin(), b.ids.end(), [&](int64_t id) { return goes(id); })) keep(b.ids.front());
  }

  bool goes(int64_t id) const { return goes_[static_cast<size_t>(map_.root(id))]; }
  /// Does input i take a constant other than 0 away with it?
  bool takes(const Reader& r, size_t i) const { return goes(r.inputs[i].id) && r.weighs[i] && r.inputs[i].value != 0; }
  /// The constant input that stays in r and stands for those that go: that of the largest magnitude.
  size_t carrier(const Reader& r) const {
    size_t best = r.inputs.size();
    for (size_t i = 0; i < r.inputs.size(); ++i)
      if (r.inputs[i].is_constant && !goes(r.inputs[i].id) &&
          (best == r.inputs.size() || std::abs(r.inputs[i].value) > std::abs(r.inputs[best].value)))
        best = i;
    return best;
  }

 private:
  void keep(int64_t id) { goes_[static_cast<size_t>(map_.root(id))] = false; }

  void keep_what_matters(const Reader& r) {
    const bool has_place = r.pads || r.has_bias || !r.norm_mean.empty();
    for (size_t i = 0; i < r.inputs.size(); ++i) {
      const Channel& c = r.inputs[i];
      if (r.weighs[i] && !(c.is_constant && (c.value == 0 || has_place))) keep(c.id);
    }
  }
  void keep_carrier(const Reader& r) {
    if (!r.pads) return;
    size_t largest = r.inputs.size();
    for (size_t i = 0; i < r.inputs.size(); ++i)
      if (takes(r, i) &&
          (largest == r.inputs.size() || std::abs(r.inputs[i].value) > std::abs(r.inputs[largest].value)))
        largest = i;
    if (largest == r.inputs.size()) return;
    const size_t there = carrier(r);
    const bool serves =
        there < r.inputs.size() && std::abs(r.inputs[there].value) * 4 >= std::abs(r.inputs[largest].value);
    if (!serves) keep(r.inputs[largest].id);
  }

  const ChannelMap& map_;
  std::vector<bool> goes_;
};

/// The places `kept` of an axis of t, plain.
Tensor select(const Tensor& t, const KeptPlaces& kept) {
  const Tensor from = t.contiguous();
  std::vector<int64_t> extents(from.shape().extents().begin(), from.shape().extents().end());
  const size_t axis = static_cast<size_t>(kept.axis);
  int64_t outer = 1, inner = size_of(from.dtype());
  for (size_t i = 0; i < axis; ++i) outer *= extents[i];
  for (size_t i = axis + 1; i < extents.size(); ++i) inner *= extents[i];
  const int64_t before = extents[axis];
  extents[axis] = std::ssize(kept.places);
  Tensor to = Tensor::empty(Shape(extents), from.dtype());
  const auto* in = static_cast<const std::byte*>(from.raw());
  auto* out = static_cast<std::byte*>(to.mutable_raw());
  for (int64_t o = 0; o < outer; ++o)
    for (const int64_t place : kept.places) {
      std::memcpy(out, in + (o * before + place) * inner, static_cast<size_t>(inner));
      out += inner;
    }
  return to;
}

Tensor select(Tensor t, const std::vector<KeptPlaces>& all) {
  for (const KeptPlaces& kept : all) t = select(t, kept);
  return t;
}

/// The model's tensors by name, and what they will be.
class Edit {
 public:
  explicit Edit(nn::Module& model) {
    model.visit_parameters([&](const std::string& name, nn::Parameter& p) { parameters_[name] = &p; });
    model.visit_buffers([&](const std::string& name, Tensor& b) { buffers_[name] = &b; });
  }

  bool has(const std::string& name) const { return parameters_.contains(name) || buffers_.contains(name); }
  bool is_quantized(const std::string& name) const {
    return parameters_.contains(name) && parameters_.at(name)->quant() != nullptr;
  }
  /// Its elements as they are now, to be changed: [out, in, ...] in row-major order.
  std::vector<double>& values(const std::string& name) {
    const auto found = values_.find(name);
    return found != values_.end() ? found->second
                                  : values_.emplace(name, current(name).to_vector<double>()).first->second;
  }
  size_t outputs(const std::string& name) const { return static_cast<size_t>(current(name).shape()[0]); }
  void write(const Thinning& thinning) {
    for (const auto& [name, values] : values_)
      if (!thinning.kept.contains(name)) write(name, {});
    for (const auto& [name, kept] : thinning.kept) write(name, kept);
  }

 private:
  const Tensor& current(const std::string& name) const {
    const auto p = parameters_.find(name);
    return p != parameters_.end() ? p->second->value() : *buffers_.at(name);
  }
  void write(const std::string& name, const std::vector<KeptPlaces>& kept) {
    Tensor value = current(name);
    if (const auto found = values_.find(name); found != values_.end())
      value = Tensor::from(found->second, value.shape()).to(value.dtype());
    if (const auto b = buffers_.find(name); b != buffers_.end()) {
      *b->second = select(value, kept);
      return;
    }
    nn::Parameter& p = *parameters_.at(name);
    std::shared_ptr<const Mask> mask = p.mask() ? shrunk(*p.mask(), value, kept) : nullptr;
    p.replace(select(value, kept), std::move(mask));
  }
  /// The mask of what is left; a weight that took over a constant where it was pruned is kept from now on.
  static std::shared_ptr<const Mask> shrunk(const Mask& mask, const Tensor& value,
                                            const std::vector<KeptPlaces>& kept) {
    std::vector<double> keep = mask.to_tensor().to_vector<double>(), values = value.to_vector<double>();
    for (size_t i = 0; i < keep.size(); ++i)
      if (values[i] != 0) keep[i] = 1;
    const Tensor left = select(Tensor::from(keep, mask.shape()).to(DType::u8), kept);
    Mask out = Mask::from(left, mask.granularity());
    return out.kept() == out.numel() ? nullptr : std::make_shared<const Mask>(std::move(out));
  }

  std::map<std::string, nn::Parameter*> parameters_;
  std::map<std::string, Tensor*> buffers_;
  std::map<std::string, std::vector<double>> values_;
};

/// Moves the constants that go into what stays: the carrier's weights, the bias, or the mean behind.
void fold_constants(const Reader& r, const Decision& decision, Edit& edit) {
  const size_t ins = r.inputs.size(), carrier = r.pads ? decision.carrier(r) : ins;
  for (size_t i = 0; i < ins; ++i) {
    if (!decision.takes(r, i)) continue;
    std::vector<double>& w = edit.values(r.name + ".weight");
    std::vector<double>* const shift = r.pads ? nullptr : &edit.values(r.has_bias ? r.name + ".bias" : r.norm_mean);
    const double sign = r.has_bias ? 1 : -1, value = r.inputs[i].value;
    const size_t outs = edit.outputs(r.name + ".weight"), each = w.size() / (outs * ins);
    for (size_t k = 0; k < outs; ++k)
      for (size_t t = 0; t < each; ++t) {
        const double weight = w[(k * ins + i) * each + t];
        if (shift != nullptr)
          (*shift)[k] += sign * value * weight;
        else
          w[(k * ins + carrier) * each + t] += value / r.inputs[carrier].value * weight;
      }
  }
}

Thinning plan(const ChannelMap& map, const Decision& decision) {
  Thinning thinning;
  for (const Binding& b : map.bindings()) {
    KeptPlaces kept{b.axis};
    for (size_t i = 0; i < b.ids.size(); ++i)
      if (!decision.goes(b.ids[i])) kept.places.push_back(static_cast<int64_t>(i));
    if (kept.places.size() == b.ids.size()) continue;
    if (!b.maker.empty()) thinning.layers.push_back({b.maker, std::ssize(b.ids), std::ssize(kept.places)});
    thinning.kept[b.tensor].push_back(std::move(kept));
  }
  return thinning;
}

void shrink_state(const Thinning& thinning, nn::Optimizer& optimizer) {
  optimizer.visit_state([&](const std::string& name, Tensor& state) {
    const auto owner = thinning.kept.find(name.substr(0, name.rfind('.')));
    if (owner != thinning.kept.end()) state = select(state, owner->second);
  });
}

}  // namespace

Thinning thin(nn::Module& model, const Shape& image, nn::Optimizer* optimizer) {
  const ChannelMap map(nn::trace(model, image));
  const Decision decision(map);
  const Thinning thinning = plan(map, decision);
  Edit edit(model);
  for (const auto& [name, kept] : thinning.kept) {
    if (!edit.has(name)) throw Error("thinning: " + name + " is shared with another layer");
    if (edit.is_quantized(name)) throw Error("thinning: " + name + " is quantised and keeps its shape");
  }
  for (const Reader& r : map.readers()) fold_constants(r, decision, edit);
  edit.write(thinning);
  if (optimizer != nullptr) shrink_state(thinning, *optimizer);
  nn::match_groups(model);
  return thinning;
}

}  // namespace pith::compress
