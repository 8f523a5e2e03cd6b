#include "compress/thinning/channels.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "nn/layers/activation.h"
#include "nn/layers/batch_norm.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/dropout.h"
#include "nn/layers/join.h"
#include "nn/layers/linear.h"
#include "nn/layers/pool.h"
#include "tensor/error.h"

namespace pith::compress {

using Signal = std::vector<Channel>;

/// The walk that makes a ChannelMap: what each layer does to the channels that it is given.
class ChannelWalk {
 public:
  ChannelWalk(ChannelMap& map, const std::vector<nn::TraceStep>& steps) : map_(map), steps_(steps) {}

  void run() {
    const nn::TraceStep& first = steps_.front();
    image_ = fresh(first.input[1], Lock::yes);
    std::set<const nn::Module*> seen;
    for (const nn::TraceStep& step : steps_) {
      if (!seen.insert(step.layer).second) throw Error("thinning: layer " + step.name + " runs twice");
      signals_.push_back(after(step));
    }
    lock_outputs();
    find_norms();
  }

 private:
  enum class Lock : bool { no, yes };

  Signal fresh(int64_t count, Lock lock) {
    Signal out;
    for (int64_t i = 0; i < count; ++i) {
      out.push_back({map_.count(), false, 0});
      map_.parent_.push_back(map_.count());
      map_.locked_.push_back(lock == Lock::yes);
    }
    return out;
  }
  void lock(const Signal& signal) {
    for (const Channel& c : signal) map_.locked_[static_cast<size_t>(map_.root(c.id))] = true;
  }
  void unite(int64_t a, int64_t b) {
    const int64_t from = map_.root(a), to = map_.root(b);
    map_.parent_[static_cast<size_t>(from)] = to;
    map_.locked_[static_cast<size_t>(to)] =
        map_.locked_[static_cast<size_t>(to)] || map_.locked_[static_cast<size_t>(from)];
  }
  void bind(const std::string& tensor, int axis, const Signal& signal, const std::string& maker = "") {
    Binding b{tensor, axis, {}, maker};
    for (const Channel& c : signal) b.ids.push_back(c.id);
    map_.bindings_.push_back(std::move(b));
  }

  const Signal& signal(int64_t step) const { return step < 0 ? image_ : signals_[static_cast<size_t>(step)]; }

  /// What the layer reads; flattened where it sees features: each channel then stands for all of its pixels.
  Signal input(const nn::TraceStep& step) const {
    const Signal& in = signal(step.inputs.front());
    const int64_t channels = step.input[1], each = channels / std::ssize(in);
    if (each == 1) return in;
    Signal out;
    for (const Channel& c : in) out.insert(out.end(), static_cast<size_t>(each), c);
    return out;
  }

  Signal after(const nn::TraceStep& step) {
    nn::Module& layer = *step.layer;
    const std::string_view type = layer.type();
    if (auto* const conv = dynamic_cast<nn::Conv2d*>(&layer)) return after_conv(step, *conv);
    if (auto* const linear = dynamic_cast<nn::Linear*>(&layer)) return after_linear(step, *linear);
    if (auto* const norm = dynamic_cast<nn::BatchNorm2d*>(&layer)) return after_norm(step, *norm);
    if (dynamic_cast<nn::EltwiseAdd*>(&layer) != nullptr) return after_add(step);
    if (dynamic_cast<nn::Concat*>(&layer) != nullptr) return after_concat(step);
    if (type == "Flatten") return after_flatten(step);
    if (type == "SubsamplePad") {  // adds channels of its own, at fixed places
      lock(input(step));
      return fresh(step.output[1], Lock::yes);
    }
    return after_map(step);
  }

  Signal after_flatten(const nn::TraceStep& step) const {
    nn::TraceStep flat = step;
    flat.input = step.output;
    return input(flat);
  }

  /// Element by element, or plane by plane: the channels stay; does what is constant stay so, too?
  Signal after_map(const nn::TraceStep& step) const {
    const nn::Module& layer = *step.layer;
    Signal out = input(step);
    for (Channel& c : out) {
      if (dynamic_cast<const nn::ReLU*>(&layer) != nullptr) {
        c.value = std::max(c.value, 0.0);
      } else if (const auto* const clip = dynamic_cast<const nn::ClippedReLU*>(&layer)) {
        c.value = std::clamp(c.value, 0.0, clip->limit());
      } else if (dynamic_cast<const nn::Sigmoid*>(&layer) != nullptr) {
        c.value = 1 / (1 + std::exp(-c.value));
      } else if (dynamic_cast<const nn::Tanh*>(&layer) != nullptr) {
        c.value = std::tanh(c.value);
      } else if (is_zero_only(layer)) {
        c.is_constant = c.is_constant && c.value == 0;
      } else if (!passes(layer)) {
        throw Error("thinning: does not know what " + std::string(layer.type()) + " " + step.name +
                    " does to channels");
      }
    }
    return out;
  }
  /// Layers of which only f(0) = 0 is known here; padded zeros of an average count.
  static bool is_zero_only(const nn::Module& layer) {
    const auto* const average = dynamic_cast<const nn::AvgPool2d*>(&layer);
    return dynamic_cast<const nn::PACT*>(&layer) != nullptr || dynamic_cast<const nn::LeakyReLU*>(&layer) != nullptr ||
           (average != nullptr && (average->window().padding[0] > 0 || average->window().padding[1] > 0));
  }
  static bool passes(const nn::Module& layer) {
    return dynamic_cast<const nn::Dropout*>(&layer) != nullptr ||
           dynamic_cast<const nn::AvgPool2d*>(&layer) != nullptr ||
           dynamic_cast<const nn::MaxPool2d*>(&layer) != nullptr ||
           dynamic_cast<const nn::GlobalAvgPool*>(&layer) != nullptr;
  }

  Signal after_norm(const nn::TraceStep& step, nn::BatchNorm2d& norm) {
    Signal out = input(step);
    for (const char* const tensor : {"weight", "bias", "running_mean", "running_var"})
      bind(step.name + "." + tensor, 0, out);
    if (norm.is_identity()) return out;
    const std::vector<double> gamma = norm.weight().value().to_vector<double>();
    const std::vector<double> beta = norm.bias().value().to_vector<double>();
    const std::vector<double> mean = norm.running_mean().to_vector<double>();
    const std::vector<double> variance = norm.running_var().to_vector<double>();
    for (size_t i = 0; i < out.size(); ++i) {
      const double scale = gamma[i] / std::sqrt(variance[i] + norm.epsilon());
      out[i].value = (out[i].value - mean[i]) * scale + beta[i];
      out[i].is_constant = out[i].is_constant || gamma[i] == 0;
      if (gamma[i] == 0) out[i].value = beta[i];
    }
    return out;
  }

  Signal after_add(const nn::TraceStep& step) {
    Signal out = signal(step.inputs[0]);
    const Signal& other = signal(step.inputs[1]);
    for (size_t i = 0; i < out.size(); ++i) {
      unite(out[i].id, other[i].id);
      out[i].is_constant = out[i].is_constant && other[i].is_constant;
      out[i].value += other[i].value;
    }
    return out;
  }

  Signal after_concat(const nn::TraceStep& step) const {
    Signal out;
    for (const int64_t i : step.inputs) out.insert(out.end(), signal(i).begin(), signal(i).end());
    return out;
  }

  Signal after_conv(const nn::TraceStep& step, nn::Conv2d& conv) {
    const Window& w = conv.window();
    const bool pads = w.padding[0] > 0 || w.padding[1] > 0;
    if (w.groups == 1) return mix(step, conv.weight(), conv.bias(), pads);
    const Signal in = input(step);
    const Shape& shape = conv.weight().shape();
    if (w.groups == std::ssize(in) && shape[0] == w.groups) return after_depthwise(step, conv, in, pads);
    lock(in);  // groups of one width each: taking a channel out of one would break it
    const Signal out = fresh(shape[0], Lock::yes);
    return out;
  }

  /// One filter a channel: it passes its channel on.
  Signal after_depthwise(const nn::TraceStep& step, nn::Conv2d& conv, Signal out, bool pads) {
    bind(step.name + ".weight", 0, out, step.name);
    if (conv.bias() != nullptr) bind(step.name + ".bias", 0, out);
    const std::vector<double> weight = conv.weight().value().to_vector<double>();
    const std::vector<double> bias = bias_of(conv.bias(), std::ssize(out));
    const size_t each = weight.size() / out.size();
    for (size_t i = 0; i < out.size(); ++i) {
      bool zero = true;
      double sum = 0;
      for (size_t t = i * each; t < (i + 1) * each; ++t) {
        zero = zero && weight[t] == 0;
        sum += weight[t];
      }
      const double in = zero ? 0 : out[i].value;
      out[i].is_constant = zero || (out[i].is_constant && (!pads || in == 0));
      out[i].value = bias[i] + in * sum;
    }
    return out;
  }

  Signal after_linear(const nn::TraceStep& step, nn::Linear& linear) {
    return mix(step, linear.weight(), linear.bias(), false);
  }

  static std::vector<double> bias_of(nn::Parameter* bias, int64_t count) {
    return bias != nullptr ? bias->value().to_vector<double>() : std::vector<double>(static_cast<size_t>(count), 0);
  }

  /// weight [out, in, ...]: every output is made anew from all inputs.
  Signal mix(const nn::TraceStep& step, nn::Parameter& weight, nn::Parameter* bias, bool pads) {
    Reader reader{step.name, step.layer, input(step), {}, pads, bias != nullptr};
    const int64_t outs = weight.shape()[0], ins = weight.shape()[1], each = weight.value().numel() / (outs * ins);
    reader.weighs.assign(static_cast<size_t>(ins), false);
    Signal out = fresh(outs, Lock::no);
    const std::vector<double> w = weight.value().to_vector<double>(), b = bias_of(bias, outs);
    for (int64_t k = 0; k < outs; ++k) {
      Channel& y = out[static_cast<size_t>(k)];
      y.is_constant = true;
      y.value = b[static_cast<size_t>(k)];
      for (int64_t i = 0; i < ins; ++i) {
        double sum = 0;
        bool zero = true;
        for (int64_t t = (k * ins + i) * each; t < (k * ins + i + 1) * each; ++t) {
          zero = zero && w[static_cast<size_t>(t)] == 0;
          sum += w[static_cast<size_t>(t)];
        }
        if (zero) continue;
        const Channel& x = reader.inputs[static_cast<size_t>(i)];
        reader.weighs[static_cast<size_t>(i)] = true;
        y.is_constant = y.is_constant && x.is_constant && (!pads || x.value == 0);
        y.value += sum * x.value;
      }
    }
    bind(step.name + ".weight", 0, out, step.name);
    bind(step.name + ".weight", 1, reader.inputs);
    if (bias != nullptr) bind(step.name + ".bias", 0, out);
    map_.readers_.push_back(std::move(reader));
    return out;
  }

  /// What nobody reads is a result of the network.
  void lock_outputs() {
    std::vector<bool> read(steps_.size(), false);
    for (const nn::TraceStep& step : steps_)
      for (const int64_t i : step.inputs)
        if (i >= 0) read[static_cast<size_t>(i)] = true;
    for (size_t i = 0; i < steps_.size(); ++i)
      if (!read[i]) lock(signals_[i]);
  }

  void find_norms() {
    for (Reader& reader : map_.readers_) {
      const auto made =
          std::find_if(steps_.begin(), steps_.end(), [&](const auto& s) { return s.layer == reader.layer; });
      const int64_t place = made - steps_.begin();
      const nn::TraceStep* only = nullptr;
      int64_t count = 0;
      for (const nn::TraceStep& step : steps_)
        for (const int64_t i : step.inputs)
          if (i == place) only = &step, ++count;
      const auto* const norm = count == 1 ? dynamic_cast<nn::BatchNorm2d*>(only->layer) : nullptr;
      if (norm != nullptr && !norm->is_identity()) reader.norm_mean = only->name + ".running_mean";
    }
  }

  ChannelMap& map_;
  const std::vector<nn::TraceStep>& steps_;
  Signal image_;
  std::vector<Signal> signals_;
};

ChannelMap::ChannelMap(const std::vector<nn::TraceStep>& steps) {
  if (steps.empty()) throw Error("thinning: the network has no layers");
  ChannelWalk(*this, steps).run();
}

int64_t ChannelMap::root(int64_t id) const {
  while (parent_[static_cast<size_t>(id)] != id) id = parent_[static_cast<size_t>(id)];
  return id;
}

}  // namespace pith::compress
