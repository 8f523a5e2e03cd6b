// Samples of layers: windows of a layer's input beside what it put out there without its bias, drawn at random while
// training goes on. What channel pruning by reconstruction fits its weights to (He, Zhang, Sun 2017).
//
// Which points are drawn depends on the seed and the number of calls alone; a state goes on to the same samples.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "compress/schedule/policy.h"

namespace pith::compress {

/// inputs [points, in kh kw] in the weight's order, outputs [points, out]; f32.
struct Samples {
  Tensor inputs, outputs;
};

class LayerSamples {
 public:
  /// Forgets what it has and draws from these layers from now on.
  void start(std::vector<std::string> layers, uint64_t seed);
  /// One call of a layer: x and y as its tap sees them. Other layers than those asked for are passed over. Throws
  /// ArgumentError for a convolution in groups, or a layer that is neither Conv2d nor Linear.
  void look(const std::string& name, nn::Module& layer, const Tensor& x, const Tensor& y);
  /// What was drawn from a layer. Throws ArgumentError where nothing was.
  Samples of(const std::string& layer) const;

  void save(State& state, const std::string& prefix) const;
  void load(const State& state, const std::string& prefix);

 private:
  struct Drawn {
    std::vector<float> inputs, outputs;
    int64_t width = 0, out = 0, calls = 0;
  };
  std::map<std::string, Drawn> layers_;
  uint64_t seed_ = 0;
};

}  // namespace pith::compress
