// How cost grows, all values of one axis taking turns in one row:
//   growth/dense_forward/channels     3 x 3 convolutions of 16 x 16 pixels, batch 32, c = k = 16 .. 128
//   growth/.../pixels, batch, kept    32 channels: pictures of 8 to 64, batches of 16 to 256, 5 to 100 % of the weights
//   growth/dense_forward/threads      stages 1 to 3, batch 128, on 1 thread and 2 by wall time; also the training step
// Counters: time_turns' (turns.h) with "ops <value>" and "bytes <value>" (kernel_case.h), and "l2", bytes of the
// second-level cache. `pith bench growth` fits them.
#include <unistd.h>

#include "autograd/ops/softmax_loss.h"
#include "bench/kernel_case.h"
#include "bench/network_case.h"
#include "bench/turns.h"
#include "nn/optim/optimizer.h"
#include "tensor/kernels/table.h"
#include "tensor/parallel.h"

namespace pith::bench {
namespace {

struct Point {
  int64_t value;
  ConvLayer layer;
  int64_t batch;
  int kept;
};

ConvLayer square(int64_t channels, int64_t pixels) { return {"", channels, pixels, channels, 3, 1, 1, 1}; }

std::vector<Point> points_of(const std::string& axis, int kept) {
  std::vector<Point> all;
  if (axis == "channels")
    for (const int64_t c : {16, 32, 64, 128}) all.push_back({c, square(c, 16), 32, kept});
  if (axis == "pixels")
    for (const int64_t h : {8, 16, 32, 64}) all.push_back({h, square(32, h), 32, kept});
  if (axis == "batch")
    for (const int64_t n : {16, 32, 64, 128, 256}) all.push_back({n, square(32, 16), n, kept});
  if (axis == "kept")
    for (const int k : {5, 10, 20, 50, 100}) all.push_back({k, square(32, 16), 32, k});
  return all;
}

void growth(benchmark::State& state, const std::string& kernel, const std::string& axis) {
  set_threads(1);
  std::vector<Turn> turns;
  for (const Point& p : points_of(axis, kernel.starts_with("sparse") ? 10 : 100)) {
    const KernelCase c = kernel_case(kernel, p.layer, p.batch, p.kept);
    const std::string value = std::to_string(p.value);
    turns.push_back({value, c.operations, c.run});
    state.counters["ops " + value] = c.operations;
    state.counters["bytes " + value] = c.bytes;
  }
  time_turns(state, std::move(turns));
  state.counters["l2"] = static_cast<double>(::sysconf(_SC_LEVEL2_CACHE_SIZE));
  state.SetLabel(kernels().isa);
}

/// The same work on one thread and on two. The change of crew is timed, too: some microseconds of milliseconds.
void threads(benchmark::State& state, double operations, const std::function<void()>& run) {
  const auto on = [&](int n) {
    return [=, &run] {
      set_threads(n);
      run();
    };
  };
  time_turns(state, {{"1", operations, on(1)}, {"2", operations, on(2)}}, wall_seconds);
  set_threads(1);
  state.SetLabel(kernels().isa);
}

void training_step(benchmark::State& state) {
  const NetworkCase net = make_case("resnet20-cifar", 128);
  const auto optimizer = nn::make_sgd(*net.model, {.momentum = 0.9});
  threads(state, 1, [&] {
    softmax_cross_entropy(net.model->call(Variable(net.images)), net.labels).backward();
    optimizer->step(0.01);
    net.model->clear_gradients();
  });
}

template <class F>
void add_row(const std::string& name, const F& run) {
  benchmark::RegisterBenchmark(("growth/" + name).c_str(), run)->UseManualTime()->Unit(benchmark::kMicrosecond);
}

const bool registered = [] {
  for (const char* kernel :
       {"dense_forward", "dense_dx", "dense_dw", "sparse_forward", "sparse_dx", "sparse_dw", "int8"})
    for (const char* axis : {"channels", "pixels", "batch"})
      add_row(std::string(kernel) + "/" + axis, [=](benchmark::State& s) { growth(s, kernel, axis); });
  for (const char* kernel : {"sparse_forward", "sparse_dx", "sparse_dw", "int8_1x4"})
    add_row(std::string(kernel) + "/kept", [=](benchmark::State& s) { growth(s, kernel, "kept"); });
  for (const char* kernel : {"dense_forward", "dense_dx", "dense_dw", "sparse_forward", "int8"})
    for (const ConvLayer& l : kResNetLayers)
      if (l.c == l.k)
        add_row(std::string(kernel) + "_" + l.name + "/threads", [=](benchmark::State& s) {
          set_threads(1);
          const KernelCase c = kernel_case(kernel, l, 128, 10);
          threads(s, c.operations, c.run);
        });
  add_row("training_step_resnet20/threads", training_step);
  return true;
}();

}  // namespace
}  // namespace pith::bench
