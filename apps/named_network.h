// A trained network as a command line names it: the folder of a run, a packed file, or a file of weights and a model.
#pragma once

#include <memory>
#include <string>

#include "data/dataset.h"
#include "nn/module.h"

namespace pith::apps {

struct NetworkChoice {
  std::string path;        ///< folder of a run, or a file of weights
  std::string model = {};  ///< "": what the run or the packed file says
  std::string data = {};   ///< "": what the run says, else what the model's name speaks of
  std::string data_root = {};
};

struct NamedNetwork {
  std::string weights;  ///< the file
  std::string model, data, data_root;
  bool is_packed = false;  ///< computes on integers (nn/integer_network.h)
  data::DataDescription images;
  std::unique_ptr<nn::Module> network;  ///< in evaluation
};

/// Throws ArgumentError where the model or the data set is not known, FormatError where the weights are of another
/// network or take other images than the data set has, IoError for files.
NamedNetwork open_network(const NetworkChoice& choice);

}  // namespace pith::apps
