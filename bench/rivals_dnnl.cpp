// oneDNN 2.6 (Debian's libdnnl-dev) in the same process; compiled only where the package is there. It chooses its own
// blocked formats for everything (format_tag::any); reorders are not counted.
//   dnnl/f32/forward/stage1/n128/t1     the layers of conv_bench.cpp
#include "bench/rivals.h"

#ifdef PITH_BENCH_DNNL
#include <benchmark/benchmark.h>

#include <memory>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <unordered_map>
#include <vector>

namespace pith::bench {
namespace {

using dnnl::memory;

/// One primitive with its memory, ready to run.
class Primitive {
 public:
  Primitive() : engine_(dnnl::engine::kind::cpu, 0), stream_(engine_) { hold_rivals_to_one_thread(); }
  const dnnl::engine& engine() const { return engine_; }
  void set(const dnnl::primitive& primitive) { primitive_ = primitive; }
  void take_floats(int argument, const memory::desc& d) {
    memory m(d, engine_);
    auto* const values = static_cast<float*>(m.get_data_handle());
    for (size_t i = 0; i < d.get_size() / sizeof(float); ++i) values[i] = static_cast<float>(i * 37 % 61) / 61 - 0.5f;
    arguments_.emplace(argument, m);
  }
  void take_bytes(int argument, const memory::desc& d, unsigned step) {
    memory m(d, engine_);
    auto* const bytes = static_cast<unsigned char*>(m.get_data_handle());
    for (size_t i = 0; i < d.get_size(); ++i) bytes[i] = static_cast<unsigned char>(i * step * 37 % 61);
    arguments_.emplace(argument, m);
  }
  void run() {
    primitive_.execute(stream_, arguments_);
    stream_.wait();
  }

 private:
  dnnl::engine engine_;
  dnnl::stream stream_;
  dnnl::primitive primitive_;
  std::unordered_map<int, memory> arguments_;
};

/// Where the window lies, in oneDNN's words.
struct Place {
  memory::dims stride, left, right;
};
Place place_of(const ConvLayer& l) {
  const int64_t out = conv2d_shape(l.x(1), l.w(), l.window())[2];
  const int64_t after = (out - 1) * l.stride + l.kernel - l.h - l.padding;
  return {{l.stride, l.stride}, {l.padding, l.padding}, {after, after}};
}

constexpr auto kDirect = dnnl::algorithm::convolution_direct;

}  // namespace

std::function<void()> dnnl_u8s8(const ConvLayer& l, int64_t batch) {
  const auto p = std::make_shared<Primitive>();
  const auto any = memory::format_tag::any;
  const Place at = place_of(l);
  const Shape y = conv2d_shape(l.x(batch), l.w(), l.window());
  const memory::desc src({batch, l.c, l.h, l.h}, memory::data_type::u8, any);
  const memory::desc weights({l.k, l.c, l.kernel, l.kernel}, memory::data_type::s8, any);
  const memory::desc bias({l.k}, memory::data_type::s32, memory::format_tag::a);
  const memory::desc dst({y[0], y[1], y[2], y[3]}, memory::data_type::u8, any);
  const dnnl::convolution_forward::desc op(dnnl::prop_kind::forward_inference, kDirect, src, weights, bias, dst,
                                           at.stride, at.left, at.right);
  dnnl::primitive_attr attributes;
  attributes.set_output_scales(1 << 1, std::vector<float>(static_cast<size_t>(l.k), 1e-4f));
  dnnl::post_ops relu;
  relu.append_eltwise(1, dnnl::algorithm::eltwise_relu, 0, 0);
  attributes.set_post_ops(relu);
  const dnnl::convolution_forward::primitive_desc d(op, attributes, p->engine());
  p->set(dnnl::convolution_forward(d));
  p->take_bytes(DNNL_ARG_SRC, d.src_desc(), 3), p->take_bytes(DNNL_ARG_WEIGHTS, d.weights_desc(), 1);
  p->take_bytes(DNNL_ARG_BIAS, bias, 0), p->take_bytes(DNNL_ARG_DST, d.dst_desc(), 0);
  return [p] { p->run(); };
}

std::function<void()> dnnl_f32(const ConvLayer& l, ConvPass pass, int64_t batch) {
  if (pass == ConvPass::measured) return {};
  const auto p = std::make_shared<Primitive>();
  const auto any = memory::format_tag::any;
  const auto f32 = memory::data_type::f32;
  const Place at = place_of(l);
  const Shape y = conv2d_shape(l.x(batch), l.w(), l.window());
  const memory::dims weights = l.groups == 1
                                   ? memory::dims{l.k, l.c, l.kernel, l.kernel}
                                   : memory::dims{l.groups, l.k / l.groups, l.c / l.groups, l.kernel, l.kernel};
  const memory::desc src({batch, l.c, l.h, l.h}, f32, any), w(weights, f32, any),
      dst({y[0], y[1], y[2], y[3]}, f32, any);
  const dnnl::convolution_forward::desc op(dnnl::prop_kind::forward_training, kDirect, src, w, dst, at.stride, at.left,
                                           at.right);
  const dnnl::convolution_forward::primitive_desc forward(op, p->engine());
  if (pass == ConvPass::forward) {
    p->set(dnnl::convolution_forward(forward));
    p->take_floats(DNNL_ARG_SRC, forward.src_desc()), p->take_floats(DNNL_ARG_WEIGHTS, forward.weights_desc());
    p->take_floats(DNNL_ARG_DST, forward.dst_desc());
  } else if (pass == ConvPass::input) {
    const dnnl::convolution_backward_data::desc back(kDirect, src, w, dst, at.stride, at.left, at.right);
    const dnnl::convolution_backward_data::primitive_desc d(back, p->engine(), forward);
    p->set(dnnl::convolution_backward_data(d));
    p->take_floats(DNNL_ARG_DIFF_SRC, d.diff_src_desc()), p->take_floats(DNNL_ARG_WEIGHTS, d.weights_desc());
    p->take_floats(DNNL_ARG_DIFF_DST, d.diff_dst_desc());
  } else {
    const dnnl::convolution_backward_weights::desc back(kDirect, src, w, dst, at.stride, at.left, at.right);
    const dnnl::convolution_backward_weights::primitive_desc d(back, p->engine(), forward);
    p->set(dnnl::convolution_backward_weights(d));
    p->take_floats(DNNL_ARG_SRC, d.src_desc()), p->take_floats(DNNL_ARG_DIFF_WEIGHTS, d.diff_weights_desc());
    p->take_floats(DNNL_ARG_DIFF_DST, d.diff_dst_desc());
  }
  return [p] { p->run(); };
}

namespace {

void dnnl_conv(benchmark::State& state, ConvLayer layer, ConvPass pass, int64_t batch) {
  const auto rival = dnnl_f32(layer, pass, batch);
  for (auto _ : state) rival();
  state.counters["GFLOP/s"] =
      benchmark::Counter(layer.operations(batch) * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}

const bool registered = [] {
  for (const ConvLayer& layer : kConvLayers)
    for (const int64_t batch : {128, 32, 1})
      for (const auto& [name, pass] : kConvPasses) {
        if (pass == ConvPass::measured || (batch == 1 && pass != ConvPass::forward)) continue;
        benchmark::RegisterBenchmark(
            ("dnnl/f32/" + std::string(name) + "/" + layer.name + "/n" + std::to_string(batch) + "/t1").c_str(),
            dnnl_conv, layer, pass, batch);
      }
  return true;
}();

}  // namespace
}  // namespace pith::bench
#else
namespace pith::bench {
std::function<void()> dnnl_u8s8(const ConvLayer&, int64_t) { return {}; }
std::function<void()> dnnl_f32(const ConvLayer&, ConvPass, int64_t) { return {}; }
}  // namespace pith::bench
#endif
