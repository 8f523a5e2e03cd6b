#include "apps/summaries/layer_measurement.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

#include "apps/interrupt.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/linear.h"
#include "tensor/random.h"

namespace pith::apps {
namespace {

/// A tap on the model, in evaluation and without gradients, while it lives.
class Watch {
 public:
  Watch(nn::Module& model, nn::Tap tap) : model_(model), training_(model.training()) {
    model_.set_training(false);
    model_.set_tap(std::make_shared<const nn::Tap>(std::move(tap)));
  }
  ~Watch() {
    model_.set_tap(nullptr);
    model_.set_training(training_);
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

 private:
  nn::Module& model_;
  bool training_;
  NoGradient inference_;
};

bool multiplies(nn::Module& m) {
  return dynamic_cast<nn::Conv2d*>(&m) != nullptr || dynamic_cast<nn::Linear*>(&m) != nullptr;
}

/// Noise of a fixed seed: zeros would flatter kernels that skip them.
Variable noise(const Shape& image, int64_t batch) {
  Tensor x = Tensor::empty({batch, image[0], image[1], image[2]});
  fill_uniform(x, -1, 1, {.purpose = Purpose::synthetic});
  return Variable(x);
}

using Clock = std::chrono::steady_clock;

double microseconds(Clock::duration d) { return std::chrono::duration<double, std::micro>(d).count(); }

LayerLatency latency_of(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  return {times.front(), times[times.size() / 2], std::ssize(times)};
}

template <class F>
LayerLatency measure(const F& run, double milliseconds) {
  run();  // what is made at first use: plans, memory
  std::vector<double> times;
  double total = 0;
  while (times.size() < 5 || (total < milliseconds * 1000 && times.size() < 10000)) {
    const auto start = Clock::now();
    run();
    times.push_back(microseconds(Clock::now() - start));
    total += times.back();
  }
  return latency_of(std::move(times));
}

}  // namespace

std::map<std::string, LayerLatency> layer_latencies(nn::Module& model, const Shape& image, int64_t batch,
                                                    double milliseconds) {
  struct Call {
    std::string name;
    nn::Module* layer;
    Variable x;
  };
  std::vector<Call> calls;
  {
    const Watch watch(model, [&](const std::string& name, nn::Module& m, const Variable& x, const Variable&) {
      if (multiplies(m)) calls.push_back({name, &m, x});
    });
    model.call(noise(image, batch));
  }
  const NoGradient inference;
  std::map<std::string, LayerLatency> all;
  for (const Call& c : calls) {
    check_interrupted();
    all[c.name] = measure([&] { c.layer->call(c.x); }, milliseconds);
  }
  return all;
}

std::map<std::string, LayerLatency> integer_latencies(const nn::IntegerNetwork& network, int64_t batch,
                                                      double milliseconds) {
  const Tensor x = noise(network.spec().input, batch).value();
  network.run(x);
  std::map<std::string, std::vector<double>> times;
  const Clock::time_point start = Clock::now();
  for (int64_t run = 0; run < 5 || (microseconds(Clock::now() - start) < milliseconds * 1000 && run < 10000); ++run) {
    check_interrupted();
    Clock::time_point last = Clock::now();
    network.run(x, [&](int64_t value, const ops::QuantizedTensor&) {
      const Clock::time_point now = Clock::now();
      if (value > 0) {
        const nn::IntegerLayer& layer = network.spec().layers[static_cast<size_t>(value - 1)];
        times[layer.shape.name].push_back(microseconds(now - last));
      }
      last = Clock::now();
    });
  }
  std::map<std::string, LayerLatency> all;
  for (auto& [name, t] : times) all[name] = latency_of(std::move(t));
  return all;
}

LayerLatency network_latency(nn::Module& model, const Shape& image, int64_t batch, double milliseconds) {
  const NoGradient inference;
  const bool training = model.training();
  model.set_training(false);
  const Variable x = noise(image, batch);
  const LayerLatency l = measure([&] { model.call(x); }, milliseconds);
  model.set_training(training);
  return l;
}

std::map<std::string, double> input_zeros(nn::Module& model, data::Loader& loader) {
  struct Count {
    int64_t zeros = 0, all = 0;
  };
  std::map<std::string, Count> counts;
  const Watch watch(model, [&](const std::string& name, nn::Module& m, const Variable& x, const Variable&) {
    if (!multiplies(m)) return;
    const std::vector<float> values = x.value().to_vector<float>();
    counts[name].zeros += std::count(values.begin(), values.end(), 0.0F);
    counts[name].all += std::ssize(values);
  });
  loader.start(0);
  for (int64_t b = 0; b < loader.batches(); ++b) {
    check_interrupted();
    model.call(Variable(loader.next().images));
  }
  std::map<std::string, double> shares;
  for (const auto& [name, c] : counts) shares[name] = 100.0 * static_cast<double>(c.zeros) / static_cast<double>(c.all);
  return shares;
}

}  // namespace pith::apps
