// Every kernel under its roof: roofline/dense_forward/stage1, batch 128, one thread, in turns with the machine's two
// limits. Counters, medians: "rate" (10^9 operations a second), "ceiling" (the same of the unit that it runs on:
// multiply-adds, VNNI, population counts), "memory" (GB/s of reading), "operations" and "bytes" of a call
// (kernel_case.h). `pith bench roofline` draws them.
#include "bench/ceiling.h"
#include "bench/kernel_case.h"
#include "bench/turns.h"
#include "tensor/kernels/table.h"
#include "tensor/parallel.h"
#include "tensor/tensor.h"

namespace pith::bench {
namespace {

Turn ceiling_of(const std::string& kernel) {
  if (kernel == "bits") return {"ceiling", kPopcountOperations, popcount_chains};
  if (kernel.starts_with("int")) return {"ceiling", kVnniOperations, vnni_chains};
  return {"ceiling", 12 * 32 * 1e5, [] { fma_chains_512(100'000); }};
}

void roofline(benchmark::State& state, const std::string& kernel, const ConvLayer& layer) {
  if (!kernels_for("avx512") || !__builtin_cpu_supports("avx512vpopcntdq"))
    return state.SkipWithError("the ceilings want AVX-512 with VNNI and VPOPCNTDQ");
  set_threads(1);
  const KernelCase c = kernel_case(kernel, layer, 128, 10);
  constexpr int64_t kFloats = 1 << 24;
  const Tensor far = Tensor::zeros({kFloats});
  const Rounds r = run_rounds(state, {{"kernel", c.operations, c.run},
                                      ceiling_of(kernel),
                                      {"memory", 4.0 * kFloats, [&] { read_lines(far.data<float>(), kFloats); }}});
  const auto rate = [&](size_t i) { return 1e-9 * r.turns()[i].operations / r.median(i); };
  state.counters["rate"] = rate(0);
  state.counters["ceiling"] = rate(1);
  state.counters["memory"] = rate(2);
  state.counters["operations"] = c.operations;
  state.counters["bytes"] = c.bytes;
  state.SetLabel(kernels().isa);
}

const bool registered = [] {
  for (const char* kernel : {"dense_forward", "dense_dx", "dense_dw", "sparse_forward", "sparse_dx", "sparse_dw",
                             "int8", "int8_1x4", "int4", "bits"})
    for (const ConvLayer& l : kResNetLayers)
      if (l.c == l.k)
        benchmark::RegisterBenchmark((std::string("roofline/") + kernel + "/" + l.name).c_str(),
                                     [=](benchmark::State& s) { roofline(s, kernel, l); })
            ->UseManualTime()
            ->Unit(benchmark::kMicrosecond);
  return true;
}();

}  // namespace
}  // namespace pith::bench
