// XNNPACK (Debian's libxnnpack-dev of February 2022) in the same process; compiled only where the package is there.
// It takes images in the order [n, h, w, c]; weights are packed beforehand, nothing is reordered while the clock runs.
//   xnnpack/f32/forward/stage1/n32/t1     dense f32, ours and XNNPACK in turns: "x xnnpack" is the ratio
// Its integer convolution is a turn of int8_conv/ (int8_bench.cpp).
#include "bench/rivals.h"

#ifdef PITH_BENCH_XNNPACK
#include <benchmark/benchmark.h>
#include <xnnpack.h>

#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/conv_case.h"
#include "bench/turns.h"
#include "tensor/kernels/table.h"
#include "tensor/parallel.h"

namespace pith::bench {
namespace {

constexpr size_t kReadBeyond = XNN_EXTRA_BYTES;

void check(xnn_status status, const char* what) {
  if (status != xnn_status_success) throw std::runtime_error(std::string("XNNPACK: ") + what + " failed");
}

/// An operator with its arrays. T: float or int8_t.
template <class T>
struct Convolution {
  xnn_operator_t op = nullptr;
  std::vector<T> x, w, y;
  std::vector<float> scale;  ///< of int8 weights, one a filter

  Convolution(const ConvLayer& l, int64_t batch)
      : x(static_cast<size_t>(l.x(batch).numel()) + kReadBeyond),
        w(static_cast<size_t>(l.w().numel())),
        y(static_cast<size_t>(conv2d_shape(l.x(batch), l.w(), l.window()).numel())),
        scale(static_cast<size_t>(l.k), 0.01f) {
    for (size_t i = 0; i < x.size(); ++i) x[i] = value(i);
    for (size_t i = 0; i < w.size(); ++i) w[i] = value(7 * i);
    check(xnn_initialize(nullptr), "xnn_initialize");
  }
  Convolution(const Convolution&) = delete;
  Convolution& operator=(const Convolution&) = delete;
  ~Convolution() { xnn_delete_operator(op); }

  static T value(size_t i) { return static_cast<T>(static_cast<int>(i * 37 % 61) - 30); }
  void run() const { check(xnn_run_operator(op, nullptr), "xnn_run_operator"); }
};

std::shared_ptr<Convolution<float>> make_f32(const ConvLayer& l, int64_t batch) {
  auto c = std::make_shared<Convolution<float>>(l, batch);
  const auto p = static_cast<uint32_t>(l.padding), k = static_cast<uint32_t>(l.kernel),
             s = static_cast<uint32_t>(l.stride), groups = static_cast<uint32_t>(l.groups);
  const size_t in = static_cast<size_t>(l.c), out = static_cast<size_t>(l.k), h = static_cast<size_t>(l.h);
  const float infinity = std::numeric_limits<float>::infinity();
  check(xnn_create_convolution2d_nhwc_f32(p, p, p, p, k, k, s, s, 1, 1, groups, in / groups, out / groups, in, out,
                                          c->w.data(), nullptr, -infinity, infinity, 0, &c->op),
        "xnn_create_convolution2d_nhwc_f32");
  check(xnn_setup_convolution2d_nhwc_f32(c->op, static_cast<size_t>(batch), h, h, c->x.data(), c->y.data(), nullptr),
        "xnn_setup_convolution2d_nhwc_f32");
  return c;
}

void forward(benchmark::State& state, const ConvLayer& l, int64_t batch) {
  set_threads(1);
  const Tensor x = laid_out(normal(l.x(batch)), l), w = normal(l.w(), 1);
  const auto rival = make_f32(l, batch);
  take_turns(state, {{"ours", l.operations(batch),
                      [&] { benchmark::DoNotOptimize(ops::conv2d(x, w, l.window()).data<float>()); }},
                     {"xnnpack", l.operations(batch), [&] { rival->run(); }}});
  state.SetLabel(kernels().isa);
}

const bool registered = [] {
  for (const ConvLayer& l : kResNetLayers)
    for (const int64_t batch : {32, 1})
      benchmark::RegisterBenchmark(
          ("xnnpack/f32/forward/" + std::string(l.name) + "/n" + std::to_string(batch) + "/t1").c_str(),
          [&l, batch](benchmark::State& state) { forward(state, l, batch); })
          ->UseManualTime();
  return true;
}();

}  // namespace

std::function<void()> xnnpack_int8(const ConvLayer& l, int64_t batch) {
  auto c = std::make_shared<Convolution<int8_t>>(l, batch);
  const auto p = static_cast<uint32_t>(l.padding), k = static_cast<uint32_t>(l.kernel),
             s = static_cast<uint32_t>(l.stride), groups = static_cast<uint32_t>(l.groups);
  const size_t in = static_cast<size_t>(l.c), out = static_cast<size_t>(l.k), h = static_cast<size_t>(l.h);
  check(xnn_create_convolution2d_nhwc_qc8(p, p, p, p, k, k, s, s, 1, 1, groups, in / groups, out / groups, in, out, 0,
                                          1.0f, c->scale.data(), c->w.data(), nullptr, 0, 1.0f, 0, 127, 0, &c->op),
        "xnn_create_convolution2d_nhwc_qc8");
  check(xnn_setup_convolution2d_nhwc_qc8(c->op, static_cast<size_t>(batch), h, h, c->x.data(), c->y.data(), nullptr),
        "xnn_setup_convolution2d_nhwc_qc8");
  return [c] { c->run(); };
}

}  // namespace pith::bench

#else

namespace pith::bench {
std::function<void()> xnnpack_int8(const ConvLayer&, int64_t) { return {}; }
}  // namespace pith::bench

#endif
