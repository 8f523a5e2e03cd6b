// The loader: images per second of one thread, and with background workers. Rows of CIFAR-10's shape, bytes by formula.
#include <benchmark/benchmark.h>

#include <vector>

#include "data/augment.h"
#include "data/digits.h"
#include "data/loader.h"
#include "data/memory_dataset.h"

namespace pith::data {
namespace {

const Shape kCifar{3, 32, 32};
const Normalization kHalf{{0.5f, 0.5f, 0.5f}, {0.5f, 0.5f, 0.5f}};

std::shared_ptr<const Dataset> cifar_like(int64_t n) {
  std::vector<uint8_t> pixels(static_cast<size_t>(n * kCifar.numel()));
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<uint8_t>(i * 2654435761u >> 13);
  return std::make_shared<MemoryDataset>(kCifar, std::move(pixels), std::vector<int32_t>(static_cast<size_t>(n)),
                                         std::vector<std::string>{"any"}, "bench");
}

/// Epochs of 10 000 images in batches of 128; range(0): workers (0: the caller's thread), range(1): crop and flip.
void BM_Loader(benchmark::State& state) {
  const LoaderOptions options{.batch_size = 128,
                              .shuffle = true,
                              .augmentation = {.crop_padding = state.range(1) ? 4 : 0, .flip = state.range(1) != 0},
                              .workers = static_cast<int>(state.range(0))};
  Loader loader(cifar_like(10000), kHalf, options);
  int64_t epoch = 0;
  for (auto _ : state) {
    loader.start(epoch++);
    for (int64_t i = 0; i < loader.batches(); ++i) benchmark::DoNotOptimize(loader.next().images.data<float>());
  }
  state.SetItemsProcessed(state.iterations() * loader.samples());
}
BENCHMARK(BM_Loader)
    ->ArgNames({"workers", "augment"})
    ->Args({0, 0})
    ->Args({0, 1})
    ->Args({1, 1})
    ->Args({2, 1})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

/// One image, bytes to floats, by the Normalizer ...
void BM_Normalize(benchmark::State& state) {
  const auto d = cifar_like(64);
  const Normalizer normalizer(kHalf, 3);
  std::vector<float> out(static_cast<size_t>(kCifar.numel()));
  int64_t i = 0;
  for (auto _ : state) {
    write_sample(d->pixels(i++ % 64), kCifar, {}, normalizer, out.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Normalize);

/// ... and by its rival, a table of 256 floats.
void BM_NormalizeByTable(benchmark::State& state) {
  const auto d = cifar_like(64);
  std::vector<float> out(static_cast<size_t>(kCifar.numel())), table(256);
  for (size_t v = 0; v < 256; ++v) table[v] = (static_cast<float>(v) / 255.0f - 0.5f) / 0.5f;
  int64_t i = 0;
  for (auto _ : state) {
    const auto in = d->pixels(i++ % 64);
    for (size_t j = 0; j < out.size(); ++j) out[j] = table[in[j]];
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_NormalizeByTable);

void BM_DrawDigits(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(draw_digits(0, 1000, 0));
  state.SetItemsProcessed(state.iterations() * 1000);
}
BENCHMARK(BM_DrawDigits)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace pith::data
