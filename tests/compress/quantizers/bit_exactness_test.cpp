// The promise of nn/quantized_training.h on the published ResNet-20 and CIFAR-10's test images: every layer's integers
// of the training-time graph and of packed inference, compared by equality; static and dynamic ranges, 8 bits to one,
// ternary and pruned; one and two threads; packed inference on every instruction set, the graph on that of PITH_ISA.
//
// 64 images, of which the scalar table sees 16; with PITH_LONG_TESTS=1 all 10,000, and 512 on the scalar table; with
// PITH_LONG_TESTS=all every one on the scalar table, too, which takes hours.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "compress/quantizers/post_training.h"
#include "compress/quantizers/residual_sums.h"
#include "compress/quantizers/training_choice.h"
#include "data/dataset.h"
#include "data/loader.h"
#include "nn/checkpoint.h"
#include "nn/fold.h"
#include "nn/models.h"
#include "nn/packed_network.h"
#include "nn/quantized_training.h"
#include "tensor/parallel.h"
#include "tests/support/files.h"
#include "tests/support/tables.h"

namespace pith::compress {
namespace {

constexpr const char* kWeights = "checkpoints/checkpoint_trained_dense.safetensors";

bool is_long() { return std::getenv("PITH_LONG_TESTS") != nullptr; }
int64_t scalar_images() {
  const char* const long_tests = std::getenv("PITH_LONG_TESTS");
  if (long_tests == nullptr) return 16;
  return std::string_view(long_tests) == "all" ? 10'000 : 512;
}
bool is_scalar(const KernelTable& table) { return std::string(table.isa) == "scalar"; }

struct Case {
  const char* name;  ///< as gtest wants it: letters, digits and _
  PostTrainingOptions options;
  double sparsity = 0;
  TrainingChoice training = {};
};

std::vector<Case> cases() {
  using Weights = nn::WeightTraining;
  using Values = nn::ValueTraining;
  ClipOptions mse;
  mse.mode = ClipMode::mse;
  const auto narrow = [&](int w, int a) {
    return PostTrainingOptions{.bits_weights = w, .bits_activations = a, .clip = mse, .weight_range = WeightRange::mse};
  };
  const auto with_sums = [](PostTrainingOptions o) {
    o.bits_residual = 8;
    return o;
  };
  const auto with_shortcuts = [&](PostTrainingOptions o) {
    o.bits_shortcuts = 8;
    return with_sums(o);
  };
  return {{"W8A8_static", {}},
          {"W8A8_dynamic", {.is_dynamic = true}},
          {"W4A8", narrow(4, 8)},
          {"W4A4", narrow(4, 4)},
          {"W2A2", narrow(2, 2)},
          {"ternary_A8", narrow(2, 8)},
          {"W1A1", narrow(1, 1)},
          {"W2A2_sums_of_8_bits", with_sums(narrow(2, 2))},
          {"W1A1_sums_and_shortcuts_of_8_bits", with_shortcuts(narrow(1, 1)), 0, {Weights::binary, Values::lsq}},
          {"W8A8_80_percent_pruned", {}, 0.8},
          {"TWN_PACT_A4", narrow(2, 4), 0, {Weights::ternary, Values::pact}},
          {"BWN_tracked_A1", narrow(1, 1), 0, {Weights::binary, Values::ema}},
          {"DoReFa_W4_fixed_A4", narrow(4, 4), 0, {Weights::dorefa, Values::fixed}},
          {"WRPN_W4A8", narrow(4, 8), 0, {Weights::wrpn, Values::lsq}},
          {"INQ_W5A8", narrow(5, 8), 0, {Weights::inq, Values::lsq}},
          {"ABC_W3A4", narrow(3, 4), 0, {Weights::abc, Values::lsq}}};
}

/// The share of each layer's weights that is smallest becomes 0.
void prune(nn::Graph& graph, double sparsity) {
  for (nn::GraphLayer& layer : graph.layers) {
    if (!layer.has_weights() || sparsity == 0) continue;
    layer.weight = layer.weight.clone();
    float* const w = layer.weight.mutable_data<float>();
    std::vector<float> sizes(w, w + layer.weight.numel());
    for (float& v : sizes) v = std::abs(v);
    const auto at = sizes.begin() + static_cast<int64_t>(sparsity * static_cast<double>(sizes.size()));
    std::nth_element(sizes.begin(), at, sizes.end());
    for (int64_t i = 0; i < layer.weight.numel(); ++i)
      if (std::abs(w[i]) < *at) w[i] = 0;
  }
}

void set_masks(nn::QuantizedTraining& training) {
  training.visit_parameters([](const std::string& name, nn::Parameter& p) {
    if (!name.ends_with(".weight")) return;
    std::vector<uint8_t> keep;
    for (const float v : p.value().to_vector<float>()) keep.push_back(v != 0);
    p.set_mask(std::make_shared<const Mask>(Mask::from(Tensor::from(keep, p.shape()))));
  });
}

struct Tally {
  int64_t images = 0, integers = 0, differing = 0;
};

/// Adds the comparison of one batch: `graph` holds the whole numbers of every value.
void compare(const nn::IntegerNetwork& network, const Tensor& images, const std::vector<Tensor>& graph,
             const KernelTable& table, Tally& tally) {
  network.run(
      images,
      [&](int64_t value, const ops::QuantizedTensor& q) {
        const bool is_logits = q.values.dtype() == DType::f32;
        const Tensor packed = to_plain(is_logits ? q.values : ops::dequantize({q.values, 1, q.zero_point}));
        const Tensor& expected = graph[static_cast<size_t>(value)];
        ASSERT_EQ(packed.numel(), expected.numel());
        const float *const a = packed.data<float>(), *const b = expected.data<float>();
        int64_t differing = 0;
        for (int64_t i = 0; i < packed.numel(); ++i) differing += a[i] != b[i];
        tally.integers += packed.numel(), tally.differing += differing;
      },
      table);
  tally.images += images.shape()[0];
}

/// The network and its data, once for all formats; no graph where the data is absent.
struct Subject {
  data::DataSource source;
  nn::Graph graph;

  static const Subject& get() {
    static const Subject subject = open();
    return subject;
  }
  static Subject open() {
    if (test::real_data(kWeights).empty() || test::real_data("cifar-10").empty()) return {};
    const auto model = nn::make_model("resnet20-cifar");
    nn::load_weights(test::real_data(kWeights), *model);
    nn::fold_batch_norm(*model);
    return {data::open_data("cifar10"), nn::graph_of(*model, {3, 32, 32})};
  }
};

class BitExactness : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (Subject::get().graph.layers.empty())
      GTEST_SKIP() << "PITH_DATA names no folder with " << kWeights << " and cifar-10";
  }
  ~BitExactness() override { set_threads(threads_before_); }

  nn::IntegerSpec spec_of(const Case& c) const {
    nn::Graph graph = subject_.graph;
    prune(graph, c.sparsity);
    data::Loader loader(subject_.source.train, subject_.source.normalization, {.batch_size = 64, .workers = 0});
    loader.start(0);
    const Tensor x = loader.next().images;
    Calibration calibration(graph);
    calibration.add_extremes(x);
    calibration.add_moments(x);
    Statistics statistics = calibration.finish();
    if (c.options.bits_residual != 0) {
      graph = with_requantized_sums(
          graph, c.options.bits_shortcuts != 0 ? WideReaders::sums_and_shortcuts : WideReaders::sums);
      statistics = with_requantized_sums(statistics, graph);
    }
    return chosen_training(quantize_after_training(graph, statistics, c.options, "resnet20-cifar"), c.training,
                           c.options.bits_weights);
  }
  void expect_exact(const Case& c, const nn::IntegerSpec& start, int threads, int64_t images) const;

  const Subject& subject_ = Subject::get();
  const int threads_before_ = threads();
};

void BitExactness::expect_exact(const Case& c, const nn::IntegerSpec& start, int threads, int64_t images) const {
  set_threads(threads);
  nn::QuantizedTraining training(start);
  training.set_training(false);
  if (c.sparsity > 0) set_masks(training);
  const nn::IntegerNetwork network(training.spec());
  const std::vector<const KernelTable*> tables = test::tables();
  std::vector<Tally> tallies(tables.size());
  data::Loader loader(subject_.source.test, subject_.source.normalization,
                      {.batch_size = is_long() ? 64 : 16, .workers = 0});
  loader.start(0);
  for (int64_t seen = 0; seen < images;) {
    const Tensor x = loader.next().images;
    std::vector<Tensor> values;
    training.run(Variable(x), [&](int64_t, const Tensor& v) { values.push_back(to_plain(v).contiguous()); });
    for (size_t t = 0; t < tables.size(); ++t)
      if (!is_scalar(*tables[t]) || seen < scalar_images()) compare(network, x, values, *tables[t], tallies[t]);
    seen += x.shape()[0];
  }
  for (size_t t = 0; t < tables.size(); ++t) {
    std::printf("%-24s graph on %s, packed on %-7s %d thread%s %6ld images: %ld of %ld integers differ\n", c.name,
                kernels().isa, tables[t]->isa, threads, threads == 1 ? ", " : "s,",
                static_cast<long>(tallies[t].images), static_cast<long>(tallies[t].differing),
                static_cast<long>(tallies[t].integers));
    EXPECT_EQ(tallies[t].differing, 0) << c.name << " " << tables[t]->isa << " " << threads;
    EXPECT_GT(tallies[t].integers, 190'000 * tallies[t].images);
  }
  std::fflush(stdout);
}

TEST_P(BitExactness, HoldsInEveryLayer) {
  const NoGradient inference;
  const int64_t images = is_scalar(kernels()) ? scalar_images() : is_long() ? 10'000 : 64;
  const nn::IntegerSpec start = spec_of(GetParam());
  for (const int count : {1, 2}) expect_exact(GetParam(), start, count, images);
}

INSTANTIATE_TEST_SUITE_P(Formats, BitExactness, testing::ValuesIn(cases()),
                         [](const testing::TestParamInfo<Case>& format) { return format.param.name; });

}  // namespace
}  // namespace pith::compress
