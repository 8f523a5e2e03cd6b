// `pith bench` with a benchmark program that answers what the test wants: so every figure is known by hand, and no test
// depends on a time. And without one.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "apps/benchmarks/crossover.h"
#include "apps/benchmarks/growth.h"
#include "apps/benchmarks/roofline.h"
#include "tensor/error.h"
#include "tests/apps/program.h"

namespace pith::apps {
namespace {

using test::Outcome;
using test::TemporaryDirectory;

constexpr const char* kRows =
    "crossover/stage1/n128/s0/manual_time\n"
    "crossover/stage1/n128/s50/manual_time\n"
    "growth/dense_dx/channels/manual_time\n"
    "growth/dense_dx/threads/manual_time\n"
    "roofline/bits/stage1/manual_time\n"
    "train/net/batch:8/threads:2/real_time\n";

constexpr const char* kAnswer = R"({"context": {"num_cpus": 2}, "benchmarks": [
  {"name": "crossover/stage1/n128/s0/manual_time", "run_name": "crossover/stage1/n128/s0/manual_time", "label": "avx2",
   "real_time": 3.0, "cpu_time": 4.0, "time_unit": "ms", "us dense": 100.0, "best dense": 90.0, "us sparse": 200.0,
   "best sparse": 180.0, "us int8": 25.0, "best int8": 22.5},
  {"name": "crossover/stage1/n128/s50/manual_time", "run_name": "crossover/stage1/n128/s50/manual_time",
   "real_time": 3.0, "cpu_time": 4.0, "time_unit": "ms", "us dense": 100.0, "best dense": 90.0, "us sparse": 50.0,
   "best sparse": 45.0, "us int8": 25.0, "best int8": 22.5},
  {"name": "growth/dense_dx/channels/manual_time", "run_name": "g", "real_time": 1.0, "cpu_time": 1.0,
   "time_unit": "us",
   "us 16": 10.0, "us 32": 20.0, "us 128": 80.0, "ops 16": 100.0, "ops 32": 200.0, "ops 128": 800.0,
   "bytes 16": 1000.0, "bytes 32": 3000.0, "bytes 128": 4000.0, "l2": 2000.0},
  {"name": "growth/dense_dx/threads/manual_time", "run_name": "t", "real_time": 1.0, "cpu_time": 1.0, "time_unit": "us",
   "us 1": 19.0, "us 2": 10.0, "best 1": 18.0, "best 2": 9.0},
  {"name": "roofline/bits/stage1/manual_time", "run_name": "r", "real_time": 1.0, "cpu_time": 1.0, "time_unit": "us",
   "rate": 50.0, "ceiling": 400.0, "memory": 20.0, "operations": 1000.0, "bytes": 200.0}]})";

/// A copy of the program in a folder of its own, and beside it, where there is an answer, a program that gives it.
class Bench {
 public:
  explicit Bench(const std::string& answer, int code = 0) {
    options_.program = folder_.file("apps/pith");
    std::filesystem::create_directories(folder_.path() + "/apps");
    std::filesystem::copy_file(PITH_PROGRAM, options_.program);
    if (answer.empty()) return;
    const std::string script = folder_.file("bench/pith_bench");
    test::write_text(folder_.file("bench/rows"), kRows);
    test::write_text(folder_.file("bench/answer"), answer);
    test::write_text(script,
                     "#!/bin/sh\nhere=$(dirname \"$0\")\necho \"$PITH_ISA $*\" > \"$here/heard\"\n"
                     "case \"$*\" in *list_tests*) cat \"$here/rows\" ;; *) cat \"$here/answer\"; exit " +
                         std::to_string(code) + " ;; esac\n");
    std::filesystem::permissions(script, std::filesystem::perms::owner_all);
  }
  Outcome run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "bench");
    return test::run_program(folder_, arguments, options_);
  }
  std::string file(const std::string& name) const { return folder_.file(name); }
  std::string heard() const { return test::read_text(folder_.file("bench/heard")); }

 private:
  TemporaryDirectory folder_;
  test::ProgramOptions options_;
};

TEST(BenchCommand, SaysInOneSentenceThatItWasNotBuilt) {
  Bench bench("");
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{}, {"--list"}, {"crossover"}, {"growth"}, {"roofline"}}) {
    const Outcome o = bench.run(arguments);
    EXPECT_EQ(o.code, 1);
    EXPECT_TRUE(test::is_one_line(o.err)) << o.err;
    EXPECT_NE(o.err.find("PITH_BENCH=ON"), std::string::npos) << o.err;
    EXPECT_EQ(o.out, "");
  }
}

TEST(BenchCommand, ListsRowsByExpressionAndThreads) {
  Bench bench(kAnswer);
  EXPECT_EQ(bench.run({"--list"}).out, kRows);
  EXPECT_EQ(bench.run({"--list", "--threads", "2"}).out, "train/net/batch:8/threads:2/real_time\n");
  EXPECT_EQ(bench.run({"--list", "--filter", "^growth/.*els"}).out, "growth/dense_dx/channels/manual_time\n");
  const Outcome o = bench.run({"--list", "--filter", "s50", "--json"});
  EXPECT_EQ(nlohmann::json::parse(o.out)["rows"].size(), 1U);
}

TEST(BenchCommand, PassesOnWhatWasAsked) {
  Bench bench(kAnswer);
  const Outcome o = bench.run({"--filter", "s0", "--seconds", "0.25", "--repeat", "3", "--isa", "scalar", "--json"});
  EXPECT_EQ(o.code, 0) << o.err;
  EXPECT_EQ(nlohmann::json::parse(o.out), nlohmann::json::parse(kAnswer));
  for (const char* words : {"scalar ", "--benchmark_filter=s0", "min_time=0.25", "repetitions=3"})
    EXPECT_NE(bench.heard().find(words), std::string::npos) << bench.heard();
  bench.run({"--threads", "2"});
  EXPECT_NE(bench.heard().find("^(train/net/batch:8/threads:2/real_time)$"), std::string::npos) << bench.heard();
}

TEST(BenchCommand, PrintsTimesInMicroseconds) {
  Bench bench(kAnswer);
  const Outcome o = bench.run({"--quiet"});
  EXPECT_EQ(o.code, 0) << o.err;
  EXPECT_NE(o.out.find("3000.0 us  avx2  us dense 100"), std::string::npos) << o.out;
}

TEST(BenchCommand, RefusesWhatItCannotRun) {
  Bench bench(kAnswer);
  for (const auto& [arguments, says] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"--filter", "("}, "no regular expression"},
           {{"--filter", "nothing"}, "no row matches"},
           {{"--threads", "7"}, "with 7 threads"},
           {{"--isa", "mmx"}, "scalar, avx2 or avx512"},
           {{"--seconds", "-1"}, "--seconds"},
           {{"--repeat", "0"}, "--repeat"},
           {{"crossover", "--filter", "stage9"}, "no row matches"}}) {
    const Outcome o = bench.run(arguments);
    EXPECT_EQ(o.code, 2) << o.err;
    EXPECT_TRUE(test::is_one_line(o.err)) << o.err;
    EXPECT_NE(o.err.find(says), std::string::npos) << o.err;
  }
}

TEST(BenchCommand, SaysThatTheProgramFailed) {
  Bench mumbling("{"), failing(kAnswer, 3);
  for (const auto& [bench, says] : {std::pair(&mumbling, "no JSON"), {&failing, "ended with code 3"}}) {
    const Outcome o = bench->run({"--quiet"});
    EXPECT_EQ(o.code, 1);
    EXPECT_NE(o.err.find(says), std::string::npos) << o.err;
  }
}

TEST(BenchCommand, DrawsTheCrossover) {
  Bench bench(kAnswer);
  const Outcome o = bench.run({"crossover", "--out", bench.file("x"), "--json"});
  EXPECT_EQ(o.code, 0) << o.err;
  const auto json = nlohmann::json::parse(o.out);
  // sparse: 0.5 x dense at 0 %, 2 x at 50 %: 1 x a third of the way. int8: 4 x everywhere.
  EXPECT_EQ(json["break_even"][1]["format"], "int8");
  EXPECT_EQ(json["break_even"][1]["wins"], "always");
  EXPECT_EQ(json["break_even"][0]["wins"], "from 17 %");
  const std::string csv = test::read_text(bench.file("x/crossover.csv"));
  EXPECT_EQ(parse_crossover_csv(csv, "x").size(), 4U);
  EXPECT_NE(csv.find("stage1,128,sparse,50,50,2,2\n"), std::string::npos) << csv;
  const std::string svg = test::read_text(bench.file("x/crossover.svg"));
  EXPECT_NE(svg.find("stage1, batch 128"), std::string::npos);
  EXPECT_NE(svg.find("prefers-color-scheme:dark"), std::string::npos);
}

TEST(BenchCommand, FitsGrowthAndDrawsRooflines) {
  Bench bench(kAnswer);
  const auto growth = nlohmann::json::parse(bench.run({"growth", "--json"}).out);
  EXPECT_EQ(growth["growth"][0]["exponent"], "1.00");
  EXPECT_EQ(growth["growth"][0]["points above"], "2 of 3");
  EXPECT_EQ(growth["threads"][0]["2 threads, best"], "2.00x");
  EXPECT_EQ(growth["threads"][0]["median"], "1.90x");
  const auto roof = nlohmann::json::parse(bench.run({"roofline", "--out", bench.file("r"), "--json"}).out);
  EXPECT_EQ(roof["kernels"][0]["of ceiling"], "0.12");  // 50 of 400
  EXPECT_EQ(roof["kernels"][0]["of roof"], "0.50");     // 5 operations a byte at 20 GB/s: 100
  EXPECT_NE(test::read_text(bench.file("r/roofline.svg")).find("operations a byte"), std::string::npos);
}

TEST(Crossover, InterpolatesAboveTheLastLoss) {
  const auto point = [](double sparsity, double ratio) {
    return CrossoverPoint{"s", 1, "f", sparsity, 1, ratio, ratio};
  };
  EXPECT_DOUBLE_EQ(break_even({point(0, 1.2), point(20, 0.5), point(40, 1.5)})[0].level, 30);
  EXPECT_EQ(break_even({point(0, 0.2), point(90, 0.9)})[0].wins, "never");
  EXPECT_EQ(break_even({point(0, 1), point(90, 3)})[0].wins, "always");
  EXPECT_EQ(break_even({point(50, 1.1)})[0].wins, "at 50 %");
  EXPECT_EQ(break_even({point(50, 0.9)})[0].wins, "never");
}

TEST(Crossover, RefusesABrokenFileByLine) {
  const std::string header = "shape,batch,format,sparsity,us,times_dense,times_dense_best\n";
  const std::vector<CrossoverPoint> points = {{"stage1", 128, "csr", 90, 12.5, 2.5, 2.25}};
  EXPECT_EQ(crossover_csv(parse_crossover_csv(crossover_csv(points), "x")), crossover_csv(points));
  for (const auto& [text, says] :
       std::vector<std::pair<std::string, std::string>>{{"", "x:1: expected the header"},
                                                        {header + "a,1\n", "x:2: expected 7 cells, found 2"},
                                                        {header + "a,1,f,0,1,nan,1\n", "x:2: \"nan\""},
                                                        {header + "a,1,f,0,1,1,-1\n", "x:2: \"-1\""}}) {
    try {
      parse_crossover_csv(text, "x");
      ADD_FAILURE() << text;
    } catch (const FormatError& e) {
      EXPECT_NE(std::string(e.what()).find(says), std::string::npos) << e.what();
    }
  }
}

TEST(Growth, FindsTheExponentOfAPowerLaw) {
  std::vector<GrowthPoint> points;
  for (const double n : {1.0, 4.0, 16.0}) points.push_back({n, n, n * 100, 3 * std::pow(n, 0.75)});
  const GrowthFit fit = fit_growth(points, 200);
  EXPECT_NEAR(fit.exponent, 0.75, 1e-12);
  // Time an operation: 3, 3 / sqrt 2, 3 / 2; their geometric mean is 3 / sqrt 2.
  EXPECT_NEAR(fit.deviation, std::sqrt(2.0) - 1, 1e-12);
  EXPECT_EQ(fit.points_above, 2);
  EXPECT_NEAR(fit.above_knee, std::pow(2.0, 0.25) - 1, 1e-12);
}

}  // namespace
}  // namespace pith::apps
