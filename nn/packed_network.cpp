#include "nn/packed_network.h"

#include <algorithm>
#include <cmath>

#include "nn/mask_section.h"
#include "nn/packed_weights.h"
#include "tensor/container.h"
#include "tensor/error.h"
#include "tensor/json_header.h"

namespace pith::nn {
namespace {

constexpr const char *kVersionKey = "pith.packed", *kNetworkKey = "pith.network", *kVersion = "1";

[[noreturn]] void refuse(const std::string& path, const std::string& expected, const std::string& found) {
  throw FormatError(path + ": expected " + expected + ", found " + found);
}

// The JSON of the wiring.

Json numbers(std::initializer_list<int64_t> values) {
  Json out = Json::array();
  for (const int64_t v : values) out.items.push_back(Json::of(v));
  return out;
}

Json extents_json(const Shape& s) {
  Json out = Json::array();
  for (const int64_t extent : s.extents()) out.items.push_back(Json::of(extent));
  return out;
}

void add_methods(Json& json, const IntegerLayer& layer) {
  if (layer.weight_training != WeightTraining::lsq)
    json.add("train_weights", Json::of(std::string(name(layer.weight_training))));
  if (layer.value_training != ValueTraining::lsq)
    json.add("train_activations", Json::of(std::string(name(layer.value_training))));
  if (layer.accumulator != 0) json.add("train_accumulator", Json::of(layer.accumulator));
  if (layer.norm_training != NormTraining::folded)
    json.add("train_norm", Json::of(std::string(name(layer.norm_training))));
}

Json layer_json(const IntegerLayer& layer, const ValueQuant& y, FloatWeights floats) {
  const GraphLayer& g = layer.shape;
  Json json = Json::object();
  json.add("name", Json::of(g.name));
  json.add("kind", Json::of(std::string(name(g.kind))));
  json.add("input", Json::of(g.input));
  if (g.residual >= 0) json.add("residual", Json::of(g.residual));
  if (g.relu) json.add("relu", Json::of(1));
  json.add("output", extents_json(g.output));
  if (g.kind == LayerKind::conv || g.kind == LayerKind::max_pool)
    json.add("window", numbers({g.window.stride[0], g.window.stride[1], g.window.padding[0], g.window.padding[1],
                                g.window.dilation[0], g.window.dilation[1], g.window.groups}));
  if (!g.has_weights() && g.kind != LayerKind::flatten) json.add("kernel", numbers({g.kernel[0], g.kernel[1]}));
  if (g.has_weights()) {
    json.add("bits", Json::of(layer.bits));
    json.add("weight", extents_json(layer.weights.shape()));
    if (g.mask && floats == FloatWeights::kept)
      json.add("mask", Json::of(std::string(pith::name(g.mask->granularity()))));
  }
  json.add("value_bits", Json::of(y.bits));
  if (floats == FloatWeights::kept) add_methods(json, layer);
  return json;
}

std::string network_json(const IntegerSpec& spec, FloatWeights floats) {
  Json json = Json::object();
  json.add("model", Json::of(spec.model));
  json.add("input", extents_json(spec.input));
  json.add("input_bits", Json::of(spec.values[0].bits));
  if (spec.is_dynamic) json.add("dynamic", Json::of(1));
  Json layers = Json::array();
  for (size_t i = 0; i < spec.layers.size(); ++i)
    layers.items.push_back(layer_json(spec.layers[i], spec.values[i + 1], floats));
  json.add("layers", std::move(layers));
  return text(json);
}

/// Reads members of one JSON object; every refusal names the file.
class Members {
 public:
  Members(const Json& json, const std::string& path) : json_(json), path_(path) {
    if (json.kind != Json::Kind::object) refuse(path, "an object in " + std::string(kNetworkKey), "another value");
  }
  const Json& any(const char* key) const {
    const Json* const v = json_.find(key);
    if (v == nullptr) refuse(path_, "\"" + std::string(key) + "\" in " + kNetworkKey, "none");
    return *v;
  }
  bool has(const char* key) const { return json_.find(key) != nullptr; }
  int64_t integer(const char* key, int64_t low, int64_t high) const { return integer(any(key), key, low, high); }
  std::string string(const char* key) const {
    const Json& v = any(key);
    if (v.kind != Json::Kind::string) refuse(path_, "a string as \"" + std::string(key) + "\"", "another value");
    return v.string;
  }
  std::vector<int64_t> integers(const char* key, size_t least, size_t most, int64_t low) const {
    const Json& v = any(key);
    if (v.kind != Json::Kind::array || v.items.size() < least || v.items.size() > most)
      refuse(path_, std::to_string(least) + " to " + std::to_string(most) + " numbers as \"" + key + "\"", "others");
    std::vector<int64_t> all;
    for (const Json& item : v.items) all.push_back(integer(item, key, low, 1 << 24));
    return all;
  }

 private:
  int64_t integer(const Json& v, const char* key, int64_t low, int64_t high) const {
    if (v.kind != Json::Kind::integer || v.integer < low || v.integer > high)
      refuse(path_, "a number from " + std::to_string(low) + " to " + std::to_string(high) + " as \"" + key + "\"",
             v.kind == Json::Kind::integer ? std::to_string(v.integer) : "another value");
    return v.integer;
  }
  const Json& json_;
  const std::string& path_;
};

LayerKind kind_from(const std::string& text, const std::string& path) {
  for (int i = 0; i <= static_cast<int>(LayerKind::requantize); ++i)
    if (text == name(static_cast<LayerKind>(i))) return static_cast<LayerKind>(i);
  refuse(path, "a kind of layer", "\"" + text + "\"");
}

void take_methods(IntegerLayer& layer, const Members& m, const std::string& path) try {
  if (m.has("train_weights")) layer.weight_training = weight_training(m.string("train_weights"));
  if (m.has("train_activations")) layer.value_training = value_training(m.string("train_activations"));
  if (m.has("train_accumulator")) layer.accumulator = static_cast<int>(m.integer("train_accumulator", 8, 24));
  if (m.has("train_norm")) layer.norm_training = norm_training(m.string("train_norm"));
} catch (const ArgumentError& e) {
  throw FormatError(path + ": " + e.what());
}

IntegerLayer layer_from(const Members& m, int64_t values, const std::string& path, Shape& weight) {
  IntegerLayer layer;
  GraphLayer& g = layer.shape;
  g.name = m.string("name");
  g.kind = kind_from(m.string("kind"), path);
  g.input = m.integer("input", 0, values - 1);
  if (m.has("residual")) g.residual = m.integer("residual", 0, values - 1);
  g.relu = m.has("relu");
  g.output = Shape(m.integers("output", 1, 3, 1));
  take_methods(layer, m, path);
  if (m.has("window")) {
    const auto w = m.integers("window", 7, 7, 0);
    g.window = {{w[0], w[1]}, {w[2], w[3]}, {w[4], w[5]}, w[6]};
  }
  if (m.has("kernel")) {
    const auto k = m.integers("kernel", 2, 2, 1);
    g.kernel = {k[0], k[1]};
  }
  if (g.has_weights()) {
    layer.bits = static_cast<int>(m.integer("bits", 1, 8));
    weight = Shape(m.integers("weight", 2, 4, 1));
  }
  return layer;
}

Tensor numbers_of(const Container& file, const std::string& path, const std::string& name, DType dtype, int64_t count) {
  return nn::numbers_of(section_of(file, path, name), path, dtype, Shape{count});
}

void take_weights(IntegerLayer& layer, const Container& file, const std::string& path, const Shape& shape,
                  bool dynamic) {
  const std::string& name = layer.shape.name;
  if (shape.numel() > (int64_t{1} << 40)) refuse(path, "weights that fit memory", text(shape));
  layer.weights = weights_from(file, path, name, layer.bits, shape);
  layer.weight_scale = numbers_of(file, path, name + ".scale", DType::f32, shape[0]).to_vector<float>();
  if (dynamic)
    layer.real_bias = numbers_of(file, path, name + ".bias", DType::f32, shape[0]).to_vector<float>();
  else
    layer.bias = numbers_of(file, path, name + ".bias", DType::s32, shape[0]);
}

void add_float_weights(Container& file, const IntegerLayer& layer) {
  const GraphLayer& g = layer.shape;
  if (!g.weight.defined() || !g.bias.defined())
    throw ArgumentError("packed network: layer " + g.name + " has no real weights to keep");
  file.sections.push_back(Section::of(g.name + ".float_weight", g.weight));
  file.sections.push_back(Section::of(g.name + ".float_bias", g.bias));
  if (layer.norm_training != NormTraining::batch || !g.norm_scale.defined()) return;
  file.sections.push_back(Section::of(g.name + ".norm_scale", g.norm_scale));
  file.sections.push_back(Section::of(g.name + ".norm_shift", g.norm_shift));
}

void add_mask(Container& file, const GraphLayer& g) {
  if (g.mask) file.sections.push_back(mask_section(g.name + ".mask", *g.mask));
}

void take_norm(GraphLayer& g, const Container& file, const std::string& path) {
  const std::string name = g.name + ".norm_scale";
  if (file.find(name) == nullptr) return;
  const int64_t rows = g.bias.numel();
  g.norm_scale = numbers_of(file, path, name, DType::f32, rows);
  g.norm_shift = numbers_of(file, path, g.name + ".norm_shift", DType::f32, rows);
  for (const float scale : g.norm_scale.to_vector<float>())
    if (!(scale >= 0) || std::isinf(scale)) refuse(path, "numbers from 0 on as " + name, std::to_string(scale));
}

void take_float_weights(IntegerLayer& layer, const Container& file, const std::string& path, const Members& m) {
  GraphLayer& g = layer.shape;
  const Section* const weight = file.find(g.name + ".float_weight");
  if (weight == nullptr) return;
  g.weight = weight->tensor();
  if (g.weight.dtype() != DType::f32 || !(g.weight.shape() == layer.weights.shape()))
    refuse(path, "f32 " + text(layer.weights.shape()) + " as " + weight->name, text(g.weight));
  g.bias = numbers_of(file, path, g.name + ".float_bias", DType::f32, g.weight.shape()[0]);
  take_norm(g, file, path);
  if (!m.has("mask")) return;
  const Granularity granularity = granularity_from(m.string("mask"), path);
  g.mask = mask_from(section_of(file, path, g.name + ".mask"), g.weight.shape(), granularity, path);
  if (!is_zero_where_pruned(*g.mask, g.weight)) refuse(path, "zeros where " + g.name + ".mask prunes", "others");
}

Container container_of(const IntegerSpec& spec, FloatWeights floats) {
  Container file;
  file.metadata = {{kVersionKey, kVersion}, {kNetworkKey, network_json(spec, floats)}};
  std::vector<float> scales;
  std::vector<int32_t> zeros;
  for (const ValueQuant& q : spec.values) scales.push_back(q.scale), zeros.push_back(q.zero_point);
  const Shape count{std::ssize(scales)};
  file.sections.push_back(Section::of("values.scale", Tensor::from(scales, count)));
  file.sections.push_back(Section::of("values.zero_point", Tensor::from(zeros, count)));
  for (const IntegerLayer& layer : spec.layers) {
    if (!layer.shape.has_weights()) continue;
    const std::string& name = layer.shape.name;
    const Shape rows{layer.weights.shape()[0]};
    file.sections.push_back(Section::of(name + ".scale", Tensor::from(layer.weight_scale, rows)));
    file.sections.push_back(
        Section::of(name + ".bias", spec.is_dynamic ? Tensor::from(layer.real_bias, rows) : layer.bias));
  }
  if (floats == FloatWeights::kept)
    for (const IntegerLayer& layer : spec.layers)
      if (layer.shape.has_weights()) add_float_weights(file, layer);
  for (const IntegerLayer& layer : spec.layers)
    if (layer.shape.has_weights()) add_weights(file, layer.shape.name, layer.weights, layer.bits);
  if (floats == FloatWeights::kept)
    for (const IntegerLayer& layer : spec.layers) add_mask(file, layer.shape);
  return file;
}

}  // namespace

void write_packed_network(const std::string& path, const IntegerSpec& spec, FloatWeights floats) {
  write_container(path, container_of(spec, floats));
}

int64_t packed_bytes(const IntegerSpec& spec, FloatWeights floats) {
  return static_cast<int64_t>(container_bytes(container_of(spec, floats)));
}

IntegerSpec read_packed_network(const std::string& path) {
  const Container file = read_container(path);
  const auto version = file.metadata.find(kVersionKey), network = file.metadata.find(kNetworkKey);
  if (version == file.metadata.end() || network == file.metadata.end())
    refuse(path, "a packed network", "another file");
  if (version->second != kVersion) refuse(path, "version 1 of a packed network", "\"" + version->second + "\"");
  const Json json = parse_json(network->second, path, 0);
  const Members all(json, path);
  IntegerSpec spec;
  spec.model = all.string("model");
  spec.input = Shape(all.integers("input", 3, 3, 1));
  spec.is_dynamic = all.has("dynamic");
  const Json& layers = all.any("layers");
  if (layers.kind != Json::Kind::array || layers.items.empty()) refuse(path, "layers", "none");
  const int64_t count = std::ssize(layers.items) + 1;
  const Tensor scales = numbers_of(file, path, "values.scale", DType::f32, count);
  const Tensor zeros = numbers_of(file, path, "values.zero_point", DType::s32, count);
  const auto add_value = [&](int64_t i, int64_t bits) {
    spec.values.push_back({scales.data<float>()[i], zeros.data<int32_t>()[i], static_cast<int>(bits)});
  };
  add_value(0, all.integer("input_bits", 1, 8));
  for (const Json& item : layers.items) {
    const Members m(item, path);
    const int64_t value = std::ssize(spec.values);
    Shape weight;
    spec.layers.push_back(layer_from(m, value, path, weight));
    add_value(value, m.integer("value_bits", 1, 8));
    if (!spec.layers.back().shape.has_weights()) continue;
    take_weights(spec.layers.back(), file, path, weight, spec.is_dynamic);
    take_float_weights(spec.layers.back(), file, path, m);
  }
  try {
    const IntegerNetwork checked(spec);
    check_training_methods(spec);
  } catch (const Error& e) {
    throw FormatError(path + ": " + e.what());
  }
  return spec;
}

bool is_packed_network(const std::string& path) try {
  return path.ends_with(".safetensors") && read_container(path).metadata.contains(kVersionKey);
} catch (const Error&) {
  return false;
}

}  // namespace pith::nn
