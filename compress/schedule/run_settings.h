// What a schedule file says of the run besides compression. The scheduler heeds `stop`; the rest is for whoever trains
// (`pith train` takes it where its command line says nothing), and a loop of one's own may read it or not.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "compress/schedule/place.h"

namespace pith::compress {

struct OptimizerSettings {
  std::string name;  ///< "sgd", "adam", "adamw"
  std::optional<double> rate, momentum, weight_decay;
  std::optional<bool> nesterov;
};

struct DataSettings {
  std::optional<std::string> name, augment;
  std::optional<int64_t> batch_size;
  std::optional<double> validation;  ///< share of the training set
};

/// Knowledge distillation (Hinton, Vinyals, Dean 2015): loss = student * cross entropy + distill * T^2 KL(teacher ||
/// student), both softened by the temperature T.
struct DistillationSettings {
  std::string teacher;  ///< a file of weights
  std::string model;    ///< the teacher's network; "": the student's
  double temperature = 1, distill = 0.5, student = 0.5;
  int64_t start_epoch = 0;
};

/// When masks are final, whatever their policies still had in mind: as soon as one condition holds.
struct StopSettings {
  std::optional<double> sparsity;  ///< zeros by masks / weights that the schedule prunes
  std::optional<double> macs;      ///< multiply-adds of kept weights / those of the dense network
  std::optional<int64_t> epochs;   ///< of the run
  Place place{};                   ///< of the section
};

struct RunSettings {
  std::optional<OptimizerSettings> optimizer;
  std::optional<DataSettings> data;
  std::optional<DistillationSettings> distillation;
  StopSettings stop;
};

}  // namespace pith::compress
