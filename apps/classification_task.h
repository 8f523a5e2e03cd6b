// What a run works on: the data set, split, and the loaders of its parts, from the settings alone.
#pragma once

#include <memory>

#include "apps/compression.h"
#include "apps/teacher.h"
#include "apps/training_options.h"
#include "data/dataset.h"
#include "data/loader.h"
#include "nn/module.h"
#include "nn/optim/optimizer.h"

namespace pith::apps {

/// The parts of a data set. `validation` is empty (nullptr) where the settings ask for none.
struct DataParts {
  std::shared_ptr<const data::Dataset> train, validation, test;
  data::Normalization normalization;
};
/// Opens the data set of these settings and splits it, the same for one seed.
DataParts open_parts(const TrainingOptions& options);

/// Data and network: everything that may be refused before a run begins.
struct Task {
  DataParts parts;
  std::unique_ptr<nn::Module> model;
  std::unique_ptr<Compression> compression;
  std::unique_ptr<Teacher> teacher;  ///< null without --teacher
};
/// Multiply-adds of one weight for one image [c, h, w], by parameter.
std::map<std::string, double> macs_of_weights(nn::Module& model, const Shape& image);
Task open_task(const TrainingOptions& options);

/// "crop4,flip" as the loader takes it.
data::Augmentation augmentation_of(const std::string& augment);

/// Batches in random order, augmented; the last one of an epoch may be smaller.
data::Loader training_loader(const DataParts& parts, const TrainingOptions& options);
/// Batches in order, as they are.
data::Loader evaluation_loader(std::shared_ptr<const data::Dataset> dataset, const data::Normalization& normalization,
                               int64_t batch_size, int64_t workers);

/// The network for these images and classes, with its weights from the seed or from options.init.
std::unique_ptr<nn::Module> make_network(const TrainingOptions& options, const data::Dataset& dataset);
std::unique_ptr<nn::Optimizer> make_optimizer(const TrainingOptions& options, nn::Module& model);

}  // namespace pith::apps
