// oneDNN 2.6 (Debian's libdnnl-dev) on the layers of conv_bench.cpp, in the same process; compiled only where the
// package is there. It chooses its own blocked formats for everything (format_tag::any); reorders are not counted.
//   pith_bench --benchmark_filter='(dense_conv|dnnl/f32)/.*stage' --benchmark_enable_random_interleaving=true ...
#ifdef PITH_BENCH_DNNL
#include <benchmark/benchmark.h>

#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <unordered_map>

#include "bench/conv_layers.h"
#include "bench/rivals.h"

namespace pith::bench {
namespace {

using dnnl::memory;

/// One pass of one convolution, ready to run.
class DnnlPass {
 public:
  DnnlPass(const ConvLayer& l, ConvPass pass, int64_t batch) : engine_(dnnl::engine::kind::cpu, 0), stream_(engine_) {
    const auto any = memory::format_tag::any;
    const auto f32 = memory::data_type::f32;
    const Shape y = conv2d_shape(l.x(batch), l.w(), l.window());
    const memory::dims weights = l.groups == 1
                                     ? memory::dims{l.k, l.c, l.kernel, l.kernel}
                                     : memory::dims{l.groups, l.k / l.groups, l.c / l.groups, l.kernel, l.kernel};
    const memory::desc src({batch, l.c, l.h, l.h}, f32, any), w(weights, f32, any),
        dst({y[0], y[1], y[2], y[3]}, f32, any);
    const int64_t after = (y[2] - 1) * l.stride + l.kernel - l.h - l.padding;
    const memory::dims stride{l.stride, l.stride}, left{l.padding, l.padding}, right{after, after};
    const auto direct = dnnl::algorithm::convolution_direct;
    const dnnl::convolution_forward::desc op(dnnl::prop_kind::forward_training, direct, src, w, dst, stride, left,
                                             right);
    const dnnl::convolution_forward::primitive_desc forward(op, engine_);
    if (pass == ConvPass::forward) {
      primitive_ = dnnl::convolution_forward(forward);
      take(DNNL_ARG_SRC, forward.src_desc()), take(DNNL_ARG_WEIGHTS, forward.weights_desc());
      take(DNNL_ARG_DST, forward.dst_desc());
    } else if (pass == ConvPass::input) {
      const dnnl::convolution_backward_data::desc back(direct, src, w, dst, stride, left, right);
      const dnnl::convolution_backward_data::primitive_desc d(back, engine_, forward);
      primitive_ = dnnl::convolution_backward_data(d);
      take(DNNL_ARG_DIFF_SRC, d.diff_src_desc()), take(DNNL_ARG_WEIGHTS, d.weights_desc());
      take(DNNL_ARG_DIFF_DST, d.diff_dst_desc());
    } else {
      const dnnl::convolution_backward_weights::desc back(direct, src, w, dst, stride, left, right);
      const dnnl::convolution_backward_weights::primitive_desc d(back, engine_, forward);
      primitive_ = dnnl::convolution_backward_weights(d);
      take(DNNL_ARG_SRC, d.src_desc()), take(DNNL_ARG_DIFF_WEIGHTS, d.diff_weights_desc());
      take(DNNL_ARG_DIFF_DST, d.diff_dst_desc());
    }
  }
  void run() {
    primitive_.execute(stream_, arguments_);
    stream_.wait();
  }

 private:
  void take(int argument, const memory::desc& d) {
    memory m(d, engine_);
    auto* const values = static_cast<float*>(m.get_data_handle());
    for (size_t i = 0; i < d.get_size() / sizeof(float); ++i) values[i] = static_cast<float>(i * 37 % 61) / 61 - 0.5f;
    arguments_.emplace(argument, m);
  }
  dnnl::engine engine_;
  dnnl::stream stream_;
  dnnl::primitive primitive_;
  std::unordered_map<int, memory> arguments_;
};

void dnnl_conv(benchmark::State& state, ConvLayer layer, ConvPass pass, int64_t batch) {
  hold_rivals_to_one_thread();
  DnnlPass rival(layer, pass, batch);
  for (auto _ : state) rival.run();
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
#endif
