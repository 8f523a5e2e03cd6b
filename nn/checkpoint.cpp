#include "nn/checkpoint.h"

#include <unordered_set>

#include "nn/load_plan.h"
#include "nn/mask_section.h"
#include "nn/run_state.h"
#include "nn/whole_weights.h"
#include "tensor/container.h"
#include "tensor/error.h"
#include "tensor/json_header.h"
#include "tensor/refusal.h"
#include "tensor/weights_file.h"

namespace pith::nn {
namespace {

constexpr const char* kVersion = "1";
constexpr const char *kVersionKey = "pith.checkpoint", *kMasksKey = "pith.masks", *kQuantKey = "pith.quant",
                     *kOptimizerKey = "pith.optimizer", *kRunKey = "pith.run", *kThinKey = "pith.thinned";
constexpr const char *kMaskSuffix = ".mask", *kScaleSuffix = ".quant.scale", *kZeroSuffix = ".quant.zero_point",
                     *kOptimizerPrefix = "optimizer.", *kSchedulePrefix = "schedule.";

[[noreturn]] void fail(const std::string& path, const std::string& expected, const std::string& found) {
  throw FormatError(path + ": expected " + expected + ", found " + found);
}

Json shape_json(const Shape& shape) {
  Json out = Json::array();
  for (const int64_t extent : shape.extents()) out.items.push_back(Json::of(extent));
  return out;
}

// Writing.

void add_model(Container& container, Module& model) {
  model.visit_parameters(
      [&](const std::string& name, Parameter& p) { container.sections.push_back(Section::of(name, p.value())); });
  model.visit_buffers([&](const std::string& name, Tensor& b) { container.sections.push_back(Section::of(name, b)); });
}

void add_optimizer(Container& container, Optimizer& optimizer) {
  Json facts = Json::object();
  facts.add("name", Json::of(optimizer.name()));
  facts.add("steps", Json::of(optimizer.steps()));
  container.metadata[kOptimizerKey] = text(facts);
  optimizer.visit_state([&](const std::string& name, Tensor& state) {
    container.sections.push_back(Section::of(kOptimizerPrefix + name, state));
  });
}

void add_schedule(Container& container, const RunState& run) {
  for (const auto& [name, state] : run.schedule)
    container.sections.push_back(Section::of(kSchedulePrefix + name, state));
}

void add_quant(Container& container, Module& model) {
  Json all = Json::object();
  model.visit_parameters([&](const std::string& name, Parameter& p) {
    if (!p.quant()) return;
    const QuantParams& q = *p.quant();
    Json facts = Json::object();
    facts.add("bits", Json::of(q.bits));
    facts.add("signed", Json::of(int64_t{q.is_signed}));
    all.add(name, std::move(facts));
    const auto count = [](const auto& values) { return Shape{static_cast<int64_t>(values.size())}; };
    container.sections.push_back(Section::of(name + kScaleSuffix, Tensor::from(q.scale, count(q.scale))));
    if (!q.zero_point.empty())
      container.sections.push_back(Section::of(name + kZeroSuffix, Tensor::from(q.zero_point, count(q.zero_point))));
  });
  container.metadata[kQuantKey] = text(all);
}

/// Last, because single bytes behind wider types keep those aligned.
void add_masks(Container& container, Module& model) {
  Json all = Json::object();
  model.visit_parameters([&](const std::string& name, Parameter& p) {
    if (!p.mask()) return;
    Json facts = Json::object();
    facts.add("shape", shape_json(p.mask()->shape()));
    facts.add("granularity", Json::of(std::string(pith::name(p.mask()->granularity()))));
    all.add(name, std::move(facts));
    container.sections.push_back(mask_section(name + kMaskSuffix, *p.mask()));
  });
  container.metadata[kMasksKey] = text(all);
}

bool is_thinned(Module& model) {
  bool thinned = false;
  model.visit_parameters([&](const std::string&, Parameter& p) { thinned = thinned || p.is_reshaped(); });
  return thinned;
}

// Reading.

/// Hands out sections and metadata, and knows at the end which section nobody asked for.
class CheckpointReader {
 public:
  CheckpointReader(const Container& container, const std::string& path) : container_(container), path_(path) {
    if (!has(kVersionKey)) fail(path, "a checkpoint of Pith", "a safetensors file without metadata 'pith.checkpoint'");
    if (metadata(kVersionKey) != kVersion)
      fail(path, std::string("checkpoint version ") + kVersion, printable(metadata(kVersionKey)));
    if (!has(kChecksumKey)) fail(path, "a checksum in metadata 'pith.xxh3'", "none");
    for (const Section& s : container.sections) left_.insert(s.name);
  }

  bool has(const char* key) const { return container_.metadata.contains(key); }
  const std::string& metadata(const char* key) const {
    if (!has(key)) fail(path_, std::string("metadata '") + key + "'", "none");
    return container_.metadata.at(key);
  }
  std::string place(const char* key) const { return path_ + " (metadata " + key + ")"; }
  Json json(const char* key) const { return parse_json(metadata(key), place(key), 0); }
  const Section* find(const std::string& name) {
    left_.erase(name);
    return container_.find(name);
  }
  const Section& get(const std::string& name) {
    const Section* section = find(name);
    if (section == nullptr) fail(path_, "a section " + printable(name), "none");
    return *section;
  }
  const Json& member(const Json& object, const char* key, Json::Kind kind, const char* place_key) const {
    const Json* value = object.find(key);
    if (value == nullptr || value->kind != kind) fail(place(place_key), std::string("a member '") + key + "'", "none");
    return *value;
  }
  /// The elements of a section of exactly this type.
  template <class T>
  std::vector<T> values(const Section& section) const {
    const Tensor t = section.tensor();
    if (t.dtype() != dtype_of<T>())
      fail(path_, std::string(name(dtype_of<T>())) + " in " + printable(section.name), section.dtype);
    return {t.data<T>(), t.data<T>() + t.numel()};
  }
  /// The sections under a prefix that nobody asked for: they are no surprise.
  void drop(std::string_view prefix) {
    std::erase_if(left_, [&](std::string_view s) { return s.starts_with(prefix); });
  }
  void check_nothing_is_left() const {
    for (const Section& s : container_.sections)
      if (left_.contains(s.name))
        fail(path_, "only sections that the model has", printable(s.name) + " " + text(s.shape));
  }
  const Container& container() const { return container_; }

 private:
  const Container& container_;
  const std::string& path_;
  std::unordered_set<std::string_view> left_;
};

void take_values(LoadPlan& plan, CheckpointReader& in) {
  for (const Section& s : in.container().sections)
    if (plan.wants(s.name)) plan.take(s.name, in.get(s.name), false);
  plan.check_complete();
}

void take_masks(LoadPlan& plan, CheckpointReader& in) {
  const Json all = in.json(kMasksKey);
  const std::string place = in.place(kMasksKey);
  for (size_t i = 0; i < all.items.size(); ++i) {
    std::vector<int64_t> extents;
    for (const Json& extent : in.member(all.items[i], "shape", Json::Kind::array, kMasksKey).items)
      extents.push_back(extent.integer);
    const std::string& granularity = in.member(all.items[i], "granularity", Json::Kind::string, kMasksKey).string;
    try {
      plan.take_mask(all.keys[i], mask_from(in.get(all.keys[i] + kMaskSuffix), Shape(extents),
                                            granularity_from(granularity, place), place));
    } catch (const ShapeError& error) {
      fail(place, "the shape of a mask", error.what());
    }
  }
}

void take_quant(LoadPlan& plan, CheckpointReader& in) {
  const Json all = in.json(kQuantKey);
  for (size_t i = 0; i < all.items.size(); ++i) {
    const int64_t bits = in.member(all.items[i], "bits", Json::Kind::integer, kQuantKey).integer;
    if (bits < 1 || bits > 16) fail(in.place(kQuantKey), "1 to 16 bits", std::to_string(bits));
    QuantParams q;
    q.bits = static_cast<int>(bits);
    q.is_signed = in.member(all.items[i], "signed", Json::Kind::integer, kQuantKey).integer != 0;
    q.scale = in.values<float>(in.get(all.keys[i] + kScaleSuffix));
    if (const Section* zero = in.find(all.keys[i] + kZeroSuffix); zero != nullptr)
      q.zero_point = in.values<int32_t>(*zero);
    plan.take_quant(all.keys[i], std::make_shared<const QuantParams>(std::move(q)));
  }
}

std::map<std::string, Tensor> take_schedule(CheckpointReader& in) {
  std::map<std::string, Tensor> out;
  for (const Section& s : in.container().sections)
    if (s.name.starts_with(kSchedulePrefix))
      out.emplace(s.name.substr(std::string_view(kSchedulePrefix).size()), s.tensor());
  in.drop(kSchedulePrefix);
  return out;
}

/// Returns the number of steps to set.
int64_t take_optimizer(LoadPlan& plan, CheckpointReader& in, Optimizer& optimizer) {
  const Json facts = in.json(kOptimizerKey);
  const std::string& name = in.member(facts, "name", Json::Kind::string, kOptimizerKey).string;
  if (name != optimizer.name())
    fail(in.place(kOptimizerKey), "the optimizer '" + optimizer.name() + "'", printable(name));
  optimizer.visit_state([&](const std::string& state_name, Tensor& state) {
    plan.take_state(kOptimizerPrefix + state_name, in.get(kOptimizerPrefix + state_name), state);
  });
  return in.member(facts, "steps", Json::Kind::integer, kOptimizerKey).integer;
}

RunState load(const Container& container, const std::string& path, Module& model, Optimizer* optimizer) {
  CheckpointReader in(container, path);
  LoadPlan plan(model, path, in.has(kThinKey) ? LoadPlan::Sizes::any : LoadPlan::Sizes::same);
  take_values(plan, in);
  take_masks(plan, in);
  take_quant(plan, in);
  int64_t steps = 0;
  if (optimizer != nullptr)
    steps = take_optimizer(plan, in, *optimizer);
  else
    in.drop(kOptimizerPrefix);
  std::map<std::string, Tensor> schedule = take_schedule(in);
  in.check_nothing_is_left();
  const bool wants_run = optimizer != nullptr || in.has(kRunKey);
  RunState run = wants_run ? run_state_from(in.metadata(kRunKey), in.place(kRunKey)) : RunState{};
  run.schedule = std::move(schedule);
  plan.apply(LoadPlan::Form::replace);
  if (optimizer != nullptr) optimizer->set_steps(steps);
  return run;
}

/// The model's name for a tensor of a file: without DataParallel's prefix.
std::string model_name(const LoadPlan& plan, const std::string& name) {
  constexpr std::string_view kPrefix = "module.";
  return !plan.wants(name) && name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : name;
}

bool is_batch_counter(std::string_view name) {
  return name == "num_batches_tracked" || name.ends_with(".num_batches_tracked");
}

}  // namespace

void save_checkpoint(const std::string& path, Module& model, Optimizer* optimizer, const RunState* run) {
  Container container;
  container.metadata[kVersionKey] = kVersion;
  if (is_thinned(model)) container.metadata[kThinKey] = "1";
  if (run != nullptr) container.metadata[kRunKey] = to_json(*run);
  add_model(container, model);
  if (optimizer != nullptr) add_optimizer(container, *optimizer);
  if (run != nullptr) add_schedule(container, *run);
  add_quant(container, model);
  add_masks(container, model);
  write_container(path, container);
}

RunState load_checkpoint(const std::string& path, Module& model, Optimizer* optimizer) {
  return load(read_container(path), path, model, optimizer);
}

void load_weights(const std::string& path, Module& model) {
  Container container = read_weights(path);
  if (has_whole_weights(container)) container = with_real_weights(container, path);
  if (container.metadata.contains(kVersionKey)) {
    load(container, path, model, nullptr);
    return;
  }
  LoadPlan plan(model, path);
  for (const Section& s : container.sections) {
    const std::string name = model_name(plan, s.name);
    if (plan.wants(name))
      plan.take(name, s, true);
    else if (!is_batch_counter(name))
      fail(path, "only tensors that the model has", printable(s.name) + " " + text(s.shape));
  }
  plan.check_complete();
  plan.apply(LoadPlan::Form::keep);
}

void load_masks(const std::string& path, Module& model) {
  const Container container = read_weights(path);
  LoadPlan plan(model, path);
  for (const Section& s : container.sections) {
    const std::string name = model_name(plan, s.name);
    if (!plan.wants(name)) fail(path, "only masks of parameters that the model has", printable(s.name));
    if (s.shape.numel() == 0) fail(path, "a mask with positions for " + printable(name), text(s.shape));
    const Tensor keep = s.tensor();
    const bool readable = keep.dtype() == DType::u8 || keep.dtype() == DType::f32 || keep.dtype() == DType::f64;
    if (!readable) fail(path, "a mask of type U8, BOOL or a floating-point one for " + printable(name), s.dtype);
    plan.take_mask(name, std::make_shared<const Mask>(Mask::from(keep)));
  }
  plan.apply(LoadPlan::Form::keep);
}

}  // namespace pith::nn
