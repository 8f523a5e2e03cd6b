#include "apps/training_options.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "apps/checks.h"
#include "apps/early_exit.h"
#include "nn/models.h"
#include "nn/optim/rate_policy.h"
#include "tensor/error.h"

namespace pith::apps {
namespace {

using Json = nlohmann::ordered_json;
constexpr int kFormat = 1;

bool contains(const std::string& text, const char* word) { return text.find(word) != std::string::npos; }

void check_augment(const std::string& augment) {
  for (const char* known : {"none", "crop4", "flip", "crop4,flip", "flip,crop4"}) {
    if (augment == known) return;
  }
  throw ArgumentError("--augment takes none, crop4, flip or crop4,flip, not \"" + augment + "\"");
}

/// Every field once: the same walk writes and reads.
template <class Options, class Visit>
void visit_fields(Options& o, const Visit& visit) {
  visit("model", o.model);
  visit("data", o.data);
  visit("data_root", o.data_root);
  visit("init", o.init);
  visit("compress", o.compress);
  visit("schedule", o.schedule);
  visit("teacher", o.teacher);
  visit("teacher_model", o.teacher_model);
  visit("teacher_sum", o.teacher_sum);
  visit("distill_temperature", o.distill_temperature);
  visit("distill_weight", o.distill_weight);
  visit("student_weight", o.student_weight);
  visit("distill_start", o.distill_start);
  visit("epochs", o.epochs);
  visit("batch_size", o.batch_size);
  visit("rate", o.rate);
  visit("rate_policy", o.rate_policy);
  visit("optimizer", o.optimizer);
  visit("momentum", o.momentum);
  visit("nesterov", o.nesterov);
  visit("weight_decay", o.weight_decay);
  visit("label_smoothing", o.label_smoothing);
  visit("exit_loss_weights", o.exit_loss_weights);
  visit("clip_norm", o.clip_norm);
  visit("augment", o.augment);
  visit("validation", o.validation);
  visit("seed", o.seed);
  visit("evaluate_every", o.evaluate_every);
  visit("checkpoint_steps", o.checkpoint_steps);
  visit("workers", o.workers);
  visit("print_every", o.print_every);
  visit("anomaly", o.anomaly);
  visit("histograms", o.histograms);
  visit("text", o.text);
  visit("text_test", o.text_test);
  visit("embedding", o.embedding);
  visit("hidden", o.hidden);
  visit("layers", o.layers);
  visit("bptt", o.bptt);
  visit("dropout", o.dropout);
  visit("tied", o.tied);
  visit("bits_weights", o.bits_weights);
}

void resolve_images(TrainingOptions& o) {
  o.model = nn::model_info(o.model).name;
  if (o.data.empty()) o.data = data_for_model(o.model);
  if (o.data.empty())
    throw ArgumentError("--data names the data set or folder to train on; `pith data list` lists them");
  if (o.augment == "auto") o.augment = o.data == "cifar10" ? "crop4,flip" : "none";
  check_augment(o.augment);
  o.exit_loss_weights = resolved_exit_weights(o.model, o.exit_loss_weights);
  if (o.bits_weights != 0)
    throw ArgumentError(
        "--bits-weights is for lstm-lm; a network for images trains in whole numbers from a file of `pith quantize "
        "--keep-float`");
  if (o.teacher.empty()) return;
  o.teacher_model = nn::model_info(o.teacher_model.empty() ? o.model : o.teacher_model).name;
  check_positive("--distill-temperature", o.distill_temperature);
  check_not_negative("--distill-weights", o.distill_weight);
  check_not_negative("--distill-weights", o.student_weight);
  check_positive("the sum of --distill-weights", o.distill_weight + o.student_weight);
  check_at_least("--distill-start", o.distill_start, 0);
}

void resolve_language(TrainingOptions& o) {
  if (o.text.empty() != o.text_test.empty()) throw ArgumentError("--text and --text-test belong together");
  if (!o.exit_loss_weights.empty())
    throw ArgumentError("--exit-loss-weights needs a network with exits; lstm-lm has none");
  if (!o.teacher.empty()) throw ArgumentError("--teacher is for the classification of images, not for lstm-lm");
  if (!o.text.empty() && !o.data.empty()) throw ArgumentError("--text and --data exclude each other");
  if (o.text.empty() && o.data.empty()) o.data = "wikitext-2";
  check_at_least("--embed", o.embedding, 1);
  check_at_least("--hidden", o.hidden, 1);
  check_at_least("--layers", o.layers, 1);
  check_at_least("--bptt", o.bptt, 1);
  check_within("--dropout", o.dropout, 0, 1);
  if (o.bits_weights != 0 && (o.bits_weights < 2 || o.bits_weights > 8))
    throw ArgumentError("--bits-weights takes 2 to 8, or 0 for real weights, not " + std::to_string(o.bits_weights));
  if (o.tied && o.embedding != o.hidden) throw ArgumentError("--tied needs --embed and --hidden to be equal");
}

void check_ranges(const TrainingOptions& o) {
  check_positive("--lr", o.rate);
  check_at_least("--epochs", o.epochs, 1);
  check_at_least("--batch-size", o.batch_size, 1);
  check_at_least("--workers", o.workers, 0);
  check_at_least("--print-freq", o.print_every, 0);
  check_at_least("--evaluate-every", o.evaluate_every, 1);
  check_at_least("--checkpoint-steps", o.checkpoint_steps, 0);
  check_within("--momentum", o.momentum, 0, 1);
  check_within("--label-smoothing", o.label_smoothing, 0, 1);
  check_within("--valid", o.validation, 0, 1);
  check_not_negative("--weight-decay", o.weight_decay);
  check_not_negative("--clip-norm", o.clip_norm);
}

}  // namespace

std::string data_for_model(const std::string& model) {
  if (contains(model, "cifar")) return "cifar10";
  if (contains(model, "mnist") || model.starts_with("lenet")) return "mnist";
  return "";
}

TrainingOptions resolved(TrainingOptions o) {
  if (o.model.empty()) throw ArgumentError("--model names the network to train; `pith info` lists them");
  if (o.model == "lstm_lm") o.model = "lstm-lm";
  o.is_language() ? resolve_language(o) : resolve_images(o);
  if (o.optimizer != "sgd" && o.optimizer != "adam" && o.optimizer != "adamw") {
    throw ArgumentError("--optimizer takes sgd, adam or adamw, not \"" + o.optimizer + "\"");
  }
  if (o.rate == 0) o.rate = o.optimizer == "sgd" ? 0.05 : 0.001;
  check_ranges(o);
  if (o.nesterov && (o.optimizer != "sgd" || o.momentum == 0)) {
    throw ArgumentError("--nesterov needs --optimizer sgd and a --momentum above 0");
  }
  nn::make_rate_policy(o.rate_policy, o.rate, o.epochs);  // refuses what it does not understand
  return o;
}

std::string to_json(const TrainingOptions& options) {
  Json json;
  json["format"] = kFormat;
  visit_fields(options, [&](const char* name, const auto& value) { json[name] = value; });
  return json.dump(2) + "\n";
}

TrainingOptions training_options_from_json(const std::string& text, const std::string& path) {
  TrainingOptions options;
  try {
    const Json json = Json::parse(text);
    if (json.at("format") != kFormat) {
      throw FormatError(path + ": expected \"format\": 1, found " + json.at("format").dump());
    }
    visit_fields(options, [&](const char* name, auto& value) {
      const std::string_view field = name;
      const bool is_newer = field == "exit_loss_weights" || field == "bits_weights";  // older runs have none
      if (!is_newer || json.contains(name)) json.at(name).get_to(value);
    });
  } catch (const Json::exception& e) {
    throw FormatError(path + ": not the settings of a training run: " + e.what());
  }
  return options;
}

}  // namespace pith::apps
