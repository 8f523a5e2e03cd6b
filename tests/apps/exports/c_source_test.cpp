// Exported C files: compiled by the C compiler that is there and run beside the integer network, bit for bit.
#include "apps/exports/c_source.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "apps/exports/memory_plan.h"
#include "tensor/error.h"
#include "tensor/random.h"
#include "tests/apps/program.h"
#include "tests/support/proved_networks.h"

namespace pith::apps {
namespace {

using nn::LayerKind;
using Run = void (*)(const float* image, float* logits);

/// Exit code of a compiler's run, with warnings as errors.
int compiled(const std::string& source, const std::string& options, const std::string& out) {
  return WEXITSTATUS(
      std::system(("cc -pedantic -Wall -Wextra -Werror " + options + " " + source + " -o " + out).c_str()));
}

/// A C function, in this process.
class Library {
 public:
  explicit Library(const std::string& path, const std::string& function) : handle_(::dlopen(path.c_str(), RTLD_NOW)) {
    if (handle_ != nullptr) run = reinterpret_cast<Run>(::dlsym(handle_, function.c_str()));
  }
  ~Library() {
    if (handle_ != nullptr) ::dlclose(handle_);
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  Run run = nullptr;

 private:
  void* handle_;
};

void expect_same_logits(const nn::IntegerSpec& spec, const std::string& options, const std::string& what) {
  const test::TemporaryDirectory folder;
  const nn::IntegerNetwork network(spec);
  const CSource c = c_source(network, "net");
  test::write_text(folder.file("net.c"), c.text);
  ASSERT_EQ(compiled(folder.file("net.c"), options + " -shared -fPIC", folder.file("net.so")), 0) << what;
  const Library library(folder.file("net.so"), c.function);
  ASSERT_NE(library.run, nullptr) << what;
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    Tensor x = Tensor::empty({1, spec.input[0], spec.input[1], spec.input[2]});
    fill_normal(x, 0, static_cast<double>(seed), {.seed = seed});  // the last ones beyond the input's range
    const std::vector<float> expected = network.run(x).to_vector<float>();
    std::vector<float> logits(expected.size());
    library.run(x.to_vector<float>().data(), logits.data());
    EXPECT_EQ(logits, expected) << what << ", seed " << seed;
  }
}

TEST(CSource, GivesTheLogitsOfNetworksAtEveryWidth) {
  for (const int bits : {1, 2, 3, 4, 5, 6, 7, 8}) {
    const compress::PostTrainingOptions o{.bits_weights = bits, .bits_activations = std::max(bits, 2)};
    expect_same_logits(test::quantized_network("lenet5", {1, 28, 28}, o), "-std=c99 -O1", "lenet5");
  }
  expect_same_logits(test::quantized_network("resnet20-cifar", {3, 16, 16}, {.bits_weights = 4}), "-std=c99 -O2",
                     "resnet20");
}

/// Where the compiler may fuse a product with a sum, it still must not.
TEST(CSource, GivesTheSameLogitsWhereTheCompilerMayFuse) {
  expect_same_logits(test::quantized_network("resnet20-cifar", {3, 16, 16}, {}),
                     "-std=gnu99 -O3 -march=native -ffp-contract=fast", "resnet20");
}

nn::IntegerLayer of_shape(nn::GraphLayer shape) {
  nn::IntegerLayer layer;
  layer.shape = std::move(shape);
  return layer;
}

/// Steps, gaps, groups, borders where 0 is no zero, pooling with a border, a mean, another grid; 18 by 17 pixels.
nn::IntegerSpec every_kind() {
  nn::IntegerSpec spec{.model = "*/ all", .input = {4, 18, 17}, .is_dynamic = false, .values = {}, .layers = {}};
  spec.values = {{0.02F, 117, 8}, {0.05F, 0, 6}, {0.05F, 0, 6}, {0.11F, 31, 8}, {0.3F, 3, 4},
                 {0.2F, 90, 8},   {0.07F, 9, 8}, {0.07F, 9, 8}, {1, 0, 8}};
  const auto drawn = [&](const Shape& shape, uint64_t seed) {
    Tensor w = Tensor::empty(shape);
    fill_uniform(w, -7.49, 7.49, {.seed = seed});
    std::vector<int8_t> levels;
    for (const float v : w.to_vector<float>()) levels.push_back(static_cast<int8_t>(std::lround(v)));
    return Tensor::from(levels, shape);
  };
  const auto product = [&](nn::GraphLayer shape, const Shape& weights, uint64_t seed) {
    nn::IntegerLayer layer = of_shape(std::move(shape));
    layer.bits = 4;
    layer.weights = drawn(weights, seed);
    std::vector<int32_t> bias;
    for (int64_t k = 0; k < weights[0]; ++k) {
      layer.weight_scale.push_back(0.01F * static_cast<float>(k + 1));
      bias.push_back(static_cast<int32_t>(100 * k - 250));
    }
    layer.bias = Tensor::from(bias, {weights[0]});
    return layer;
  };
  Window strided{.stride = {2, 1}, .padding = {2, 1}, .dilation = {2, 1}, .groups = 2};
  spec.layers.push_back(product(
      {.kind = LayerKind::conv, .name = "1st-conv", .input = 0, .relu = true, .window = strided, .output = {8, 9, 17}},
      {8, 2, 3, 3}, 1));
  spec.layers.push_back(of_shape({.kind = LayerKind::max_pool,
                                  .name = "*/ pool",
                                  .input = 1,
                                  .window = {.stride = {2, 2}, .padding = {1, 1}},
                                  .kernel = {3, 3},
                                  .output = {8, 5, 9}}));
  spec.layers.push_back(product({.kind = LayerKind::conv,
                                 .name = "deep",
                                 .input = 2,
                                 .window = {.padding = {1, 1}, .groups = 8},
                                 .output = {8, 5, 9}},
                                {8, 1, 3, 3}, 2));
  spec.layers.push_back(of_shape({.kind = LayerKind::requantize, .name = "a.b", .input = 3, .output = {8, 5, 9}}));
  spec.layers.push_back(product({.kind = LayerKind::conv,
                                 .name = "a_b",
                                 .input = 4,
                                 .residual = 3,
                                 .window = {.padding = {1, 1}},
                                 .output = {8, 5, 9}},
                                {8, 8, 3, 3}, 3));
  spec.layers.push_back(of_shape({.kind = LayerKind::mean_pool, .name = "mean", .input = 5, .output = {8, 1, 1}}));
  spec.layers.push_back(of_shape({.kind = LayerKind::flatten, .name = "flat", .input = 6, .output = {8}}));
  spec.layers.push_back(product({.kind = LayerKind::linear, .name = "dense", .input = 7, .output = {5}}, {5, 8}, 4));
  return spec;
}

TEST(CSource, KnowsEveryKindOfLayer) { expect_same_logits(every_kind(), "-std=c99 -O2", "every kind"); }

/// 70,225 products of 255 and 127 leave 32 bits.
TEST(CSource, AddsUpIn64BitsWhereItMust) {
  nn::IntegerSpec spec{.model = "wide", .input = {1, 265, 265}, .is_dynamic = false, .values = {}, .layers = {}};
  spec.values = {{0.01F, 0, 8}, {0.01F, 0, 8}, {1, 0, 8}};
  spec.layers.push_back(of_shape({.kind = LayerKind::flatten, .name = "flatten", .input = 0, .output = {70225}}));
  nn::IntegerLayer fc = of_shape({.kind = LayerKind::linear, .name = "fc", .input = 1, .output = {2}});
  fc.weights = Tensor::full({2, 70225}, 127, DType::s8);
  fc.weight_scale = {1, 0.5F};
  fc.bias = Tensor::from(std::vector<int32_t>{INT32_MIN, 5}, {2});
  spec.layers.push_back(fc);
  ASSERT_FALSE(nn::IntegerNetwork(spec).packed(1).parts.empty());
  EXPECT_NE(c_source(nn::IntegerNetwork(spec), "w").text.find("typedef int64_t sum_t;"), std::string::npos);
  expect_same_logits(spec, "-std=c99 -O1", "wide");
}

TEST(CSource, ChecksItselfAndFindsAChangedWeight) {
  const test::TemporaryDirectory folder;
  const CSource c = c_source(nn::IntegerNetwork(every_kind()), "net");
  const auto checked = [&](const std::string& text) {
    test::write_text(folder.file("net.c"), text);
    EXPECT_EQ(compiled(folder.file("net.c"), "-std=c99 -O1 -DPITH_CHECK", folder.file("check")), 0);
    return WEXITSTATUS(std::system((folder.file("check") + " > " + folder.file("said")).c_str()));
  };
  EXPECT_EQ(checked(c.text), 0);
  EXPECT_NE(test::read_text(folder.file("said")).find("bit for bit"), std::string::npos);
  std::string changed = c.text;
  const size_t at = changed.find("l7_dense_scale[5] = {\n ") + 23;
  changed.replace(at, changed.find('f', at) - at, "0.125");
  EXPECT_EQ(checked(changed), 1);
}

/// No two values that live at once share a byte; what flattening gives is its input.
TEST(MemoryPlan, KeepsApartWhatLivesTogether) {
  const nn::IntegerSpec spec = test::quantized_network("resnet20-cifar", {3, 16, 16}, {});
  const MemoryPlan plan = memory_plan(spec);
  const auto size = [&](int64_t v) {
    return v == 0 ? spec.input.numel() : spec.layers[static_cast<size_t>(v - 1)].shape.output.numel();
  };
  const int64_t values = std::ssize(spec.layers);
  std::vector<int64_t> last(static_cast<size_t>(values), -1);  // the layer that reads a value last
  for (int64_t i = 0; i < values; ++i)
    for (const int64_t v :
         {spec.layers[static_cast<size_t>(i)].shape.input, spec.layers[static_cast<size_t>(i)].shape.residual})
      if (v >= 0) last[static_cast<size_t>(v)] = i;
  int64_t all = 0;
  for (int64_t v = 0; v < values; ++v) {
    const size_t a = static_cast<size_t>(v);
    all += size(v);
    EXPECT_LE(plan.offset[a] + size(v), plan.bytes);
    if (v > 0 && spec.layers[a - 1].shape.kind == LayerKind::flatten) {
      EXPECT_EQ(plan.offset[a], plan.offset[static_cast<size_t>(spec.layers[a - 1].shape.input)]);
      continue;
    }
    for (int64_t u = 0; u < v; ++u)
      if (const size_t b = static_cast<size_t>(u); last[b] >= v - 1) {
        EXPECT_TRUE(plan.offset[a] + size(v) <= plan.offset[b] || plan.offset[b] + size(u) <= plan.offset[a])
            << u << " and " << v;
      }
  }
  EXPECT_LT(plan.bytes, all / 3);
}

TEST(CSource, RefusesWhatHasNoForm) {
  nn::IntegerSpec dynamic = test::quantized_network("lenet5", {1, 28, 28}, {.is_dynamic = true});
  EXPECT_NE(test::message_of<ArgumentError>([&] { c_source(nn::IntegerNetwork(dynamic), "x"); }).find("dynamic ranges"),
            std::string::npos);
}

}  // namespace
}  // namespace pith::apps
