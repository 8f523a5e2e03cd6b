#include "apps/format_choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "apps/classification_task.h"
#include "apps/interrupt.h"
#include "nn/checkpoint.h"
#include "nn/fold.h"
#include "nn/packed_network.h"

namespace pith::apps {
namespace {

/// A weight with so few zeros is no pruned one.
constexpr double kPruned = 0.95;

double density_of(const Tensor& w) {
  const std::vector<float> values = w.to_vector<float>();
  const auto zeros = std::count(values.begin(), values.end(), 0.0F);
  return 1 - static_cast<double>(zeros) / static_cast<double>(values.size());
}

/// Where zeros are many and no mask says so (weights from elsewhere), one does now.
void mask_zeros(nn::Module& model) {
  model.visit_parameters([](const std::string&, nn::Parameter& p) {
    if (p.shape().rank() < 2 || p.mask() != nullptr || density_of(p.value()) > kPruned) return;
    std::vector<uint8_t> keep;
    for (const float v : p.value().to_vector<float>()) keep.push_back(v != 0);
    p.set_mask(std::make_shared<const Mask>(Mask::from(Tensor::from(keep, p.shape()))));
  });
}

/// Everything that choosing looks at.
class Measurement {
 public:
  Measurement(const QuantizationOptions& o, int64_t batch, Console& console) : o_(o), batch_(batch), console_(console) {
    TrainingOptions t;
    t.model = o.model;
    t.data = o.data;
    t.data_root = o.data_root;
    t_ = resolved(t);
    source_ = data::open_data(t_.data, t_.data_root);
    held_out_ = images_held_out(source_, o);
  }

  FormatChoice choose(bool fastest) {
    post_training_options(o_);  // a setting that is refused is refused here; what add_bits catches is a budget
    QuantizationOptions eight = o_;
    eight.budget_points.reset();
    const nn::IntegerSpec bytes = quantized(eight, console_);
    const auto real = network(), kept = network();
    real->visit_parameters([](const std::string&, nn::Parameter& p) { p.set_mask(nullptr); });
    nn::fold_batch_norm(*real);
    nn::fold_batch_norm(*kept);
    // Whole or in blocks where a layer can be: what the table compares.
    const nn::IntegerNetwork whole(bytes, {.images = 0, .tiles = 0}), blocks(bytes, {.images = 1, .tiles = 1});
    add_layers(*real, *kept, whole, blocks);
    add_forms(*real, *kept, bytes);
    if (!fastest) add_bits();
    take_turns();
    found_.images = held_out_->size();
    found_.chosen = best_form(found_.forms, *o_.budget_points, fastest);
    const Form form = found_.forms[found_.chosen].form;
    if (form == Form::s8 || form == Form::s8_blocks) found_.integers = bytes;
    if (form == Form::bits) found_.integers = bits_;
    for (const nn::IntegerLayer& layer : found_.integers.layers)
      for (LayerFormats& row : found_.layers)
        if (row.layer == layer.shape.name) row.bits = layer.bits;
    return std::move(found_);
  }

  std::unique_ptr<nn::Module> network() const {
    auto model = make_network(t_, *source_.train);
    nn::load_weights(o_.weights, *model);
    mask_zeros(*model);
    return model;
  }

 private:
  void add_layers(nn::Module& real, nn::Module& kept, const nn::IntegerNetwork& whole,
                  const nn::IntegerNetwork& blocks) {
    const Shape image = source_.train->image_shape();
    const auto f32 = layer_latencies(real, image, batch_), alone = layer_latencies(kept, image, batch_);
    const auto s8 = integer_latencies(whole, batch_), s8_blocks = integer_latencies(blocks, batch_);
    std::map<std::string, double> density;
    kept.visit_parameters([&](const std::string& p, nn::Parameter& w) { density[p] = density_of(w.value()); });
    for (size_t i = 0; i < whole.spec().layers.size(); ++i) {
      const nn::IntegerLayer& layer = whole.spec().layers[i];
      const std::string& name = layer.shape.name;
      if (!layer.shape.has_weights() || f32.count(name) == 0) continue;
      LayerFormats row;
      row.layer = name;
      row.blocks = ops::kept_blocks(whole.packed(i));
      row.density = density.at(name + ".weight");
      row.f32 = f32.at(name);
      if (row.density <= kPruned) row.f32_kept = alone.at(name);
      row.s8 = s8.at(name);
      if (row.blocks < 1) row.s8_blocks = s8_blocks.at(name);
      found_.layers.push_back(std::move(row));
    }
  }

  void add(Form form, int64_t bytes, std::shared_ptr<nn::Module> model) {
    data::Loader loader = evaluation_loader(held_out_, source_.normalization, 128, 1);
    Progress& bar = console_.progress(std::string(name(form)), loader.batches());
    const Evaluation e = evaluate(*model, loader, [&](int64_t batch, const Tensor&, const Score&) {
      check_interrupted();
      if (bar.due()) bar.show(batch, "");
    });
    console_.end_progress();
    found_.forms.push_back({form, bytes, e.score.top1(), {}});
    models_.push_back(std::move(model));
  }

  static std::shared_ptr<nn::Module> borrowed(nn::Module& model) { return {std::shared_ptr<nn::Module>(), &model}; }

  void add_forms(nn::Module& real, nn::Module& kept, const nn::IntegerSpec& bytes) {
    int64_t all = 0, stored = 0;
    bool is_pruned = false, has_blocks = false;
    kept.visit_parameters([&](const std::string&, nn::Parameter& p) {
      const int64_t whole = p.shape().numel() * 4;
      all += whole;
      stored += p.mask() == nullptr ? whole : std::min(whole, (p.mask()->numel() + 7) / 8 + p.mask()->kept() * 4);
      is_pruned = is_pruned || p.mask() != nullptr;
    });
    for (const LayerFormats& row : found_.layers) has_blocks = has_blocks || row.blocks <= nn::BlockCrossover().images;
    add(Form::f32, all, borrowed(real));
    if (is_pruned) add(Form::f32_kept, stored, borrowed(kept));
    const int64_t packed = nn::packed_bytes(bytes);
    add(Form::s8, packed, std::make_shared<nn::IntegerNetwork>(bytes, nn::BlockCrossover{.images = 0, .tiles = 0}));
    if (has_blocks) add(Form::s8_blocks, packed, std::make_shared<nn::IntegerNetwork>(bytes));
  }

  void add_bits() try {
    bits_ = quantized(o_, console_);
    add(Form::bits, nn::packed_bytes(bits_), std::make_shared<nn::IntegerNetwork>(bits_));
  } catch (const ArgumentError& e) {
    console_.note(e.what());  // no widths lie within the budget; the other forms may
  }

  /// One form after another, three times: what disturbs the machine for a while disturbs all of them.
  void take_turns() {
    for (int turn = 0; turn < 3; ++turn)
      for (size_t i = 0; i < models_.size(); ++i) {
        const LayerLatency l = network_latency(*models_[i], source_.train->image_shape(), batch_);
        LayerLatency& best = found_.forms[i].latency;
        best = best.runs == 0
                   ? l
                   : LayerLatency{std::min(best.best, l.best), std::min(best.median, l.median), best.runs + l.runs};
      }
  }

  const QuantizationOptions& o_;
  int64_t batch_;
  Console& console_;
  TrainingOptions t_;
  data::DataSource source_;
  std::shared_ptr<const data::Dataset> held_out_;
  std::vector<std::shared_ptr<nn::Module>> models_;  ///< as found_.forms
  nn::IntegerSpec bits_;
  FormatChoice found_;
};

}  // namespace

std::string_view name(Form form) {
  switch (form) {
    case Form::f32:
      return "f32";
    case Form::f32_kept:
      return "f32, kept weights alone";
    case Form::s8:
      return "8 bits";
    case Form::s8_blocks:
      return "8 bits, blocks of zeros left out";
    case Form::bits:
      return "bits a layer";
  }
  return "";
}

Form LayerFormats::fastest() const {
  Form best = Form::f32;
  double time = f32->median;
  const auto look = [&](Form form, const std::optional<LayerLatency>& l) {
    if (!l || l->median >= time) return;
    best = form;
    time = l->median;
  };
  look(Form::f32_kept, f32_kept);
  look(Form::s8, s8);
  look(Form::s8_blocks, s8_blocks);
  return best;
}

size_t best_form(std::span<const NetworkFormat> forms, double points, bool fastest) {
  size_t best = 0;
  const auto cost = [&](const NetworkFormat& f) { return fastest ? f.latency.median : static_cast<double>(f.bytes); };
  for (size_t i = 1; i < forms.size(); ++i)
    if (forms[i].top1 >= forms[0].top1 - points && cost(forms[i]) < cost(forms[best])) best = i;
  return best;
}

FormatChoice choose_format(const QuantizationOptions& options, bool fastest, int64_t batch, Console& console) {
  return Measurement(options, batch, console).choose(fastest);
}

void write_real(const QuantizationOptions& options, const std::string& path) {
  Console quiet({.quiet = true});
  nn::save_checkpoint(path, *Measurement(options, 1, quiet).network(), nullptr, nullptr);
}

}  // namespace pith::apps
