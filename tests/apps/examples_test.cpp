// Every example in a command's --help works as printed, and --json of every command is one document on stdout. Examples
// name real data and trained networks; small stand-ins take their places here: LeNet-5 for ResNet-20, 6,000 drawn
// digits for CIFAR-10, one epoch for many.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "data/image_file.h"
#include "nn/checkpoint.h"
#include "nn/models.h"
#include "tests/apps/program.h"
#include "tests/apps/tiny_data.h"

namespace pith {
namespace {

using Lines = std::vector<std::string>;

/// A folder with everything that the examples name.
class Workplace {
 public:
  Workplace() {
    test::tiny_mnist(folder, 6000, 50);  // enough to calibrate with
    for (const char* name : {"dense", "resnet20", "a", "b"})
      nn::save_checkpoint(folder.file(std::string(name) + ".safetensors"), *nn::make_model("lenet5"), nullptr, nullptr);
    const std::string schedule = test::read_text(std::string(PITH_DOCS) + "/schedules/agp.yaml");
    test::write_text(folder.file("schedule.yaml"),
                     std::regex_replace(schedule, std::regex("ending_epoch: 5"), "ending_epoch: 1"));
    test::write_text(folder.file("agp.yaml"),
                     "pruners:\n  p: {class: AutomatedGradualPruner, initial_sparsity: 0.05, final_sparsity: 0.5, "
                     "weights: [conv2.weight]}\npolicies:\n  - pruner: {instance_name: p}\n    starting_epoch: 0\n"
                     "    ending_epoch: 1\n    frequency: 1\n");
    const std::vector<std::byte> png = data::encode_png({28, 28, 1, std::vector<uint8_t>(28 * 28, 40)});
    for (const char* picture : {"two.png", "seven.jpg", "cat.png"})  // known by their content, not their names
      test::write_text(folder.file(picture), {reinterpret_cast<const char*>(png.data()), png.size()});
    std::string text;
    for (int i = 0; i < 400; ++i) text += "the pith is what remains when the rest is cut away\n";
    for (const char* part : {"train", "valid", "test"})
      test::write_text(folder.file(std::string("data/wikitext-2/") + part + ".txt"), text);
  }

  /// Of a command line as the shell reads it.
  test::Outcome run(const std::string& line) const {
    const std::string program = std::filesystem::path(PITH_PROGRAM).parent_path();
    const std::string whole = "cd '" + folder.path() + "' && PATH='" + program +
                              "':\"$PATH\" && export PATH PITH_DATA='" + folder.path() + "/data' && " + line;
    test::write_text(folder.file("line.sh"), whole + "\n");
    const int status = std::system(("/bin/sh '" + folder.file("line.sh") + "' >'" + folder.file("stdout.txt") +
                                    "' 2>'" + folder.file("stderr.txt") + "'")
                                       .c_str());
    return {WEXITSTATUS(status), test::read_text(folder.file("stdout.txt")),
            test::read_text(folder.file("stderr.txt"))};
  }

  test::TemporaryDirectory folder;
};

/// The lines of an example section that begin with "  pith", continued lines joined, words behind them left out.
Lines examples_of(const std::string& help) {
  Lines found;
  const std::string joined =
      std::regex_replace(help.substr(std::min(help.find("Example"), help.size())), std::regex(R"( *\\\n *)"), " ");
  std::istringstream lines(joined);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("  pith ")) continue;
    found.push_back(std::regex_replace(line.substr(2), std::regex(R"( {3,}[(#].*$)"), ""));
  }
  return found;
}

std::string with_stand_ins(std::string line) {
  for (const auto& [named, stands] : {std::pair{R"(resnet20-cifar)", "lenet5"},
                                      {R"(cifar10)", "mnist"},
                                      {R"(layer3\.\*)", "conv*"},
                                      {R"(layer1\.0\.conv2)", "conv2"},
                                      {R"(--layer fc )", "--layer fc3 "},
                                      {R"(--epochs \d+)", "--epochs 1"},
                                      {R"( \.\.\. )", " --model lenet5 --weights dense.safetensors --data mnist "},
                                      {R"(--data digits)", "--data mnist"}})
    line = std::regex_replace(line, std::regex(named), stands);
  return line;
}

Lines help_and_examples(const Workplace& place, const std::string& command) {
  const auto o = place.run("pith " + command + " --help");
  EXPECT_EQ(o.code, 0) << command;
  const Lines lines = examples_of(o.out);
  EXPECT_FALSE(lines.empty()) << command << " --help shows no example";
  return lines;
}

TEST(Examples, OfEveryCommandWorkAsPrinted) {
  const Workplace place;
  const auto expect_ok = [&](const std::string& line) {
    const auto o = place.run(line);
    EXPECT_EQ(o.code, 0) << line << "\n" << o.err;
  };
  // What later examples name, made by earlier ones; in between, what no example makes.
  for (const std::string command :
       {"train", "quantize", "eval", "prove", "explain", "summary", "sense", "schedule check",
        "schedule from-distiller", "report", "compare", "classify", "info", "data list", "data show"}) {
    if (command == "train") expect_ok("pith train --model lenet5 --data mnist --epochs 1 --out runs/dense -q");
    if (command == "train")
      expect_ok(
          "pith quantize --model lenet5 --weights dense.safetensors --data mnist --bits-weights 4 "
          "--keep-float --out w4a4.train.safetensors -q");
    if (command == "quantize")
      expect_ok("pith train --model lenet5 --data mnist --init w4a4.train.safetensors --epochs 1 --out runs/w4a4 -q");
    if (command == "report")
      expect_ok(
          "cp -r runs/dense runs/agp && cp -r runs/dense runs/filters && cp -r runs/dense runs/lenet5 && "
          "cp -r sense-lenet5-element sense");
    for (const std::string& line : help_and_examples(place, command)) expect_ok(with_stand_ins(line));
  }
  EXPECT_FALSE(help_and_examples(place, "data get").empty());  // shown, not run: it wants a network
  EXPECT_FALSE(help_and_examples(place, "bench").empty());  // they take minutes; bench_command_test.cpp runs short ones
}

TEST(Examples, GiveOneJsonDocumentAndNothingElse) {
  const Workplace place;
  ASSERT_EQ(place.run("pith train --model lenet5 --data mnist --epochs 1 --out run -q").code, 0);
  for (const std::string line :
       {"train --model lenet5 --data mnist --epochs 1 -p 1", "eval --run run",
        "quantize --model lenet5 --weights dense.safetensors --data mnist --out q.safetensors",
        "eval --weights q.safetensors --data mnist", "summary lenet5 --kind sparsity --kind compute --kind model",
        "summary lenet5 --kind modules --kind onnx", "info", "info lenet5", "data list", "data show mnist",
        "sense --model lenet5 --weights dense.safetensors --data mnist --levels 0,0.5 --params 'fc3*'",
        "prove q.safetensors", "explain q.safetensors --layer conv1 --pixel 0,0,0", "schedule check schedule.yaml",
        "report run", "compare run q.safetensors", "classify run two.png"}) {
    const auto o = place.run("pith " + line + " --json");
    EXPECT_EQ(o.code, 0) << line << "\n" << o.err;
    EXPECT_TRUE(nlohmann::json::accept(o.out)) << line << "\n" << o.out;
    EXPECT_EQ(o.out.find('\x1b'), std::string::npos) << line;
  }
}

TEST(Examples, KeepColourFromWhoAsksForNone) {
  const Workplace place;
  const std::string line = "pith summary lenet5 --kind sparsity --kind modules";
  EXPECT_NE(place.run(line + " --color always").out.find("\x1b[1m"), std::string::npos);
  EXPECT_EQ(place.run(line + " --color never").out.find('\x1b'), std::string::npos);
  // A terminal of its own (util-linux's script), with and without the wish.
  const std::string terminal = "script -qec '" + line + "' /dev/null";
  const auto coloured = place.run("TERM=xterm " + terminal);
  if (coloured.code == 127) GTEST_SKIP() << "util-linux's `script` is not here";
  EXPECT_NE(coloured.out.find("\x1b[1m"), std::string::npos);
  EXPECT_EQ(place.run("TERM=xterm NO_COLOR=1 " + terminal).out.find('\x1b'), std::string::npos);
  EXPECT_NE(place.run("TERM=xterm NO_COLOR= " + terminal).out.find("\x1b[1m"), std::string::npos) << "set but empty";
  EXPECT_EQ(place.run("TERM=dumb " + terminal).out.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace pith
