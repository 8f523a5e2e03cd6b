#include "compress/schedule/activation_statistics.h"

#include "tensor/error.h"

namespace pith::compress {

void ActivationStatistics::start() {
  if (runs_) return;
  sums_.clear();
  watch();
}

void ActivationStatistics::watch() {
  runs_ = true;
  pending_.clear();
  model_.set_tap(
      std::make_shared<const nn::Tap>([this](const std::string& name, nn::Module& layer, const auto& x, const auto& y) {
        look(name, std::string(layer.type()), y.value());
        for (LayerSamples* samples : samplers_) samples->look(name, layer, x.value(), y.value());
      }));
}

void ActivationStatistics::stop() {
  if (!runs_) return;
  runs_ = false;
  samplers_.clear();
  model_.set_tap(nullptr);
}

void ActivationStatistics::look(const std::string& name, const std::string& type, const Tensor& y) {
  if (type == "Conv2d" || type == "Linear") pending_ = name;
  const bool rectifies = type == "ReLU" || type == "ReLU6" || type == "ClippedReLU" || type == "PACT";
  if (!rectifies || pending_.empty() || y.shape().rank() < 2) return;
  Sums& s = sums_[pending_];
  pending_.clear();
  const size_t outputs = static_cast<size_t>(y.shape()[1]);
  const size_t area = static_cast<size_t>(y.numel() / (y.shape()[0] * y.shape()[1]));
  s.zeros.resize(outputs);
  s.values.resize(outputs);
  const std::vector<float> values = y.to_vector<float>();
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t output = i / area % outputs;
    s.zeros[output] += values[i] == 0;
    s.values[output] += static_cast<double>(values[i]);
  }
  s.count += static_cast<double>(values.size() / outputs);
  s.settle();
}

void ActivationStatistics::Sums::settle() {
  zero_share = zeros;
  mean = values;
  for (double& v : zero_share) v /= count;
  for (double& v : mean) v /= count;
}

const std::vector<double>* ActivationStatistics::zeros(const std::string& layer) const {
  const auto found = sums_.find(layer);
  return found == sums_.end() ? nullptr : &found->second.zero_share;
}

const std::vector<double>* ActivationStatistics::means(const std::string& layer) const {
  const auto found = sums_.find(layer);
  return found == sums_.end() ? nullptr : &found->second.mean;
}

void ActivationStatistics::save(State& state, const std::string& prefix) const {
  if (!runs_) return;
  state[prefix + "runs"] = numbers_of({1});
  for (const auto& [layer, s] : sums_) {
    state[prefix + layer + "/zeros"] = numbers_of(s.zeros);
    state[prefix + layer + "/values"] = numbers_of(s.values);
    state[prefix + layer + "/count"] = numbers_of({s.count});
  }
}

void ActivationStatistics::load(const State& state, const std::string& prefix) {
  stop();
  sums_.clear();
  if (!state.contains(prefix + "runs")) return;
  const std::string suffix = "/count";
  for (const auto& [name, count] : state) {
    if (!name.starts_with(prefix) || !name.ends_with(suffix)) continue;
    const std::string layer = name.substr(prefix.size(), name.size() - prefix.size() - suffix.size());
    const auto zeros = state.find(prefix + layer + "/zeros"), values = state.find(prefix + layer + "/values");
    if (zeros == state.end() || values == state.end())
      throw FormatError("schedule state: the activations of " + layer + " are not whole");
    Sums& s = sums_[layer];
    s.zeros = zeros->second.to_vector<double>();
    s.values = values->second.to_vector<double>();
    s.count = count.item();
    s.settle();
  }
  watch();
}

}  // namespace pith::compress
