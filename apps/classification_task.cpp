#include "apps/classification_task.h"

#include <algorithm>
#include <numeric>

#include "apps/evaluate.h"
#include "nn/checkpoint.h"
#include "nn/compute.h"
#include "nn/models.h"
#include "nn/packed_network.h"
#include "nn/quantized_training.h"
#include "tensor/error.h"

namespace pith::apps {

DataParts open_parts(const TrainingOptions& options) {
  const data::DataSource source = data::open_data(options.data, options.data_root);
  DataParts parts{source.train, nullptr, source.test, source.normalization};
  if (options.validates_on_test()) return parts;
  const data::Split split = data::split(source.train, options.validation, options.seed);
  parts.train = split.train;
  parts.validation = split.validation;
  if (parts.train->size() == 0 || parts.validation->size() == 0) {
    throw ArgumentError("--valid leaves " + std::to_string(parts.train->size()) + " images to train on and " +
                        std::to_string(parts.validation->size()) + " to validate with; 0 uses all for training");
  }
  return parts;
}

std::map<std::string, double> macs_of_weights(nn::Module& model, const Shape& image) {
  std::map<std::string, double> macs;
  for (const nn::LayerCompute& layer : nn::compute_table(model, image))
    macs[layer.name + ".weight"] = static_cast<double>(layer.macs) / static_cast<double>(layer.weights);
  return macs;
}

/// Minus the loss on so many images of the validation set (of the training set where there is none).
constexpr int64_t kJudged = 1000;
double judge(const TrainingOptions& options, const DataParts& parts, nn::Module& model) {
  const auto all = parts.validation != nullptr ? parts.validation : parts.train;
  std::vector<int64_t> first(static_cast<size_t>(std::min(kJudged, all->size())));
  std::iota(first.begin(), first.end(), int64_t{0});
  data::Loader loader =
      evaluation_loader(data::subset(all, first), parts.normalization, options.batch_size, options.workers);
  return -evaluate(model, loader).score.loss();
}

compress::Doors doors_of(const TrainingOptions& options, const DataParts& parts, nn::Module& model) {
  return {.judge = [options, parts, &model] { return judge(options, parts, model); },
          .macs = macs_of_weights(model, parts.train->image_shape()),
          .image = parts.train->image_shape()};
}

Task open_task(const TrainingOptions& options) {
  DataParts parts = open_parts(options);
  auto model = make_network(options, *parts.train);
  auto compression =
      std::make_unique<Compression>(options, *model, doors_of(options, parts, *model), parts.train->image_shape());
  auto teacher = options.teacher.empty() ? nullptr : std::make_unique<Teacher>(options, *parts.train);
  return {std::move(parts), std::move(model), std::move(compression), std::move(teacher)};
}

data::Augmentation augmentation_of(const std::string& augment) {
  data::Augmentation a;
  if (augment.find("crop4") != std::string::npos) a.crop_padding = 4;
  a.flip = augment.find("flip") != std::string::npos;
  return a;
}

data::Loader training_loader(const DataParts& parts, const TrainingOptions& options) {
  data::LoaderOptions o;
  o.batch_size = options.batch_size;
  o.shuffle = true;
  o.augmentation = augmentation_of(options.augment);
  o.seed = options.seed;
  o.workers = static_cast<int>(options.workers);
  return {parts.train, parts.normalization, o};
}

data::Loader evaluation_loader(std::shared_ptr<const data::Dataset> dataset, const data::Normalization& normalization,
                               int64_t batch_size, int64_t workers) {
  data::LoaderOptions o;
  o.batch_size = batch_size;
  o.workers = static_cast<int>(workers);
  return {std::move(dataset), normalization, o};
}

std::unique_ptr<nn::Module> make_network(const TrainingOptions& options, const data::Dataset& dataset) {
  if (!options.init.empty() && nn::is_packed_network(options.init))
    return std::make_unique<nn::QuantizedTraining>(nn::read_packed_network(options.init));
  nn::ModelOptions o;
  o.classes = static_cast<int64_t>(dataset.classes().size());
  o.input = dataset.image_shape();
  o.seed = options.seed;
  auto model = nn::make_model(options.model, o);
  if (!options.init.empty()) nn::load_weights(options.init, *model);
  return model;
}

std::unique_ptr<nn::Optimizer> make_optimizer(const TrainingOptions& options, nn::Module& model) {
  if (options.optimizer == "sgd") {
    nn::SgdOptions o;
    o.momentum = options.momentum;
    o.weight_decay = options.weight_decay;
    o.nesterov = options.nesterov;
    return nn::make_sgd(model, o);
  }
  nn::AdamOptions o;
  o.weight_decay = options.weight_decay;
  o.decoupled = options.optimizer == "adamw";
  return nn::make_adam(model, o);
}

}  // namespace pith::apps
