#include "nn/whole_weights.h"

#include <set>
#include <utility>

#include "autograd/ops/quantize.h"
#include "nn/module.h"
#include "nn/packed_weights.h"
#include "tensor/error.h"
#include "tensor/formats/quant_params.h"
#include "tensor/json_header.h"
#include "tensor/ops/weight_levels.h"
#include "tensor/refusal.h"

namespace pith::nn {
namespace {

constexpr const char* kKey = "pith.whole_weights";

[[noreturn]] void refuse(const std::string& path, const std::string& expected, const std::string& found) {
  throw FormatError(path + " (metadata " + kKey + "): expected " + expected + ", found " + found);
}

int64_t row_length(const Shape& shape) { return shape.numel() / shape[0]; }

Json facts_of(const WholeWeights& w) {
  Json facts = Json::object(), shape = Json::array();
  for (const int64_t extent : w.values.shape().extents()) shape.items.push_back(Json::of(extent));
  facts.add("bits", Json::of(w.bits));
  facts.add("group", Json::of(w.group));
  facts.add("shape", std::move(shape));
  if (w.learned) facts.add("learned", Json::of(int64_t{1}));
  return facts;
}

int64_t integer(const Json& facts, const char* key, int64_t highest, const std::string& path) {
  const Json* const v = facts.find(key);
  if (v == nullptr || v->kind != Json::Kind::integer || v->integer < 1 || v->integer > highest)
    refuse(path, "a number from 1 to " + std::to_string(highest) + " as \"" + key + "\"", "another value");
  return v->integer;
}

int bits_of(const Json& facts, const std::string& path) {
  const int64_t bits = integer(facts, "bits", 16, path);
  if (bits > 8 && bits != 16) refuse(path, "1 to 8 or 16 as \"bits\"", std::to_string(bits));
  return static_cast<int>(bits);
}

Shape shape_of(const Json& facts, const std::string& path) {
  const Json* const v = facts.find("shape");
  if (v == nullptr || v->kind != Json::Kind::array || v->items.size() < 2 || v->items.size() > 6)
    refuse(path, "2 to 6 extents as \"shape\"", "others");
  std::vector<int64_t> extents;
  int64_t count = 1;
  for (const Json& extent : v->items) {
    if (extent.kind != Json::Kind::integer || extent.integer < 1 || extent.integer > (1 << 24))
      refuse(path, "extents from 1 to 2^24", "another value");
    extents.push_back(extent.integer);
    count *= extent.integer;
    if (count > (int64_t{1} << 36)) refuse(path, "weights that fit memory", "more than 2^36");
  }
  return Shape(extents);
}

/// Bytes that weights of one bit would take are there: nothing is sized by what a hostile file merely says.
void check_bytes(const Container& file, const std::string& path, const std::string& name, const Shape& shape) {
  const Section *const weight = file.find(name + ".weight"), *const kept = file.find(name + ".kept");
  const size_t bytes = (weight == nullptr ? 0 : weight->bytes.size()) + (kept == nullptr ? 0 : kept->bytes.size());
  if (static_cast<int64_t>(bytes) < shape.numel() / 8)
    refuse(path, "weights " + text(shape) + " of " + printable(name), std::to_string(bytes) + " bytes");
}

/// The weights, and their steps where a network learned them.
void add_real_weights(Container& real, const Container& file, const std::string& path, const std::string& name,
                      const Json& facts) {
  if (facts.kind != Json::Kind::object) refuse(path, "an object for " + printable(name), "another value");
  const Shape shape = shape_of(facts, path);
  const int bits = bits_of(facts, path);
  const int64_t each = row_length(shape), group = integer(facts, "group", each, path);
  const int64_t groups = groups_of_row(shape, group);
  check_bytes(file, path, name, shape);
  Tensor w = weights_from(file, path, name, bits, shape).to(DType::f32);
  const Tensor scale = numbers_of(section_of(file, path, name + ".scale"), path, DType::f32, Shape{shape[0], groups});
  float* to = w.mutable_data<float>();
  for (int64_t row = 0; row < shape[0]; ++row)
    for (int64_t i = 0; i < each; ++i) *to++ *= scale.data<float>()[row * groups + i / group];
  real.sections.push_back(Section::of(name, w));
  if (facts.find("learned") == nullptr) return;
  if (integer(facts, "learned", 1, path) == 1 && groups != 1) refuse(path, "learned steps one a row", "several");
  real.sections.push_back(Section::of(name + kStepSuffix, scale.view({shape[0]})));
}

}  // namespace

int64_t groups_of_row(const Shape& shape, int64_t group) { return (row_length(shape) + group - 1) / group; }

WholeWeights learned_weights(const std::string& name, const Tensor& weight, const Tensor& step, int bits) {
  const Tensor used = positive_step(Variable(step), 1).value();
  const double highest = highest_level(bits);
  const Tensor levels = ops::weight_levels(weight, used, {.lowest = -highest, .highest = highest});
  return {.name = name,
          .bits = bits,
          .values = levels.to(DType::s8),
          .group = row_length(weight.shape()),
          .scale = used.view({weight.shape()[0], 1}),
          .learned = true};
}

void add_whole_weights(Container& file, const std::vector<WholeWeights>& all) {
  Json facts = Json::object();
  for (const WholeWeights& w : all) {
    facts.add(w.name, facts_of(w));
    file.sections.push_back(Section::of(w.name + ".scale", w.scale));
  }
  for (const WholeWeights& w : all) add_weights(file, w.name, w.values, w.bits);
  file.metadata[kKey] = text(facts);
}

bool has_whole_weights(const Container& file) { return file.metadata.contains(kKey); }

Container with_real_weights(const Container& file, const std::string& path) {
  const Json all = parse_json(file.metadata.at(kKey), path + " (metadata " + kKey + ")", 0);
  if (all.kind != Json::Kind::object) refuse(path, "an object", "another value");
  Container real;
  real.metadata = file.metadata;
  std::set<std::string> read;
  for (size_t i = 0; i < all.items.size(); ++i) {
    const std::string& name = all.keys[i];
    add_real_weights(real, file, path, name, all.items[i]);
    for (const char* part : {".weight", ".kept", ".scale"}) read.insert(name + part);
  }
  for (const Section& s : file.sections)
    if (!read.contains(s.name)) real.sections.push_back(s);
  return real;
}

}  // namespace pith::nn
