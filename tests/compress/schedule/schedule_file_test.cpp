// The schedule file: what is understood, and thirty-odd mistakes, each refused with FILE:LINE and one sentence.
#include "compress/schedule/schedule_file.h"

#include <gtest/gtest.h>

#include "compress/schedule/scheduler.h"
#include "nn/models.h"
#include "tests/support/files.h"

namespace pith::compress {
namespace {

constexpr const char* kGood = R"(version: 1
pruners:
  fine:
    class: AutomatedGradualPruner
    initial_sparsity: 0.05
    final_sparsity: 0.8
    weights: [conv1.weight, 'fc*.weight']
  filters:
    class: L1RankedStructureParameterPruner_AGP
    initial_sparsity: 0
    final_sparsity: 0.5
    group_type: Filters
    weights: [conv2.weight]
regularizers:
  lasso:
    class: GroupLassoRegularizer
    reg_regims: {conv2.weight: [0.001, Channels]}
lr_schedulers:
  rate:
    class: MultiStepMultiGammaLR
    milestones: [4, 8]
    gammas: [0.1, 0.5]
extensions:
  thin:
    class: FilterRemover
policies:
  - pruner:
      instance_name: fine
      args: {mini_batch_pruning_frequency: 10}
    starting_epoch: 0
    ending_epoch: 10
    frequency: 2
  - pruner: {instance_name: filters}
    epochs: [1, 3, 5]
  - regularizer: {instance_name: lasso}
    starting_epoch: 0
    ending_epoch: 5
    frequency: 1
  - lr_scheduler: {instance_name: rate}
    starting_epoch: 0
    ending_epoch: 10
    frequency: 1
  - extension: {instance_name: thin}
    epochs: [9]
)";

/// kGood with `from` replaced by `to`.
std::string with(const std::string& from, const std::string& to) {
  std::string text = kGood;
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(ScheduleFile, IsUnderstood) {
  const Schedule s = parse_schedule(kGood, "s.yaml");
  ASSERT_EQ(s.policies.size(), 5u);
  EXPECT_EQ(s.policies[0].instance, "fine");
  EXPECT_EQ(s.policies[0].place.line, 27);
  EXPECT_EQ(std::get<PrunerUse>(s.policies[0].what).options.mini_batch_pruning_frequency, 10);
  EXPECT_EQ(s.policies[1].timing.last(), 5);
  EXPECT_EQ(std::get<RateUse>(s.policies[3].what).line, "multigamma:milestones=4/8,gammas=0.1/0.5");
  EXPECT_TRUE(std::holds_alternative<ThinUse>(s.policies[4].what));
  EXPECT_EQ(last_mask_change(s), 8);
}

TEST(ScheduleFile, FitsAModelAndARun) {
  const auto model = nn::make_model("lenet5");
  const Schedule s = parse_schedule(kGood, "s.yaml");
  Scheduler(s, *model, {.epochs = 10, .thinner = [](nn::Module&) {}});
}

struct Mistake {
  const char *from, *to;
  int line;
  const char* sentence;
};

const Mistake kMistakes[] = {
    // Words.
    {"version: 1", "version: 2", 1, "version must be 1"},
    {"pruners:", "prunners:", 2, "the schedule has no setting 'prunners'"},
    {"AutomatedGradualPruner", "AutomaticGradualPruner", 4, "is no pruner; there are MagnitudeParameterPruner"},
    {"GroupLassoRegularizer", "GroupLasso", 16, "is no regularizer"},
    {"MultiStepMultiGammaLR", "OneCycle", 20, "class must be one of StepLR"},
    {"FilterRemover", "FilterMover", 25, "class must be one of FilterRemover"},
    {"final_sparsity: 0.8", "final_sparcity: 0.8", 4, "final_sparsity is missing"},
    {"group_type: Filters", "group_type: Filter", 12, "group_type must be one of"},
    {"[0.001, Channels]", "[0.001, Chanels]", 17, "a group must be one of"},
    {"    weights: [conv2.weight]", "    weights: [conv2.weight]\n    colour: red", 14, "has no setting 'colour'"},
    {"      args: {mini_batch_pruning_frequency: 10}", "      args: {mini_batch_pruning: 10}", 29,
     "has no setting 'mini_batch_pruning'"},
    // Values.
    {"initial_sparsity: 0.05", "initial_sparsity: five", 5, "initial_sparsity must be a number, here is 'five'"},
    {"initial_sparsity: 0.05", "initial_sparsity: 0.9", 6, "final_sparsity is below initial_sparsity"},
    {"final_sparsity: 0.8", "final_sparsity: 80", 6, "final_sparsity must be a share from 0 to below 1, here is 80"},
    {"final_sparsity: 0.8", "final_sparsity: [0.8]", 6, "final_sparsity must be a value, here is a list"},
    {"weights: [conv1.weight, 'fc*.weight']", "weights: conv1.weight", 7, "weights must be a list, here is a value"},
    {"weights: [conv1.weight, 'fc*.weight']", "weights: []", 7, "weights is an empty list"},
    {"weights: [conv1.weight, 'fc*.weight']", "weights: [a, a]", 7, "names 'a' twice"},
    {"weights: [conv1.weight, 'fc*.weight']", "weights: [/a(/]", 7, "is no regular expression"},
    {"reg_regims: {conv2.weight: [0.001, Channels]}", "reg_regims: {conv2.weight: 0.001}", 17,
     "a row of reg_regims must be [strength, group]"},
    {"[0.001, Channels]", "[-1, Channels]", 17, "a strength is below 0"},
    {"gammas: [0.1, 0.5]", "gammas: [0.1]", 22, "gammas has 1 values for 2 milestones"},
    {"mini_batch_pruning_frequency: 10", "mini_batch_pruning_frequency: 2.5", 29,
     "must be a whole number, here is '2.5'"},
    {"mini_batch_pruning_frequency: 10", "use_double_copies: true", 29, "use_double_copies needs mask_on_forward_only"},
    {"mini_batch_pruning_frequency: 10", "mask_on_forward_only: maybe", 29, "must be true or false"},
    // Times.
    {"    ending_epoch: 10\n    frequency: 2", "    ending_epoch: 0\n    frequency: 2", 31,
     "ending_epoch 0 is not after starting_epoch 0"},
    {"    frequency: 2", "    frequency: 0", 32, "frequency must be at least 1, here is '0'"},
    {"    ending_epoch: 10\n    frequency: 2", "    frequency: 2", 27, "the policy: ending_epoch is missing"},
    {"epochs: [1, 3, 5]", "epochs: [3, 1, 5]", 34, "epochs do not rise: 1 follows 3"},
    {"epochs: [1, 3, 5]", "epochs: [1, 3, 5]\n    frequency: 1", 35, "frequency stands beside epochs"},
    // Policies that do not go together.
    {"instance_name: filters", "instance_name: filtres", 33, "'filtres' is defined nowhere above"},
    {"  - pruner: {instance_name: filters}\n    epochs: [1, 3, 5]\n", "", 8, "pruner 'filters' is used by no policy"},
    {"weights: [conv1.weight, 'fc*.weight']", "weights: ['conv*.weight']", 33,
     "'filters' and 'fine' (line 27) both choose masks for conv2.weight in the same epochs"},
    {"    epochs: [9]", "    epochs: [4]", 43, "'thin' thins in epoch 4, but 'fine' (line 27) still changes masks"},
    {"  - extension: {instance_name: thin}", "  - extension: {instance_name: thin}\n    pruner: {instance_name: fine}",
     43, "stands beside pruner; a policy has one of them"},
    {"    epochs: [9]", "    epochs: [9]\n  - lr_scheduler: {instance_name: rate}\n    epochs: [9]", 45,
     "a second learning-rate policy"},
    {"lr_schedulers:", "quantizers:\n  q: {class: LinearQuantizer}\nlr_schedulers:", 19,
     "quantizers are not built yet"},
    // YAML.
    {"  filters:\n", "  fine:\n", 8, "the key 'fine' stands twice"},
    {"    class: AutomatedGradualPruner", "\tclass: AutomatedGradualPruner", 4, "not YAML"},
    {"version: 1", "version: !!python/int 1", 1, "has no place here"},
};

TEST(ScheduleFile, RefusesEveryMistakeWithFileLineAndOneSentence) {
  static_assert(std::size(kMistakes) >= 30);
  for (const Mistake& m : kMistakes) {
    const std::string text = with(m.from, m.to);
    const std::string said = test::message_of<FormatError>([&] { parse_schedule(text, "s.yaml"); });
    EXPECT_TRUE(said.starts_with("s.yaml:" + std::to_string(m.line) + ": ")) << m.to << "\n  " << said;
    EXPECT_NE(said.find(m.sentence), std::string::npos) << m.to << "\n  " << said;
    EXPECT_EQ(said.find('\n'), std::string::npos) << said;
  }
}

/// What only the model or the run can tell.
std::string refusal(const std::string& text, int64_t epochs = 10) {
  const auto model = nn::make_model("lenet5");
  const Schedule s = parse_schedule(text, "s.yaml");
  return test::message_of<FormatError>(
      [&] { Scheduler(s, *model, {.epochs = epochs, .thinner = [](nn::Module&) {}}); });
}

TEST(ScheduleFile, RefusesNamesThatTheModelDoesNotHave) {
  EXPECT_EQ(refusal(with("conv1.weight, 'fc*.weight'", "conv9.weight")),
            "s.yaml:27: 'fine': no parameter of the model is called conv9.weight");
}

TEST(ScheduleFile, RefusesPatternsThatMeetInAParameterOfTheModel) {
  const std::string text = with("[conv1.weight, 'fc*.weight']", "['*2.weight']");
  std::string two = text;
  two.replace(two.find("weights: [conv2.weight]"), 23, "weights: ['conv*.weight']");
  EXPECT_EQ(refusal(two),
            "s.yaml:33: 'filters' and 'fine' both choose masks for conv2.weight in the same epochs; let one end before "
            "the other starts");
}

TEST(ScheduleFile, RefusesGroupsThatAShapeDoesNotHave) {
  const std::string said = refusal(with("weights: [conv2.weight]", "weights: [conv2.bias]"));
  EXPECT_TRUE(said.starts_with("s.yaml:33: 'filters': conv2.bias: groups: a filter is part of a weight")) << said;
}

TEST(ScheduleFile, RefusesActionsAfterTheRunsEnd) {
  EXPECT_EQ(refusal(kGood, 6), "s.yaml:27: 'fine' acts in epoch 8, but the run has the epochs 0 to 5");
}

TEST(ScheduleFile, RefusesToThinWhereNothingCan) {
  const auto model = nn::make_model("lenet5");
  const Schedule s = parse_schedule(kGood, "s.yaml");
  EXPECT_EQ(test::message_of<FormatError>([&] { Scheduler(s, *model, {.epochs = 10}); }),
            "s.yaml:43: 'thin': this program cannot thin a network");
}

TEST(ScheduleFile, RefusesHostileYaml) {
  std::string deep = "a: ", aliases = "a: &a [x, x, x, x, x, x, x, x, x, x]\n";
  deep += std::string(200, '[') + std::string(200, ']');
  EXPECT_THROW(parse_schedule(deep, "s.yaml"), FormatError);
  for (char c = 'b'; c < 'k'; ++c) {
    aliases += std::string(1, c) + ": &" + c + " [";
    for (int i = 0; i < 10; ++i) aliases += std::string(i > 0 ? ", " : "") + "*" + static_cast<char>(c - 1);
    aliases += "]\n";
  }
  EXPECT_THROW(parse_schedule(aliases, "s.yaml"), FormatError);
  EXPECT_THROW(parse_schedule(std::string(2 << 20, ' '), "s.yaml"), FormatError);
  EXPECT_THROW(parse_schedule("&a [*a]", "s.yaml"), FormatError);
  for (const char* text :
       {"", "~", "[]", "x", "policies: 3", "policies: []", "policies: [x]", "? [a]\n: b", "a: *b", "{", "\xff"})
    EXPECT_THROW(parse_schedule(text, "s.yaml"), FormatError) << text;
}

TEST(ScheduleFile, TakesEveryClassOfPruner) {
  const std::string ranked = "group_type: Filters, weights: [conv2.weight], ";
  const std::string level = "desired_sparsity: 0.5", gradual = "initial_sparsity: 0, final_sparsity: 0.5";
  const std::vector<std::string> classes = {
      "MagnitudeParameterPruner, thresholds: {conv1.weight: 0.1, '*': 0.2}",
      "SparsityLevelParameterPruner, levels: {conv1.weight: 0.1, '*': 0.2}",
      "SensitivityPruner, sensitivities: {conv1.weight: 0.5}",
      "SplicingPruner, sensitivities: {conv1.weight: 0.5}, low_thresh_mult: 0.9, hi_thresh_mult: 1.1",
      "BaiduRNNPruner, q: 0.1, ramp_epoch_offset: 2, ramp_slope_mult: 2, weights: [fc1.weight]",
      "StructureParameterPruner, reg_regims: {conv2.weight: [0.1, Filters]}, threshold_criteria: Max",
      "L1RankedStructureParameterPruner, " + ranked + level,
      "L1RankedStructureParameterPruner, group_type: Blocks, kwargs: {block_shape: [1, 2, 1, 1]}, weights: "
      "[conv2.weight], desired_sparsity: 0.5, noise: 0.1, group_size: 2, rounding_fn: math.ceil",
      "L1RankedStructureParameterPruner, group_type: Tiles, kwargs: {tile: [2, 5]}, weights: [conv2.weight], " + level,
      "L2RankedStructureParameterPruner, group_dependency: Leader, " + ranked + level,
      "L2RankedStructureParameterPruner_AGP, group_dependency: Auto, " + ranked + gradual,
      "RandomLevelStructureParameterPruner, sparsity_range: [0.1, 0.3], " + ranked.substr(0, ranked.size() - 2),
      "ActivationAPoZRankedFilterPruner, " + ranked + level,
      "ActivationMeanRankedFilterPruner_AGP, " + ranked + gradual,
      "GradientRankedFilterPruner, " + ranked + level,
      "RandomRankedFilterPruner, " + ranked + level,
      "BernoulliFilterPruner, " + ranked + level,
      "NMPruner, n: 2, m: 4, weights: [fc1.weight]",
      "GlobalPruner, criterion: lamp, weights: ['*'], " + level,
      "GlobalPruner, criterion: snip, group_type: Filters, weights: ['conv*.weight'], curve: cosine, " + gradual,
      "MovementPruner, weights: ['*'], " + gradual,
      "RandomPruner, allocation: uniform, weights: ['*'], " + level,
      "SETPruner, update_fraction: 0.2, weights: ['*'], " + level,
      "RigLPruner, weights: ['*'], " + level,
      "RigLPruner, weights: ['*'], " + gradual,
      "RigLPruner, ranking: lamp, weights: ['*'], " + gradual,
  };
  const auto model = nn::make_model("lenet5");
  for (const std::string& c : classes) {
    const std::string text =
        "pruners: {p: {class: " + c + "}}\npolicies:\n  - pruner: {instance_name: p}\n    epochs: [0]\n";
    try {
      const Schedule s = parse_schedule(text, "s.yaml");
      Scheduler(s, *model, {.doors = {.image = {1, 28, 28}}});
    } catch (const Error& e) {
      ADD_FAILURE() << c << "\n  " << e.what();
    }
  }
}

TEST(FromDistiller, DropsThePrefixAndTurnsRankedRows) {
  const std::string ours = from_distiller(R"(
version: 1
pruners:
  rows:
    class: L1RankedStructureParameterPruner_AGP
    initial_sparsity : 0.05
    final_sparsity: 0.50
    group_type: Rows
    weights: [module.fc1.weight]  # a comment
policies:
  - pruner:
      instance_name: rows
    starting_epoch: 0
    ending_epoch: 20
    frequency: 2
)",
                                          "d.yaml");
  EXPECT_NE(ours.find("fc1.weight"), std::string::npos) << ours;
  EXPECT_EQ(ours.find("module."), std::string::npos) << ours;
  EXPECT_NE(ours.find("group_type: Cols"), std::string::npos) << ours;
  EXPECT_EQ(parse_schedule(ours, "again.yaml").policies.size(), 1u);
}

TEST(FromDistiller, RefusesWhatIsNotBuiltAtItsLine) {
  EXPECT_EQ(test::message_of<FormatError>([] {
              from_distiller("pruners:\n  p:\n    class: FMReconstructionChannelPruner\npolicies: []\n", "d.yaml");
            }).substr(0, 10),
            "d.yaml:3: ");
}

}  // namespace
}  // namespace pith::compress
