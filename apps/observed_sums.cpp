#include "apps/observed_sums.h"

#include <algorithm>

#include "apps/classification_task.h"
#include "apps/interrupt.h"
#include "compress/proofs/adversary.h"
#include "tensor/error.h"

namespace pith::apps {
namespace {

/// The extremes of each channel of y, f32 or s32.
std::vector<compress::SumBound> extremes(const Tensor& y) {
  const std::vector<double> sums = y.to_vector<double>();
  const Shape& s = y.shape();
  const int64_t plane = s.rank() == 4 ? s[2] * s[3] : 1;
  std::vector<compress::SumBound> all(static_cast<size_t>(s[1]), {INT64_MAX, INT64_MIN});
  for (int64_t i = 0; i < std::ssize(sums); i += plane) {
    const auto [low, high] = std::minmax_element(sums.begin() + i, sums.begin() + i + plane);
    compress::SumBound& b = all[static_cast<size_t>(i / plane % s[1])];
    b.lowest = std::min(b.lowest, static_cast<int64_t>(*low));
    b.highest = std::max(b.highest, static_cast<int64_t>(*high));
  }
  return all;
}

void look(const nn::IntegerNetwork& network, const compress::AccumulatorBound& bound, const ops::QuantizedTensor& x,
          ObservedSums& seen) {
  const size_t i = static_cast<size_t>(bound.index);
  const ops::IntWeights& w = network.packed(i);
  const Tensor y = compress::layer_sums(
      network.spec().layers[i],
      network.spec().is_dynamic ? ops::pack_int_weights(w.values, {}, x.zero_point, w.groups, w.highest) : w, x,
      compress::window_of(network.spec().layers[i]));
  const std::vector<compress::SumBound> found = extremes(y);
  seen.sums += y.numel();
  for (size_t k = 0; k < found.size(); ++k) {
    seen.bits = std::max(seen.bits, compress::signed_bits(found[k].lowest, found[k].highest));
    seen.outside += found[k].lowest < bound.channels[k].lowest || found[k].highest > bound.channels[k].highest;
  }
}

}  // namespace

ObservedSums observed_sums(const nn::IntegerNetwork& network, const std::vector<compress::AccumulatorBound>& bounds,
                           const std::string& data, const std::string& data_root, int64_t subset, Console& console) {
  const data::DataSource source = data::open_data(data, data_root);
  if (!(source.test->image_shape() == network.spec().input))
    throw ArgumentError("--data " + data + ": its images are " + text(source.test->image_shape()) +
                        ", the network takes " + text(network.spec().input));
  const int64_t count = subset == 0 ? source.test->size() : std::min(subset, source.test->size());
  std::vector<int64_t> first(static_cast<size_t>(count));
  for (size_t i = 0; i < first.size(); ++i) first[i] = static_cast<int64_t>(i);
  data::Loader loader = evaluation_loader(data::subset(source.test, first), source.normalization, 64, 1);
  Progress& bar = console.progress("sums", loader.batches());
  ObservedSums seen{.images = count};
  loader.start(0);
  for (int64_t b = 0; b < loader.batches(); ++b) {
    check_interrupted();
    std::vector<ops::QuantizedTensor> values;
    network.run(loader.next().images, [&](int64_t, const ops::QuantizedTensor& q) { values.push_back(q); });
    for (const compress::AccumulatorBound& bound : bounds)
      look(network, bound,
           values[static_cast<size_t>(network.spec().layers[static_cast<size_t>(bound.index)].shape.input)], seen);
    if (bar.due()) bar.show(b, "");
  }
  console.end_progress();
  return seen;
}

}  // namespace pith::apps
