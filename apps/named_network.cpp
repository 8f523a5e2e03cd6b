#include "apps/named_network.h"

#include <filesystem>

#include "apps/run_settings.h"
#include "apps/summaries/table.h"
#include "apps/training_options.h"
#include "nn/checkpoint.h"
#include "nn/models.h"
#include "nn/packed_network.h"
#include "nn/quantized_training.h"
#include "tensor/error.h"

namespace pith::apps {
namespace {

/// Fills in what a run says, and returns the packed file that it began with, or "".
std::string take_run(NamedNetwork& n, const NetworkChoice& choice) {
  const TrainingOptions saved = settings_of_run(choice.path);
  if (saved.is_language()) throw ArgumentError(visible(choice.path) + " holds a language model, which sees no images");
  n.weights = choice.path + "/checkpoints/best.safetensors";
  if (n.model.empty()) n.model = saved.model;
  if (n.data.empty()) n.data = saved.data;
  if (n.data_root.empty()) n.data_root = saved.data_root;
  return nn::is_packed_network(saved.init) ? saved.init : "";
}

void check_input(const NamedNetwork& n, const nn::IntegerSpec& spec) {
  if (!n.model.empty() && nn::model_info(n.model).name != spec.model)
    throw FormatError(visible(n.weights) + ": expected a packed " + n.model + ", found one of " + visible(spec.model));
}

void describe(NamedNetwork& n) {
  if (n.data.empty()) n.data = data_for_model(n.model);
  if (n.data.empty()) throw ArgumentError("--data names the data set whose classes and images " + n.model + " knows");
  n.images = data::describe_data(n.data, n.data_root);
}

std::unique_ptr<nn::Module> float_network(const NamedNetwork& n, const std::string& quantized) {
  std::unique_ptr<nn::Module> network;
  if (quantized.empty())
    network = nn::make_model(n.model, {.classes = std::ssize(n.images.classes), .input = n.images.image});
  else
    network = std::make_unique<nn::QuantizedTraining>(nn::read_packed_network(quantized));
  nn::load_weights(n.weights, *network);
  return network;
}

}  // namespace

NamedNetwork open_network(const NetworkChoice& choice) {
  NamedNetwork n{choice.path, choice.model, choice.data, choice.data_root, false, {}, nullptr};
  const bool is_run = std::filesystem::is_directory(choice.path);
  const std::string quantized = is_run ? take_run(n, choice) : "";
  if (!is_run && !std::filesystem::exists(choice.path))
    throw IoError(visible(choice.path) + ": no such file: expected weights or the folder of a run");
  n.is_packed = nn::is_packed_network(n.weights);
  if (n.is_packed) {
    nn::IntegerSpec spec = nn::read_packed_network(n.weights);
    check_input(n, spec);
    n.model = spec.model;
    describe(n);
    if (spec.input != n.images.image)
      throw FormatError(visible(n.weights) + ": takes images " + text(spec.input) + ", " + visible(n.data) + " has " +
                        text(n.images.image));
    n.network = std::make_unique<nn::IntegerNetwork>(std::move(spec));
  } else {
    if (n.model.empty()) throw ArgumentError("--model says what network " + visible(n.weights) + " is of");
    n.model = nn::model_info(n.model).name;
    describe(n);
    n.network = float_network(n, quantized);
  }
  n.network->set_training(false);
  return n;
}

}  // namespace pith::apps
