// Every pruner on weights small enough for arithmetic by hand.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "compress/pruners/erdos_renyi.h"
#include "compress/pruners/feature_map_reconstruction.h"
#include "compress/pruners/global.h"
#include "compress/pruners/greedy.h"
#include "compress/pruners/magnitude.h"
#include "compress/pruners/n_of_m.h"
#include "compress/pruners/random.h"
#include "compress/pruners/ranked_activation.h"
#include "compress/pruners/ranked_gradient.h"
#include "compress/pruners/ranked_norm.h"
#include "compress/pruners/regrowth.h"
#include "compress/pruners/saliency.h"
#include "compress/pruners/splicing.h"
#include "compress/pruners/structure_threshold.h"
#include "tensor/error.h"
#include "tensor/random.h"

namespace pith::compress {
namespace {

using Floats = std::vector<float>;

Tensor tensor(const Floats& values, const Shape& shape) { return Tensor::from(values, shape); }
Tensor row(const Floats& values) { return tensor(values, {1, static_cast<int64_t>(values.size())}); }
Floats bits(const Mask& mask) { return mask.to_tensor(DType::f32).to_vector<float>(); }
Mask mask_of(const Floats& keep) { return Mask::from(row(keep)); }

Tensor noise(const Shape& shape, uint64_t seed) {
  Tensor t = Tensor::empty(shape);
  fill_normal(t, 0, 1, {.seed = seed, .purpose = Purpose::test});
  return t;
}

TEST(Magnitude, PrunesWhatEqualsTheThreshold) {
  EXPECT_EQ(bits(prune_below(row({0.1F, -0.1F, 0.2F, -0.3F, 0}), 0.1)), (Floats{0, 0, 1, 1, 0}));
  EXPECT_EQ(bits(prune_below(row({0, 1e-30F}), 0)), (Floats{0, 1}));
  EXPECT_THROW(prune_below(row({1}), -1), ArgumentError);
  EXPECT_THROW(prune_below(row({1}), std::nan("")), ArgumentError);
}

TEST(Magnitude, PrunesExactlyTheShareOfAConstantTensor) {
  // The model prunes all of it: every element equals the threshold.
  const Mask mask = prune_to_level(Tensor::full({10}, 0.5), 0.3);
  EXPECT_EQ(mask.kept(), 7);
  EXPECT_EQ(bits(mask), (Floats{0, 0, 0, 1, 1, 1, 1, 1, 1, 1}));
}

TEST(Magnitude, PrunesNothingWhereTheShareIsLessThanOneWeight) {
  // The model raises an IndexError here.
  EXPECT_EQ(prune_to_level(row({1, 2, 3}), 0.3).kept(), 3);
  EXPECT_EQ(level_threshold(row({1, 2, 3}), 0.3), 0);
}

TEST(Magnitude, PrunesAllAtLevelOne) { EXPECT_EQ(prune_to_level(row({1, 2, 3}), 1).kept(), 0); }

TEST(Magnitude, RefusesWeightsThatAreNoNumbers) {
  EXPECT_THROW(prune_to_level(row({1, std::numeric_limits<float>::quiet_NaN()}), 0.5), NumericError);
}

TEST(Splicing, KeepsTheOldChoiceBetweenTheLimits) {
  const Tensor w = row({0.05F, 0.15F, -0.15F, 0.2F, -0.3F});
  EXPECT_EQ(bits(splice(w, mask_of({1, 1, 0, 0, 0}), {0.1, 0.2})), (Floats{0, 1, 0, 1, 1}));
  EXPECT_THROW(splice(w, mask_of({1}), {0.1, 0.2}), ShapeError);
}

TEST(Splicing, MakesItsLimitsOfMeanAndDeviation) {
  const SplicingBand band = splicing_band(row({1, -3}), 0.5, 0.9, 1.1);  // |w| has mean 2 and deviation sqrt(2)
  EXPECT_NEAR(band.low, (2 + 0.5 * std::sqrt(2.0)) * 0.9, 1e-12);
  EXPECT_NEAR(band.high, (2 + 0.5 * std::sqrt(2.0)) * 1.1, 1e-12);
  EXPECT_THROW(splicing_band(row({1, 2}), 0.5, 1.1, 0.9), ArgumentError);
}

TEST(RankedNorm, PrunesTheWeakestFiltersAndChannels) {
  const Tensor w = tensor({1, 1, 3, 0, 0, 5}, {3, 2});  // rows sum to 2, 3, 5; columns to 4, 6
  EXPECT_EQ(bits(prune_ranked_by_norm(w, Groups(w.shape(), GroupType::filter), Norm::mean_l1, 0.4)),
            (Floats{0, 0, 1, 1, 1, 1}));
  EXPECT_EQ(bits(prune_ranked_by_norm(w, Groups(w.shape(), GroupType::channel), Norm::mean_l1, 0.5)),
            (Floats{0, 1, 0, 1, 0, 1}));
}

TEST(RankedNorm, RanksByTheSquareWhereAsked) {
  const Tensor w = tensor({2, 2, 0, 3}, {2, 2});  // L1: 4 and 3; L2: 2.83 and 3
  const Groups filters(w.shape(), GroupType::filter);
  EXPECT_EQ(bits(prune_ranked_by_norm(w, filters, Norm::mean_l1, 0.5)), (Floats{1, 1, 0, 0}));
  EXPECT_EQ(bits(prune_ranked_by_norm(w, filters, Norm::mean_l2, 0.5)), (Floats{0, 0, 1, 1}));
}

TEST(RankedNorm, DrawsItsLevelFromTheRange) {
  const Tensor w = noise({100, 2}, 1);
  const Groups filters(w.shape(), GroupType::filter);
  for (uint64_t item = 0; item < 20; ++item) {
    const RankOptions options{.key = {.purpose = Purpose::mask, .item = item}};
    const double s = prune_ranked_at_random_level(w, filters, 0.2, 0.4, options).sparsity();
    EXPECT_GE(s, 0.19);
    EXPECT_LE(s, 0.4);
  }
  EXPECT_THROW(prune_ranked_at_random_level(w, filters, 0.5, 0.4, {}), ArgumentError);
}

TEST(RankedActivation, PrunesTheFilterThatIsMostlyZero) {
  const Groups filters({3, 1}, GroupType::filter);
  EXPECT_EQ(bits(prune_ranked_by_apoz(filters, std::vector<double>{0.2, 0.9, 0.5}, 0.34)), (Floats{1, 0, 1}));
}

TEST(RankedActivation, PrunesTheFilterWithTheLowestMeanActivation) {
  const Groups filters({3, 1}, GroupType::filter);
  EXPECT_EQ(bits(prune_ranked_by_mean_activation(filters, std::vector<double>{0.2, 0.9, 0.5}, 0.34)),
            (Floats{0, 1, 1}));
  EXPECT_THROW(prune_ranked_by_mean_activation(filters, std::vector<double>{0.2}, 0.34), ShapeError);
}

TEST(RankedGradient, PrunesTheFilterWithoutWhichTheLossMovesLeast) {
  const Tensor w = tensor({1, 1, 2, 0, 1, 2}, {3, 2}), g = tensor({-5, 1, 1, 9, 1, 1}, {3, 2});  // sums -4, 2, 3
  const Groups filters(w.shape(), GroupType::filter);
  EXPECT_EQ(gradient_scores(w, g, filters), (std::vector<double>{4, 2, 3}));
  EXPECT_EQ(bits(prune_ranked_by_gradient(w, g, filters, 0.34)), (Floats{1, 1, 0, 0, 1, 1}));
}

/// Of a quadratic loss 1/2 sum a (w - c)^2 the change without a filter is known; for small weights the first-order term
/// ranks it.
TEST(RankedGradient, RanksByWhatTheLossWouldChangeBy) {
  const std::vector<float> a{1, 3, 2, 5}, c{4, -1, 2, 1}, w{0.01F, 0.02F, -0.01F, 0.03F};
  std::vector<float> g(4);
  std::vector<double> change(4);
  for (size_t i = 0; i < 4; ++i) {
    g[i] = a[i] * (w[i] - c[i]);
    change[i] = std::abs(0.5 * a[i] * (c[i] * c[i] - (w[i] - c[i]) * (w[i] - c[i])));
  }
  const Tensor weights = tensor(w, {4, 1});
  const std::vector<double> scores = gradient_scores(weights, tensor(g, {4, 1}), {weights.shape(), GroupType::filter});
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(scores[i], change[i], 0.05 * change[i]) << i;
}

TEST(Random, PrunesExactlyTheShareByItsKey) {
  const Groups filters({40, 3}, GroupType::filter);
  const Mask a = prune_at_random(filters, 0.25, {.seed = 1, .purpose = Purpose::mask});
  EXPECT_EQ(a.kept(), 90);
  EXPECT_EQ(a, prune_at_random(filters, 0.25, {.seed = 1, .purpose = Purpose::mask}));
  EXPECT_FALSE(a == prune_at_random(filters, 0.25, {.seed = 2, .purpose = Purpose::mask}));
}

TEST(Random, KeepsByCoinAndScalesByWhatIsLeft) {
  const Groups filters({1000, 1}, GroupType::filter);
  const BernoulliMask coin = prune_by_coin(filters, 0.3, {.seed = 3, .purpose = Purpose::mask});
  EXPECT_NEAR(coin.mask.density(), 0.7, 0.06);  // four deviations
  EXPECT_DOUBLE_EQ(coin.scale, 1 / coin.mask.density());
  for (uint64_t seed = 0; seed < 50; ++seed)
    EXPECT_GT(
        prune_by_coin(Groups({2, 1}, GroupType::filter), 0.99, {.seed = seed, .purpose = Purpose::mask}).mask.kept(),
        0);
}

TEST(NOfM, KeepsTheLargestOfEveryGroup) {
  EXPECT_EQ(bits(prune_n_of_m(row({1, -4, 3, 2, 5, 5, 5, 5}), 2, 4)), (Floats{0, 1, 1, 0, 1, 1, 0, 0}));
}

TEST(NOfM, GroupsChannelsOfOneKernelPosition) {
  const Tensor w = tensor({1, 9, 2, 8}, {1, 2, 1, 2});  // channel 0: 1 9, channel 1: 2 8
  EXPECT_EQ(bits(prune_n_of_m(w, 1, 2)), (Floats{0, 1, 1, 0}));
}

TEST(NOfM, KeepsAtMostNOfAShortLastGroup) {
  EXPECT_EQ(bits(prune_n_of_m(row({1, 2, 3, 4, 6, 5, 7}), 2, 4)), (Floats{0, 0, 1, 1, 1, 0, 1}));
  EXPECT_EQ(bits(prune_n_of_m(row({1, 2, 3, 4, 0}), 2, 4)), (Floats{0, 0, 1, 1, 1}));
  EXPECT_THROW(prune_n_of_m(row({1}), 0, 4), ArgumentError);
  EXPECT_THROW(prune_n_of_m(tensor({1}, {1}), 2, 4), ShapeError);
}

TEST(StructureThreshold, PrunesGroupsWhoseNormEqualsIt) {
  const Tensor w = tensor({1, 1, 2, 2}, {2, 2});
  const Groups rows(w.shape(), GroupType::row);
  EXPECT_EQ(bits(prune_groups_below(w, rows, Norm::mean_l1, 1)), (Floats{0, 0, 1, 1}));
  EXPECT_EQ(bits(prune_groups_below(w, rows, Norm::largest, 2)), (Floats{0, 0, 0, 0}));
  EXPECT_EQ(bits(prune_groups_below(w, rows, Norm::l1, 2)), (Floats{0, 0, 1, 1}));
}

TEST(Saliency, IsWeightTimesDerivative) {
  const Tensor w = row({2, -1, 3}), g = row({-1, -4, 0});
  EXPECT_EQ(snip_scores(w, g), (std::vector<double>{2, 4, 0}));
  EXPECT_EQ(grasp_scores(w, g), (std::vector<double>{-2, 4, 0}));
  std::vector<double> movement(3, 1);
  add_movement(movement, w, g);
  EXPECT_EQ(movement, (std::vector<double>{3, -3, 1}));
  EXPECT_THROW(snip_scores(w, row({1})), ShapeError);
}

TEST(Saliency, FindsTheHessianTimesTheGradientOfAQuadratic) {
  // loss = (3 x^2 + y^2) / 2: g = (3 x, y), H g = (9 x, y).
  const double x = 2, y = 5, step = 0.01;
  const Tensor here = row({static_cast<float>(3 * x), static_cast<float>(y)});
  const Tensor there = row({static_cast<float>(3 * (x + step * 3 * x)), static_cast<float>(y + step * y)});
  const Floats hg = hessian_times_gradient(here, there, step).to_vector<float>();
  EXPECT_NEAR(hg[0], 18, 1e-3);
  EXPECT_NEAR(hg[1], 5, 1e-3);
}

TEST(Global, LetsTensorsCompeteForOneBudget) {
  const Groups a({1, 4}, GroupType::element), b({1, 4}, GroupType::element);
  const std::vector<Contestant> both = {{a, {5, 6, 7, 8}}, {b, {1, 2, 3, 9}}};
  const std::vector<Mask> masks = prune_globally(both, 0.375);
  EXPECT_EQ(masks[0].kept(), 4);
  EXPECT_EQ(bits(masks[1]), (Floats{0, 0, 0, 1}));
}

TEST(Global, NeverEmptiesATensor) {
  const std::vector<Contestant> both = {{Groups({4, 1}, GroupType::filter), {1, 1, 1, 1}},
                                        {Groups({4, 1}, GroupType::filter), {9, 9, 9, 9}}};
  const std::vector<Mask> masks = prune_globally(both, 0.75);
  EXPECT_EQ(masks[0].kept(), 1);
  EXPECT_EQ(masks[1].kept(), 1);
}

TEST(Global, CountsWeightsNotGroups) {
  const std::vector<Contestant> both = {{Groups({2, 10}, GroupType::filter), {1, 4}},
                                        {Groups({4, 1}, GroupType::filter), {2, 3, 5, 6}}};
  const std::vector<Mask> masks = prune_globally(both, 0.5);  // 12 of 24: the filter of 10, then two of 1
  EXPECT_EQ(masks[0].kept(), 10);
  EXPECT_EQ(masks[1].kept(), 2);
}

TEST(Global, RefusesScoresThatDoNotFit) {
  EXPECT_THROW(prune_globally(std::vector<Contestant>{{Groups({2, 1}, GroupType::filter), {1}}}, 0.5), ShapeError);
  EXPECT_THROW(prune_globally({}, 1), ArgumentError);
}

TEST(Global, ScoresByLampWhatRemainsOfTheSumOfSquares) {
  const std::vector<double> s = lamp_scores(row({1, -2, 3}));
  EXPECT_NEAR(s[0], 1.0 / 14, 1e-12);
  EXPECT_NEAR(s[1], 4.0 / 13, 1e-12);
  EXPECT_NEAR(s[2], 1, 1e-12);
  EXPECT_EQ(lamp_scores(row({0, 0})), (std::vector<double>{0, 0}));
}

TEST(ErdosRenyi, GivesTheWholeTheDensityAskedFor) {
  const std::vector<Shape> shapes = {{16, 3, 3, 3}, {16, 16, 3, 3}, {64, 64, 3, 3}, {10, 64}};
  for (const Allocation a : {Allocation::uniform, Allocation::erdos_renyi, Allocation::erdos_renyi_kernel})
    for (const double density : {0.02, 0.1, 0.5, 0.9, 1.0}) {
      const std::vector<double> d = allocate_density(shapes, density, a);
      double kept = 0, all = 0;
      for (size_t i = 0; i < d.size(); ++i) {
        EXPECT_GT(d[i], 0);
        EXPECT_LE(d[i], 1);
        kept += d[i] * static_cast<double>(shapes[i].numel());
        all += static_cast<double>(shapes[i].numel());
      }
      EXPECT_NEAR(kept / all, density, 1e-12);
    }
}

TEST(ErdosRenyi, IsInTheProportionOfThePaper) {
  const std::vector<Shape> shapes = {{64, 64, 3, 3}, {32, 32, 3, 3}};
  const std::vector<double> plain = allocate_density(shapes, 0.05, Allocation::erdos_renyi);
  EXPECT_NEAR(plain[1] / plain[0], (64.0 / 1024) / (128.0 / 4096), 1e-12);
  const std::vector<double> kernel = allocate_density(shapes, 0.05, Allocation::erdos_renyi_kernel);
  EXPECT_NEAR(kernel[1] / kernel[0], (70.0 / 9216) / (134.0 / 36864), 1e-12);
}

TEST(Regrowth, KeepsTheNumberAndMovesTheSmallest) {
  const Tensor w = row({5, 1, 4, 0, 0, 0}), g = row({0, 0, 0, 1, -9, 2});
  const Mask mask = mask_of({1, 1, 1, 0, 0, 0});
  EXPECT_EQ(bits(rigl_update(w, g, mask, 3, 0.34)), (Floats{1, 0, 1, 0, 1, 0}));
  EXPECT_EQ(bits(rigl_update(w, g, mask, 3, 0)), (Floats{1, 1, 1, 0, 0, 0}));
}

TEST(Regrowth, MayGrowAWeightThatWasJustDropped) {
  const Tensor w = row({5, 1, 0}), g = row({0, 9, 1});
  EXPECT_EQ(bits(rigl_update(w, g, mask_of({1, 1, 0}), 2, 0.5)), (Floats{1, 1, 0}));
}

TEST(Regrowth, GrowsAtRandomByItsKey) {
  const Tensor w = noise({1, 200}, 7);
  const Mask mask = prune_to_level(w, 0.8);
  const RandomKey key{.seed = 1, .purpose = Purpose::mask};
  const Mask moved = set_update(w, mask, mask.kept(), 0.3, key);
  EXPECT_EQ(moved.kept(), mask.kept());
  EXPECT_FALSE(moved == mask);
  EXPECT_EQ(moved, set_update(w, mask, mask.kept(), 0.3, key));
}

TEST(Regrowth, HasNothingToDoInADenseOrEmptyTensor) {
  const Tensor w = row({1, 2, 3});
  EXPECT_EQ(rigl_update(w, w, mask_of({1, 1, 1}), 3, 0.5).kept(), 3);
  EXPECT_EQ(rigl_update(w, w, mask_of({0, 0, 0}), 0, 0.5).kept(), 0);
  EXPECT_THROW(rigl_update(w, w, mask_of({1, 1, 1}), 3, 1.5), ArgumentError);
}

TEST(Regrowth, DropsMoreThanGrowsWhereFewerShallBeKept) {
  const Tensor w = row({5, 1, 4, 3, 0, 0, 0}), g = row({0, 0, 0, 0, 1, -9, 2});
  const Mask mask = mask_of({1, 1, 1, 1, 0, 0, 0});
  EXPECT_EQ(bits(rigl_update(w, g, mask, 3, 0)), (Floats{1, 0, 1, 1, 0, 0, 0}));
  EXPECT_EQ(bits(rigl_update(w, g, mask, 2, 0.5)), (Floats{1, 0, 0, 0, 0, 1, 0}));
  EXPECT_EQ(set_update(w, mask, 2, 0.5, {.seed = 1, .purpose = Purpose::mask}).kept(), 2);
  EXPECT_EQ(rigl_update(w, g, mask, 0, 1).kept(), 0);
  EXPECT_THROW(rigl_update(w, g, mask, 5, 0.5), ArgumentError);
  EXPECT_THROW(rigl_update(w, g, mask, -1, 0.5), ArgumentError);
}

TEST(Regrowth, MovesLessAndLess) {
  EXPECT_DOUBLE_EQ(rigl_share(0.3, 0), 0.3);
  EXPECT_DOUBLE_EQ(rigl_share(0.3, 0.5), 0.15);
  EXPECT_EQ(rigl_share(0.3, 1), 0);
}

TEST(Greedy, TakesTheCandidateWithTheBestScoreUntilTheBudgetHolds) {
  // Two layers of three weights; layer 0 may lose weights at no harm, each of layer 1 costs score.
  const auto kept = [](const Mask& m) { return static_cast<double>(m.kept()); };
  GreedyProblem p;
  p.start = {Mask(Shape{3}), Mask(Shape{3})};
  p.next = [](size_t layer, const std::vector<Mask>& state) {
    std::vector<uint8_t> keep;
    for (int64_t i = 0; i < 3; ++i) keep.push_back(state[layer].keeps(i));
    if (state[layer].kept() > 1) keep[static_cast<size_t>(3 - state[layer].kept())] = 0;
    return Groups({3}, GroupType::element).mask(keep);
  };
  p.cost = [&](const std::vector<Mask>& s) { return kept(s[0]) + kept(s[1]); };
  p.score = [&](const std::vector<Mask>& s) { return kept(s[1]); };
  const GreedyResult r = prune_greedily(p, 3);
  EXPECT_EQ(r.masks[0].kept(), 1);
  EXPECT_EQ(r.masks[1].kept(), 2);
  ASSERT_EQ(r.steps.size(), 3u);
  EXPECT_EQ(r.steps[2].layer, 1u);
  EXPECT_EQ(r.steps[2].cost, 3);
  EXPECT_EQ(prune_greedily(p, 0).steps.size(), 4u);  // stops where nothing may go
  EXPECT_TRUE(prune_greedily(p, 6).steps.empty());
}

TEST(Reconstruction, FindsTheWeightsThatMadeTheOutputs) {
  // y = 2 x0 - x2 of three channels: pruning the silent one costs nothing.
  const Tensor x = noise({50, 3}, 11);
  const Floats v = x.to_vector<float>();
  Floats y;
  for (size_t p = 0; p < 50; ++p) y.push_back(2 * v[p * 3] - v[p * 3 + 2]);
  const Reconstruction r = reconstruct_channels(row({1, 0.1F, 1}), x, tensor(y, {50, 1}), 0.34);
  EXPECT_EQ(bits(r.mask), (Floats{1, 0, 1}));
  const Floats w = r.weights.to_vector<float>();
  EXPECT_NEAR(w[0], 2, 1e-5);
  EXPECT_EQ(w[1], 0);
  EXPECT_NEAR(w[2], -1, 1e-5);
}

TEST(Reconstruction, IsNoWorseThanLeavingTheOthersAsTheyAre) {
  const Tensor w = noise({4, 3, 2, 2}, 1), x = noise({200, 12}, 2);
  const Floats a = w.to_vector<float>(), b = x.to_vector<float>();
  const auto outputs = [&](const Floats& weights) {
    Floats y;
    for (size_t p = 0; p < 200; ++p)
      for (size_t o = 0; o < 4; ++o) {
        float sum = 0;
        for (size_t i = 0; i < 12; ++i) sum += weights[o * 12 + i] * b[p * 12 + i];
        y.push_back(sum);
      }
    return y;
  };
  const Floats y = outputs(a);
  const Reconstruction r = reconstruct_channels(w, x, tensor(y, {200, 4}), 0.34);
  ASSERT_EQ(r.mask.kept(), 32);
  Floats left = a;
  for (size_t i = 0; i < left.size(); ++i)
    if (!r.mask.keeps(static_cast<int64_t>(i))) left[i] = 0;
  const auto error = [&](const Floats& weights) {
    double sum = 0;
    const Floats found = outputs(weights);
    for (size_t i = 0; i < y.size(); ++i) sum += std::pow(static_cast<double>(found[i]) - y[i], 2);
    return sum;
  };
  EXPECT_TRUE(is_zero_where_pruned(r.mask, r.weights));
  EXPECT_LT(error(r.weights.to_vector<float>()), error(left));
  EXPECT_THROW(reconstruct_channels(w, noise({200, 11}, 2), tensor(y, {200, 4}), 0.34), ShapeError);
}

}  // namespace
}  // namespace pith::compress
