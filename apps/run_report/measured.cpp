#include "apps/run_report/measured.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <numeric>

#include "apps/classification_task.h"
#include "apps/interrupt.h"
#include "apps/quantization.h"
#include "apps/run_settings.h"
#include "data/image_file.h"
#include "nn/checkpoint.h"
#include "nn/fold.h"
#include "nn/packed_network.h"
#include "tensor/error.h"
#include "tensor/formats/quant_params.h"
#include "tensor/random.h"

namespace pith::apps {
namespace {

constexpr int64_t kWorst = 12, kActivationImages = 64;
constexpr int kBins = 48;

std::shared_ptr<const data::Dataset> first_images(std::shared_ptr<const data::Dataset> all, int64_t count) {
  if (count <= 0 || count >= all->size()) return all;
  std::vector<int64_t> first(static_cast<size_t>(count));
  std::iota(first.begin(), first.end(), int64_t{0});
  return data::subset(std::move(all), std::move(first));
}

/// Everything that measuring needs, and what it has found.
class Measurement {
 public:
  Measurement(const RunRecord& run, const MeasureOptions& o, Console& console)
      : run_(run), o_(o), console_(console), t_(options_of(run, o)), parts_(open_parts(t_)) {
    test_ = first_images(parts_.test, o.images);
    found_.images = test_->size();
    found_.classes = test_->classes();
  }

  Measured all() {
    for (const std::string& path : o_.packed) specs_.push_back(packed(path));
    nn::is_packed_network(t_.init) ? add_trained_integers() : add_floats();
    for (size_t i = 0; i < specs_.size(); ++i) {
      const std::string& path = o_.packed[i];
      add_integers("packed " + std::filesystem::path(path).filename().string(), specs_[i],
                   static_cast<int64_t>(std::filesystem::file_size(path)));
    }
    return std::move(found_);
  }

 private:
  static TrainingOptions options_of(const RunRecord& run, const MeasureOptions& o) {
    TrainingOptions t = settings_of_run(run.path);
    if (t.is_language()) throw ArgumentError("a language model reads words, not images");
    if (!o.data_root.empty()) t.data_root = o.data_root;
    return t;
  }

  nn::IntegerSpec packed(const std::string& path) const {
    nn::IntegerSpec spec = nn::read_packed_network(path);
    if (spec.model != t_.model || spec.input != test_->image_shape())
      throw FormatError(fmt::format("{}: expected a packed {} for images {}, found one of {} for {}", visible(path),
                                    t_.model, text(test_->image_shape()), visible(spec.model), text(spec.input)));
    return spec;
  }

  std::unique_ptr<nn::Module> network(const std::string& weights) const {
    TrainingOptions t = t_;
    t.init.clear();
    auto model = make_network(t, *test_);
    nn::load_weights(weights, *model);
    return model;
  }

  std::optional<Evaluation> evaluated(const std::string& name, nn::Module& model, Mistakes* mistakes) {
    if (!o_.evaluates) return {};
    data::Loader loader = evaluation_loader(test_, parts_.normalization, 256, 1);
    Progress& bar = console_.progress(name, loader.batches());
    const Evaluation e = evaluate(model, loader, [&](int64_t batch, const Tensor& logits, const Score& so_far) {
      check_interrupted();
      if (mistakes != nullptr) mistakes->add(logits);
      if (bar.due()) bar.show(batch, fmt::format("acc={:.4f}", so_far.top1() / 100));
    });
    console_.end_progress();
    return e;
  }

  /// Accuracy of `model`; of the run's own best weights also what it answered.
  std::optional<double> accuracy(const std::string& name, nn::Module& model, bool best) {
    Mistakes mistakes(test_, kWorst);
    const auto e = evaluated(name, model, best ? &mistakes : nullptr);
    if (!e) return {};
    if (best) {
      found_.answers = e;
      for (const Mistake& m : mistakes.worst())
        found_.worst.push_back({m, data::encode_png(data::interleaved(test_->pixels(m.image), test_->image_shape()))});
    }
    return e->score.top1();
  }

  void time(Form& form, nn::Module& model) {
    if (!o_.times) return;
    form.latency = network_latency(model, test_->image_shape(), 1);
    form.layers = layer_latencies(model, test_->image_shape(), 1, 8);
  }

  void add_floats() {
    if (!t_.init.empty()) add_start();
    const std::string best = run_.path + "/checkpoints/best.safetensors";
    const bool pruned = run_.kept() < run_.dense();
    const auto model = network(best);
    Form dense{pruned ? "pruned, on dense kernels" : "trained", "f32", run_.dense_bytes()};
    dense.top1 = accuracy(dense.name, *model, true);
    bool masked = false;
    model->visit_parameters([&](const std::string&, nn::Parameter& p) { masked = masked || p.mask() != nullptr; });
    const auto unmasked = network(best);
    unmasked->visit_parameters([](const std::string&, nn::Parameter& p) { p.set_mask(nullptr); });
    nn::fold_batch_norm(*unmasked);
    time(dense, *unmasked);
    dense.is_run = !masked;
    found_.forms.push_back(dense);
    nn::fold_batch_norm(*model);
    if (pruned) {
      Form sparse{"pruned, as masked", "f32 or csr", run_.packed_bytes(), dense.top1};
      sparse.is_run = masked;
      if (masked) time(sparse, *model);
      found_.forms.push_back(std::move(sparse));
    }
    look_at_values(*model);
  }

  void add_start() {
    if (!std::filesystem::exists(t_.init)) {
      found_.notes.push_back("The weights that the run began with are not there any more: " + t_.init);
      return;
    }
    const auto model = network(t_.init);
    Form form{"float, before the run", "f32", run_.dense_bytes()};
    form.top1 = accuracy(form.name, *model, false);
    nn::fold_batch_norm(*model);
    time(form, *model);
    found_.forms.push_back(std::move(form));
  }

  void add_trained_integers() {
    const nn::IntegerSpec spec = trained(run_.path);
    add_integers("trained in whole numbers", spec, 0, true);
  }

  void add_integers(const std::string& name, const nn::IntegerSpec& spec, int64_t bytes, bool best = false) {
    nn::IntegerNetwork model(spec);
    Form form{name, spec.is_dynamic ? "integers, dynamic ranges" : "integers", bytes};
    form.top1 = accuracy(name, model, best);
    form.is_run = best;
    if (o_.times) {
      form.latency = network_latency(model, test_->image_shape(), 1);
      form.layers = integer_latencies(model, 1);
    }
    found_.forms.push_back(std::move(form));
  }

  /// Weights and activations of the folded network, with the clips of the first packed network.
  void look_at_values(nn::Module& folded) try {
    const nn::Graph graph = nn::graph_of(folded, test_->image_shape());
    const nn::IntegerSpec* const spec = specs_.empty() ? nullptr : &specs_[0];
    if (spec != nullptr) {
      for (const nn::GraphLayer& layer : graph.layers)
        if (layer.has_weights())
          found_.weights.push_back({layer.name + ".weight", distribution_of(layer.weight.to_vector<float>(), kBins),
                                    weight_clip(*spec, layer)});
    }
    const auto images =
        first_images(parts_.validation != nullptr ? parts_.validation : parts_.train, kActivationImages);
    found_.activation_images = images->size();
    data::Loader loader = evaluation_loader(images, parts_.normalization, kActivationImages, 0);
    loader.start(0);
    const NoGradient inference;
    nn::run_graph(graph, loader.next().images, [&](int64_t value, const Tensor& x) {
      found_.activations.push_back(
          {graph.value_name(value), distribution_of(x.to_vector<float>(), kBins), value_clip(spec, graph, value)});
    });
  } catch (const ArgumentError& e) {
    found_.notes.push_back(fmt::format("No activations: {}", e.what()));
  }

  static const nn::IntegerLayer* layer_named(const nn::IntegerSpec& spec, const std::string& name) {
    for (const nn::IntegerLayer& layer : spec.layers)
      if (layer.shape.name == name) return &layer;
    return nullptr;
  }

  static std::optional<Clip> weight_clip(const nn::IntegerSpec& spec, const nn::GraphLayer& of) {
    const nn::IntegerLayer* const layer = layer_named(spec, of.name);
    if (layer == nullptr || layer->weight_scale.empty()) return {};
    const double scale = *std::max_element(layer->weight_scale.begin(), layer->weight_scale.end());
    const double end = scale * highest_level(layer->bits);
    return Clip{-end, end, fmt::format("s{}", layer->bits)};
  }

  static std::optional<Clip> value_clip(const nn::IntegerSpec* spec, const nn::Graph& graph, int64_t value) {
    if (spec == nullptr || spec->is_dynamic || value == std::ssize(graph.layers)) return {};  // logits stay real
    if (spec->values.size() != graph.layers.size() + 1) return {};
    const nn::ValueQuant& q = spec->values[static_cast<size_t>(value)];
    return Clip{q.scale * static_cast<double>(-q.zero_point), q.scale * static_cast<double>(q.highest() - q.zero_point),
                fmt::format("u{}", q.bits)};
  }

  const RunRecord& run_;
  const MeasureOptions& o_;
  Console& console_;
  TrainingOptions t_;
  DataParts parts_;
  std::shared_ptr<const data::Dataset> test_;
  std::vector<nn::IntegerSpec> specs_;
  Measured found_;
};

}  // namespace

Measured measure_run(const RunRecord& run, const MeasureOptions& options, Console& console) {
  return Measurement(run, options, console).all();
}

}  // namespace pith::apps
