#include "compress/quantizers/inq.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "nn/quantized_training.h"

namespace pith::compress {
namespace {

void freeze(nn::QuantizedTraining& network, size_t layer, double share) {
  const std::vector<float> w = network.weight(layer).to_vector<float>(),
                           is_free = network.free_weights(layer).to_vector<float>();
  std::vector<size_t> free;
  for (size_t i = 0; i < w.size(); ++i)
    if (is_free[i] != 0) free.push_back(i);
  const int64_t frozen = std::ssize(w) - std::ssize(free);
  const int64_t more = static_cast<int64_t>(std::ceil(share * static_cast<double>(w.size()))) - frozen;
  if (more <= 0) return;
  std::stable_sort(free.begin(), free.end(), [&](size_t a, size_t b) { return std::abs(w[a]) > std::abs(w[b]); });
  std::vector<uint8_t> chosen(w.size(), 0);
  for (int64_t i = 0; i < more; ++i) chosen[free[static_cast<size_t>(i)]] = 1;
  network.freeze(layer, Mask::from(Tensor::from(chosen, network.weight(layer).shape())));
}

}  // namespace

double inq_share(int64_t epoch, int64_t epochs) {
  constexpr double kShares[] = {0.5, 0.75, 0.875, 1};
  return kShares[std::clamp<int64_t>(4 * epoch / std::max<int64_t>(epochs, 1), 0, 3)];
}

void freeze_by_inq(nn::Module& model, int64_t epoch, int64_t epochs) {
  model.visit_modules([&](const std::string&, nn::Module& m) {
    auto* const network = dynamic_cast<nn::QuantizedTraining*>(&m);
    if (network == nullptr) return;
    const std::vector<nn::IntegerLayer>& layers = network->start().layers;
    for (size_t i = 0; i < layers.size(); ++i)
      if (layers[i].shape.has_weights() && layers[i].weight_training == nn::WeightTraining::inq)
        freeze(*network, i, inq_share(epoch, epochs));
  });
}

}  // namespace pith::compress
