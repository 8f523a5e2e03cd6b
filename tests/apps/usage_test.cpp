// What the command line refuses, and how: exit code 2 and one sentence.
#include <gtest/gtest.h>

#include "tests/apps/program.h"

namespace pith {
namespace {

using test::Outcome;
using test::run_program;
using test::TemporaryDirectory;

void expect_usage(const std::vector<std::string>& arguments, const std::string& says) {
  const TemporaryDirectory folder;
  const Outcome o = run_program(folder, arguments);
  EXPECT_EQ(o.code, 2) << o.err;
  EXPECT_TRUE(test::is_one_line(o.err)) << o.err;
  EXPECT_NE(o.err.find(says), std::string::npos) << o.err;
  EXPECT_EQ(o.out, "");
}

TEST(Usage, ListsTheCommandsInItsHelp) {
  const TemporaryDirectory folder;
  const Outcome o = run_program(folder, {"--help"});
  EXPECT_EQ(o.code, 0);
  for (const char* command : {"train", "eval", "quantize", "data", "schedule", "info", "classify", "compare"})
    EXPECT_NE(o.out.find(command), std::string::npos);
  EXPECT_EQ(o.err, "");
}

TEST(Usage, ShowsExamplesInTheHelpOfEveryCommand) {
  const TemporaryDirectory folder;
  for (const std::vector<std::string>& command : {std::vector<std::string>{"train"},
                                                  {"eval"},
                                                  {"quantize"},
                                                  {"info"},
                                                  {"classify"},
                                                  {"compare"},
                                                  {"report"},
                                                  {"bench"},
                                                  {"bench", "crossover"},
                                                  {"bench", "growth"},
                                                  {"bench", "roofline"},
                                                  {"data", "list"},
                                                  {"data", "show"},
                                                  {"data", "get"},
                                                  {"schedule", "check"},
                                                  {"schedule", "from-distiller"}}) {
    std::vector<std::string> arguments = command;
    arguments.push_back("--help");
    const Outcome o = run_program(folder, arguments);
    EXPECT_EQ(o.code, 0);
    EXPECT_NE(o.out.find("Example"), std::string::npos) << o.out;
    EXPECT_NE(o.out.find("--json"), std::string::npos) << o.out;
  }
}

TEST(Usage, SaysItsVersion) {
  const TemporaryDirectory folder;
  const Outcome o = run_program(folder, {"--version"});
  EXPECT_EQ(o.code, 0);
  EXPECT_EQ(o.out.find("pith 0."), 0u) << o.out;
}

TEST(Usage, KeepsControlCharactersFromTheTerminal) {
  const TemporaryDirectory folder;
  for (const std::vector<std::string>& a : {std::vector<std::string>{"report", folder.path() + "/a\x1b[2J\nb"},
                                            {"eval", "--run", folder.path() + "/a\x1b[2J\nb"},
                                            {"compare", "a\x1b[2J\nb", "c"},
                                            {"classify", "a\x1b[2J\nb", "c"},
                                            {"info", "a\x1b[2J\nb"}}) {
    const Outcome o = run_program(folder, a);
    EXPECT_NE(o.code, 0);
    EXPECT_TRUE(test::is_one_line(o.err)) << o.err;
    EXPECT_EQ(o.err.find('\x1b'), std::string::npos);
    EXPECT_NE(o.err.find("a\\x1b[2J\\x0ab"), std::string::npos) << o.err;
  }
}

TEST(Usage, RefusesAnUnknownCommand) { expect_usage({"trian"}, "trian"); }
TEST(Usage, RefusesAnUnknownOption) { expect_usage({"train", "--modell", "lenet5"}, "--modell"); }
TEST(Usage, RefusesNoCommand) { expect_usage({}, "subcommand"); }
TEST(Usage, RefusesWordsForNumbers) { expect_usage({"train", "--model", "lenet5", "--epochs", "many"}, "--epochs"); }
TEST(Usage, RefusesARateThatIsNotANumber) { expect_usage({"train", "--model", "lenet5", "--lr", "nan"}, "--lr"); }
TEST(Usage, RefusesAnInfiniteRate) { expect_usage({"train", "--model", "lenet5", "--lr", "inf"}, "--lr"); }
TEST(Usage, RefusesANegativeRate) { expect_usage({"train", "--model", "lenet5", "--lr", "-0.1"}, "--lr"); }
TEST(Usage, RefusesNegativeEpochs) { expect_usage({"train", "--model", "lenet5", "--epochs", "-1"}, "--epochs"); }
TEST(Usage, RefusesAnEmptyBatch) { expect_usage({"train", "--model", "lenet5", "--batch-size", "0"}, "--batch-size"); }
TEST(Usage, RefusesAValidationShareOfOne) { expect_usage({"train", "--model", "lenet5", "--valid", "1"}, "--valid"); }
TEST(Usage, RefusesNegativeThreads) { expect_usage({"train", "--model", "lenet5", "--threads", "-1"}, "--threads"); }
TEST(Usage, RefusesAnUnknownColour) { expect_usage({"info", "--color", "red"}, "--color"); }
TEST(Usage, RefusesAnUnknownOptimizer) {
  expect_usage({"train", "--model", "lenet5", "--optimizer", "lion"}, "sgd, adam or adamw");
}
TEST(Usage, RefusesAnUnknownPolicy) { expect_usage({"train", "--model", "lenet5", "--lr-policy", "zigzag"}, "zigzag"); }
TEST(Usage, NamesTheNearestModel) {
  expect_usage({"train", "--model", "resnet20-cifr", "--data", "digits"}, "resnet20-cifar");
  expect_usage({"eval", "--model", "lenet-5", "--weights", "w.safetensors"}, "lenet5");
  expect_usage({"info", "lenet"}, "lenet5");
}
TEST(Usage, RefusesAnUnknownDataSet) { expect_usage({"train", "--model", "lenet5", "--data", "mnits"}, "mnits"); }
TEST(Usage, WantsToKnowWhatToEvaluate) { expect_usage({"eval", "--model", "lenet5"}, "--weights"); }

}  // namespace
}  // namespace pith
