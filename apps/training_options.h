// What `pith train` was asked for: one struct, its rules, and its file form (config.json).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pith::apps {

struct TrainingOptions {
  // What and on what.
  std::string model, data, data_root;
  std::string init;      ///< weights to begin with
  std::string compress;  ///< the schedule's file, for messages
  std::string schedule;  ///< its text: what the run does
  // Distillation.
  std::string teacher, teacher_model;  ///< a file of weights, and their network ("": the student's)
  std::string teacher_sum;             ///< checksum of the file
  double distill_temperature = 1, distill_weight = 0.5, student_weight = 0.5;
  int64_t distill_start = 0;  ///< epoch, from 0
  // How long, how fast.
  int64_t epochs = 10;
  int64_t batch_size = 128;
  double rate = 0;  ///< 0: 0.05 for sgd, 0.001 for adam and adamw
  std::string rate_policy = "cosine";
  std::string optimizer = "sgd";
  double momentum = 0.9;
  bool nesterov = false;
  double weight_decay = 1e-4;
  double label_smoothing = 0;
  std::vector<double> exit_loss_weights = {};  ///< of a network with exits; none: 0.3 each
  double clip_norm = 0;                        ///< 0: no clipping
  std::string augment = "auto";                ///< "none", "crop4", "flip", "crop4,flip"
  double validation = 0.1;  ///< share of the training set; 0: none, and the metrics are the test set's
  uint64_t seed = 0;
  int64_t evaluate_every = 1;    ///< epochs
  int64_t checkpoint_steps = 0;  ///< 0: at the end of epochs only
  // What changes no bit of the result, and so may differ in a resumed run.
  int64_t workers = 1;
  int64_t print_every = 0;  ///< steps; 0: no line within an epoch
  bool anomaly = false;
  bool histograms = false;

  // The language model alone.
  std::string text, text_test;  ///< files to train on and to test with, instead of a data set by name
  int64_t embedding = 200, hidden = 200, layers = 2;
  int64_t bptt = 35;  ///< words a step looks back
  double dropout = 0.2;
  int64_t bits_weights = 0;  ///< of its matrices, in whole numbers; 0: real
  bool tied = false;         ///< the decoder's weight is the embedding's

  /// Is the model lstm-lm, trained on text?
  bool is_language() const { return model == "lstm-lm"; }
  bool validates_on_test() const { return validation == 0; }
};

/// Resolves what has a default that depends on other settings (rate, augment, data), and checks every range. Throws
/// ArgumentError with one sentence.
TrainingOptions resolved(TrainingOptions options);

/// config.json of a run, and back. Throws FormatError naming `path` where a setting is missing or of another type.
std::string to_json(const TrainingOptions& options);
TrainingOptions training_options_from_json(const std::string& json, const std::string& path);

/// The data set that a model's name speaks of: "resnet20-cifar" -> "cifar10", "lenet5" -> "mnist"; "" where it says
/// none.
std::string data_for_model(const std::string& model);

}  // namespace pith::apps
