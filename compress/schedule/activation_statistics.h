// What layers put out, measured while training goes on: for each convolution and linear layer, the share of zeros and
// the mean of every output's activation, behind the first ReLU that runs after it.
//
// It looks through the model's tap, which is its own while it runs; nothing is fused then. Sums run in double, batch by
// batch: the same at any number of threads.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "compress/schedule/layer_samples.h"
#include "compress/schedule/policy.h"

namespace pith::compress {

class ActivationStatistics {
 public:
  /// The model outlives it.
  explicit ActivationStatistics(nn::Module& model) : model_(model) {}
  ~ActivationStatistics() { stop(); }
  ActivationStatistics(const ActivationStatistics&) = delete;
  ActivationStatistics& operator=(const ActivationStatistics&) = delete;

  /// Begins anew; does nothing while it runs.
  void start();
  void stop();
  /// Lets samples be drawn, too, while it runs. They outlive the run or are stopped before.
  void sample_into(LayerSamples& samples) { samplers_.push_back(&samples); }
  bool runs() const { return runs_; }

  /// By the layer's name; null where nothing was seen.
  const std::vector<double>* zeros(const std::string& layer) const;
  const std::vector<double>* means(const std::string& layer) const;

  void save(State& state, const std::string& prefix) const;
  void load(const State& state, const std::string& prefix);

 private:
  struct Sums {
    std::vector<double> zeros, values;
    double count = 0;  ///< of values an output
    std::vector<double> zero_share, mean;
    void settle();
  };
  void look(const std::string& name, const std::string& type, const Tensor& y);
  void watch();

  nn::Module& model_;
  bool runs_ = false;
  std::vector<LayerSamples*> samplers_;
  std::string pending_;  ///< the layer whose ReLU has not run yet
  std::map<std::string, Sums> sums_;
};

}  // namespace pith::compress
