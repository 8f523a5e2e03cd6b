// Tied groups, counted by hand on small networks and on ResNet-20, and schedules with group_dependency: Auto.
#include "compress/thinning/tied_groups.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "autograd/ops/shape.h"
#include "autograd/ops/softmax_loss.h"
#include "compress/pruners/ranked_norm.h"
#include "compress/schedule/schedule_file.h"
#include "compress/schedule/scheduler.h"
#include "compress/thinning/thinning.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/linear.h"
#include "nn/layers/pool.h"
#include "nn/models.h"
#include "tensor/error.h"
#include "tensor/random.h"
#include "tests/support/files.h"
#include "tests/support/joined_layers.h"

namespace pith::compress {
namespace {

using nn::Sequential;
using Names = std::vector<std::string>;

std::unique_ptr<nn::Conv2d> conv(int64_t in, int64_t out, int64_t kernel, int64_t groups = 1) {
  nn::ConvOptions o = nn::square(kernel);
  o.window.groups = groups;
  return std::make_unique<nn::Conv2d>(in, out, o);
}

/// 0: 3 -> 4; 1.body.0: 4 -> 6; 1.body.1: 6 -> 4, and a sum; 2: 4 -> 2.
std::unique_ptr<Sequential> residual() {
  auto body = std::make_unique<Sequential>();
  body->add(conv(4, 6, 3));
  body->add(conv(6, 4, 3));
  auto net = std::make_unique<Sequential>();
  net->add(conv(3, 4, 1));
  net->add(std::make_unique<test::Residual>(std::move(body), true));
  net->add(conv(4, 2, 1));
  return net;
}

/// 0.a.0: 3 -> 2 beside 0.b.0: 3 -> 3; 1.body.0: 5 -> 5, summed with both; 2: 5 -> 2.
std::unique_ptr<Sequential> concatenated() {
  auto a = std::make_unique<Sequential>(), b = std::make_unique<Sequential>(), body = std::make_unique<Sequential>();
  a->add(conv(3, 2, 1));
  b->add(conv(3, 3, 3));
  body->add(conv(5, 5, 3));
  auto net = std::make_unique<Sequential>();
  net->add(std::make_unique<test::Branches>(std::move(a), std::move(b)));
  net->add(std::make_unique<test::Residual>(std::move(body), false));
  net->add(conv(5, 2, 1));
  return net;
}

/// 0: 3 -> 4; 1: depthwise; 2: 4 -> 3; flattened 4 x 4; 4: 48 -> 2.
std::unique_ptr<Sequential> separable() {
  auto net = std::make_unique<Sequential>();
  net->add(conv(3, 4, 1));
  net->add(conv(4, 4, 3, 4));
  net->add(conv(4, 3, 1));
  net->add(std::make_unique<nn::Flatten>());
  net->add(std::make_unique<nn::Linear>(48, 2));
  return net;
}

const Shape kImage{3, 4, 4};

std::vector<TiedGroup> groups(nn::Module& net, const Names& names, GroupType type, const Shape& image = kImage) {
  return tied_groups(ChannelMap(nn::trace(net, image)), names, type);
}
std::vector<Names> members(nn::Module& net, const Names& names, GroupType type, const Shape& image = kImage) {
  std::vector<Names> all;
  for (const TiedGroup& group : groups(net, names, type, image)) {
    Names& own = all.emplace_back();
    for (const size_t i : group.members) own.push_back(names[i]);
  }
  return all;
}

TEST(TiedGroups, AreWhatAResidualSumAddsUp) {
  const auto net = residual();
  EXPECT_EQ(members(*net, {"0.weight", "1.body.0.weight", "1.body.1.weight"}, GroupType::filter),
            (std::vector<Names>{{"0.weight", "1.body.1.weight"}, {"1.body.0.weight"}}));
  // What the sum makes is read by the body and by the layer behind it.
  EXPECT_EQ(members(*net, {"1.body.0.weight", "1.body.1.weight", "2.weight"}, GroupType::channel),
            (std::vector<Names>{{"1.body.0.weight", "2.weight"}, {"1.body.1.weight"}}));
}

TEST(TiedGroups, HoldTheUnitsOfEveryPartOfAConcatenation) {
  const auto net = concatenated();
  const auto all = groups(*net, {"0.a.0.weight", "0.b.0.weight", "1.body.0.weight"}, GroupType::filter);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].units, 5);
  EXPECT_EQ(all[0].unit_of, (std::vector<std::vector<int64_t>>{{0, 1}, {2, 3, 4}, {0, 1, 2, 3, 4}}));
}

TEST(TiedGroups, HoldADepthwiseConvolutionAndTheOneInFrontOfIt) {
  const auto net = separable();
  EXPECT_EQ(members(*net, {"2.weight", "0.weight", "1.weight"}, GroupType::filter),
            (std::vector<Names>{{"2.weight"}, {"0.weight", "1.weight"}}));
}

TEST(TiedGroups, CountAFlattenedChannelOnce) {
  const auto net = separable();
  const auto all = groups(*net, {"4.weight"}, GroupType::channel);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].units, 3);
  for (size_t i = 0; i < 48; ++i) EXPECT_EQ(all[0].unit_of[0][i], static_cast<int64_t>(i / 16)) << i;
}

TEST(TiedGroups, NameTheWeightThatIsMissing) {
  const auto net = residual();
  EXPECT_EQ(test::message_of<ArgumentError>([&] { groups(*net, {"1.body.1.weight"}, GroupType::filter); }),
            "the network ties the filters of 1.body.1.weight to those of 0.weight, which is not among the weights; "
            "they can go only together");
  EXPECT_THROW(groups(*net, {"0.bias"}, GroupType::filter), ArgumentError);
  EXPECT_THROW(groups(*separable(), {"1.weight"}, GroupType::channel), ArgumentError);  // it mixes no channels
  EXPECT_THROW(groups(*net, {"0.weight"}, GroupType::kernel), ArgumentError);
}

/// The groups that Distiller's schedules for ResNet-20 list by hand, with leaders; all other convolutions are alone.
std::vector<Names> leaders_by_hand() {
  std::vector<Names> all{{"conv1.weight", "layer1.0.conv2.weight", "layer1.1.conv2.weight", "layer1.2.conv2.weight"}};
  for (const std::string layer : {"layer2.", "layer3."})
    all.push_back({layer + "0.conv2.weight", layer + "0.downsample.0.weight", layer + "1.conv2.weight",
                   layer + "2.conv2.weight"});
  for (const std::string layer : {"layer1.", "layer2.", "layer3."})
    for (const std::string block : {"0", "1", "2"}) all.push_back({layer + block + ".conv1.weight"});
  return all;
}

TEST(TiedGroups, AreThoseThatDistillerListsForResNet20) {
  const auto net = nn::make_model("resnet20-cifar");
  Names names;
  net->visit_parameters([&](const std::string& name, nn::Parameter& p) {
    if (p.shape().rank() == 4) names.push_back(name);
  });
  std::vector<Names> found = members(*net, names, GroupType::filter, {3, 32, 32}), expected = leaders_by_hand();
  std::sort(found.begin(), found.end());
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(found, expected);
}

/// Trained-looking numbers everywhere.
void fill(nn::Module& net) {
  uint64_t item = 0;
  net.visit_parameters([&](const std::string&, nn::Parameter& p) {
    Tensor t = Tensor::empty(p.shape());
    fill_normal(t, p.shape().rank() == 1 ? 0.5 : 0, 0.2, {.seed = 21, .item = item++});
    p.load(t);
  });
  net.visit_buffers([&](const std::string& name, Tensor& b) {
    fill_uniform(b, name.ends_with("var") ? 0.5 : -0.5, 1.5, {.seed = 22, .item = item++});
  });
}

nn::Parameter& parameter(nn::Module& net, const std::string& wanted) {
  nn::Parameter* found = nullptr;
  net.visit_parameters([&](const std::string& name, nn::Parameter& p) {
    if (name == wanted) found = &p;
  });
  if (found == nullptr) throw std::runtime_error("no " + wanted);
  return *found;
}

/// Of every filter: is it kept?
std::vector<bool> kept_filters(const nn::Parameter& p) {
  std::vector<bool> kept;
  const int64_t count = p.shape()[0], size = p.value().numel() / count;
  for (int64_t f = 0; f < count; ++f) kept.push_back(p.mask() == nullptr || p.mask()->keeps(f * size));
  return kept;
}

std::string automatic(const std::string& settings, const std::string& weights) {
  return "pruners:\n  tied: {class: " + settings + ", group_dependency: Auto, weights: [" + weights +
         "]}\npolicies:\n  - {pruner: {instance_name: tied}, epochs: [0]}\n";
}

/// One epoch of 10 minibatches in which nothing but the schedule changes the network.
void run(const std::string& text, nn::Module& net, const Shape& image) {
  Scheduler scheduler(parse_schedule(text, "s.yaml"), net, {.epochs = 1, .seed = 4, .doors = {.image = image}});
  nn::Clock clock{0, 0, 10, 1};
  scheduler.on_epoch_begin(clock);
  for (; clock.step < 10; ++clock.step) {
    scheduler.on_minibatch_begin(clock);
    Tensor x = Tensor::empty({4, image[0], image[1], image[2]});
    fill_normal(x, 0, 1, {.seed = 5, .item = static_cast<uint64_t>(clock.step)});
    const Variable y = net.call(Variable(x));
    net.clear_gradients();
    softmax_cross_entropy(y.shape().rank() == 2 ? y : flatten(y), Tensor::from(std::vector<int32_t>{0, 1, 2, 3}, {4}))
        .backward();
    scheduler.before_step(clock);
    scheduler.on_minibatch_end(clock);
  }
  clock.step = 9;
  scheduler.on_epoch_end(clock);
}

TEST(GroupDependencyAuto, RanksATiedGroupByTheSumOfItsCriteriaAndALoneWeightAlone) {
  const auto net = nn::make_model("resnet20-cifar");
  fill(*net);
  std::map<std::string, std::vector<double>> norms;  // the mean |w| of every filter, straight from the values
  net->visit_parameters([&](const std::string& name, nn::Parameter& p) {
    if (p.shape().rank() != 4) return;
    const std::vector<double> w = p.value().to_vector<double>();
    const size_t count = static_cast<size_t>(p.shape()[0]), size = w.size() / count;
    for (size_t f = 0; f < count; ++f) {
      double sum = 0;
      for (size_t i = f * size; i < (f + 1) * size; ++i) sum += std::abs(w[i]);
      norms[name].push_back(sum / static_cast<double>(size));
    }
  });
  run(automatic("L1RankedStructureParameterPruner, group_type: Filters, desired_sparsity: 0.25",
                "conv1.weight, 'layer*.conv?.weight', 'layer*.downsample.0.weight'"),
      *net, {3, 32, 32});
  for (const Names& group : leaders_by_hand()) {
    std::vector<double> sums(norms.at(group[0]).size(), 0);
    for (const std::string& name : group)
      for (size_t f = 0; f < sums.size(); ++f) sums[f] += norms.at(name)[f];
    std::vector<double> sorted = sums;
    std::sort(sorted.begin(), sorted.end());
    std::vector<bool> expected;
    for (const double s : sums) expected.push_back(s >= sorted[sums.size() / 4]);
    for (const std::string& name : group) EXPECT_EQ(kept_filters(parameter(*net, name)), expected) << name;
  }
}

TEST(GroupDependencyAuto, PrunesWhatThinningCanTakeAwayWhole) {
  const Shape image{3, 32, 32};
  const auto net = nn::make_model("resnet20-cifar");
  fill(*net);
  run(automatic("L1RankedStructureParameterPruner, group_type: Filters, desired_sparsity: 0.25",
                "conv1.weight, 'layer*.conv?.weight', 'layer*.downsample.0.weight'"),
      *net, image);
  Tensor x = Tensor::empty({3, 3, 32, 32});
  fill_normal(x, 0, 1, {.seed = 9});
  net->set_training(false);
  const NoGradient inference;
  const std::vector<float> masked = net->call(Variable(x)).value().to_vector<float>();
  const Thinning thinning = thin(*net, image);
  // Batch norm makes a constant of a pruned filter; where the reader pads, one channel stays to carry them.
  for (const ThinnedLayer& layer : thinning.layers) {
    EXPECT_GE(layer.after, layer.before * 3 / 4) << layer.name;
    EXPECT_LE(layer.after, layer.before * 3 / 4 + 1) << layer.name;
  }
  EXPECT_EQ(thinning.layers.size(), 21u);  // every convolution
  const std::vector<float> thinned = net->call(Variable(x)).value().to_vector<float>();
  float largest = 0;
  for (const float y : masked) largest = std::max(largest, std::abs(y));
  for (size_t i = 0; i < masked.size(); ++i) EXPECT_NEAR(thinned[i], masked[i], 1e-5F * largest) << i;
}

TEST(GroupDependencyAuto, GivesOneMaskByEveryCriterion) {
  const std::string level = ", group_type: Filters, desired_sparsity: 0.5";
  for (const std::string& pruner :
       {"L1RankedStructureParameterPruner" + level, "L2RankedStructureParameterPruner" + level,
        "ActivationAPoZRankedFilterPruner" + level, "ActivationMeanRankedFilterPruner" + level,
        "GradientRankedFilterPruner" + level, "RandomRankedFilterPruner" + level, "BernoulliFilterPruner" + level,
        std::string("RandomLevelStructureParameterPruner, group_type: Filters, sparsity_range: [0.5, 0.7]")}) {
    const auto net = residual();
    fill(*net);
    run(automatic(pruner, "0.weight, 1.body.1.weight"), *net, kImage);
    const std::vector<bool> first = kept_filters(parameter(*net, "0.weight"));
    EXPECT_EQ(kept_filters(parameter(*net, "1.body.1.weight")), first) << pruner;
    EXPECT_GE(std::count(first.begin(), first.end(), true), 1) << pruner;
    if (!pruner.starts_with("Bernoulli")) {
      EXPECT_EQ(std::count(first.begin(), first.end(), false), 2) << pruner;
    }
  }
}

TEST(GroupDependencyAuto, PrunesChannelsThatAllReadersShare) {
  const auto net = residual();
  fill(*net);
  run(automatic("L1RankedStructureParameterPruner, group_type: Channels, desired_sparsity: 0.5",
                "1.body.0.weight, 2.weight"),
      *net, kImage);
  for (int64_t c = 0; c < 4; ++c)
    EXPECT_EQ(parameter(*net, "1.body.0.weight").mask()->keeps(c * 9), parameter(*net, "2.weight").mask()->keeps(c))
        << c;
  const Thinning thinning = thin(*net, kImage);
  ASSERT_EQ(thinning.layers.size(), 2u);  // both makers of the sum
  for (const ThinnedLayer& layer : thinning.layers) EXPECT_EQ(layer.after, 2) << layer.name;
}

std::string refusal(const std::string& text, nn::Module& net, const Shape& image) {
  const Schedule s = parse_schedule(text, "s.yaml");
  return test::message_of<FormatError>([&] { Scheduler(s, net, {.epochs = 1, .doors = {.image = image}}); });
}

TEST(GroupDependencyAuto, RefusesAtItsLineWhatCannotBeTied) {
  const std::string l1 = "L1RankedStructureParameterPruner, desired_sparsity: 0.5, group_type: ";
  const auto net = nn::make_model("resnet20-cifar");
  EXPECT_EQ(
      refusal(automatic(l1 + "Filters", "'layer1.*.conv2.weight'"), *net, {3, 32, 32}),
      "s.yaml:4: 'tied': the network ties the filters of layer1.0.conv2.weight to those of conv1.weight, which is "
      "not among the weights; they can go only together");
  EXPECT_EQ(refusal(automatic(l1 + "Filters", "layer1.0.conv1.weight"), *net, {}),
            "s.yaml:4: 'tied': group_dependency: Auto needs the graph of a network of images; this program has none");
  const std::string rows = automatic(l1 + "Rows", "fc.weight");
  EXPECT_EQ(
      test::message_of<FormatError>([&] { parse_schedule(rows, "s.yaml"); }),
      "s.yaml:2: pruner 'tied': group_dependency Auto wants group_type Filters or Channels: nothing else is tied by a "
      "network");
}

}  // namespace
}  // namespace pith::compress
