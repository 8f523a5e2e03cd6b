// The report's page: well-formed, closed to the network, hostile names escaped; and what is no finished run, refused.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "apps/charts/bar_chart.h"
#include "apps/charts/histogram.h"
#include "apps/charts/line_chart.h"
#include "apps/run_report/page.h"
#include "apps/run_report/run_again.h"
#include "tensor/container.h"
#include "tensor/error.h"
#include "tests/apps/program.h"

namespace pith::apps {
namespace {

constexpr const char* kMetrics =
    "epoch,train_loss,train_top1,valid_loss,valid_top1,valid_top5,rate,sparsity\n"
    "1,2.3,10,2.2,12,50,0.05,0\n2,1.5,40,1.4,45,80,0.025,0.5\n3,1.0,60,,,,0.01,0.75\n";

std::string hostile() { return "<script>alert(1)</script>\"'&\x1b[2J.weight"; }

/// A run as `pith train` leaves it: a weight of 3 zeros in 4, and a bias.
std::string write_run(const test::TemporaryDirectory& folder, const std::string& name,
                      const std::string& weight = "fc.weight") {
  const std::string run = folder.path() + "/" + name;
  test::write_text(
      folder.file(name + "/config.json"),
      R"({"model": "lenet5", "data": "it's", "epochs": 3, "seed": 7, "rate": 0.05, "schedule": "a: <b>\nc: 1\n"})");
  test::write_text(run + "/metrics.csv", kMetrics);
  test::write_text(run + "/timing.csv", "epoch,seconds\n1,2.5\n2,1.5\n3,1\n");
  test::write_text(run + "/log.txt", "2026-11-25 21:19:10 machine A CPU, kernels avx2\n");
  test::write_text(run + "/result.json", R"({"test": {"top1": 61.25}})");
  Container c;
  c.sections.push_back(Section::of(weight, Tensor::from(std::vector<float>{0, 2, 0, 0, 0, 0, -1, 0}, Shape{2, 4})));
  c.sections.push_back(Section::of("fc.bias", Tensor::from(std::vector<float>{0, 2}, Shape{2})));
  c.sections.push_back(Section::of("optimizer.m", Tensor::from(std::vector<float>(100, 1.0F), Shape{10, 10})));
  write_container(folder.file(name + "/checkpoints/best.safetensors"), c);
  return run;
}

/// "" for well-formed markup, else what is wrong: every tag closed in order, attributes quoted, no stray < or &.
std::string malformed(const std::string& page) {
  std::vector<std::string> open;
  for (size_t at = 0; at < page.size(); ++at) {
    if (page[at] == '&') {
      const size_t end = page.find(';', at);
      const std::string name = page.substr(at + 1, end - at - 1);
      if (name != "amp" && name != "lt" && name != "gt" && name != "quot" && name != "#39") return "entity " + name;
    }
    if (page[at] != '<') continue;
    if (page.compare(at, 2, "<!") == 0) {
      at = page.find('>', at);
      continue;
    }
    size_t end = at;
    for (bool quoted = false; end < page.size() && (quoted || page[end] != '>'); ++end) {
      if (page[end] == '"') quoted = !quoted;
      if (quoted && page[end] == '<') return "a < in an attribute at " + page.substr(at, 80);
    }
    const std::string tag = page.substr(at + 1, end - at - 1), name = tag.substr(0, tag.find_first_of(" /", 1));
    if (tag[0] == '/') {
      if (open.empty() || open.back() != tag.substr(1)) return "unexpected <" + tag + ">";
      open.pop_back();
    } else if (tag.back() != '/') {
      open.push_back(name);
    }
    at = end;
    if (name == "style") at = page.find("</style>", at) - 1;
  }
  return open.empty() ? "" : "not closed: " + open.back();
}

/// The checker itself must be able to fail.
TEST(Malformed, FindsWhatIsWrong) {
  EXPECT_EQ(malformed("<a b=\"c>d\"><e/>&lt;</a>"), "");
  EXPECT_NE(malformed("<a><b></a></b>"), "");
  EXPECT_NE(malformed("<a>"), "");
  EXPECT_NE(malformed("<a>&nbsp;</a>"), "");
}

/// Pictures lie in the page itself, in base64, which may hold a "//".
std::string without_pictures(std::string page) {
  const std::string begin = "src=\"data:image/png;base64,";
  for (size_t at = 0; (at = page.find(begin, at)) != std::string::npos;)
    page.erase(at, page.find('"', at + begin.size()) + 1 - at);
  return page;
}

void expect_closed(std::string page) {
  page = without_pictures(std::move(page));
  const std::string space = "http://www.w3.org/2000/svg";  // the name of a language: nothing is fetched from it
  for (size_t at = 0; (at = page.find(space, at)) != std::string::npos;) page.erase(at, space.size());
  for (const char* request :
       {"http:", "https:", "//", "src=", "url(", "@import", "<script", "<link", "<iframe", "fetch"})
    EXPECT_EQ(page.find(request), std::string::npos) << request;
  EXPECT_NE(page.find("default-src 'none'"), std::string::npos);
}

TEST(ReportPage, IsWellFormedAndAsksNobody) {
  const test::TemporaryDirectory folder;
  const std::string page = report_page({read_run(write_run(folder, "one"))}, "a machine");
  EXPECT_EQ(malformed(page), "");
  expect_closed(page);
  for (const char* words :
       {"61.25", "75.00 %", "A CPU, kernels avx2", "a: &lt;b&gt;\nc: 1", "--seed 7", "sparsity, %", "75.0 % zeros"})
    EXPECT_NE(page.find(words), std::string::npos) << words;
}

TEST(ReportPage, EscapesHostileNames) {
  const test::TemporaryDirectory folder;
  const std::string page = report_page(
      {read_run(write_run(folder, "a<b>&\"'", hostile())), read_run(write_run(folder, "two"))}, "<machine>");
  EXPECT_EQ(malformed(page), "");
  expect_closed(page);
  EXPECT_EQ(page.find("alert(1)</script>"), std::string::npos);
  EXPECT_EQ(page.find('\x1b'), std::string::npos);
  EXPECT_NE(page.find("&lt;script&gt;"), std::string::npos);
}

TEST(ReportPage, StaysBelowItsLimitByLeavingOutWhatItNames) {
  const test::TemporaryDirectory folder;
  std::vector<RunRecord> runs(3, read_run(write_run(folder, "big")));
  for (RunRecord& r : runs) r.weights.resize(40, r.weights[0]);
  EXPECT_EQ(report_page(runs, "m").find("leaves out"), std::string::npos);
  for (RunRecord& r : runs) r.weights.resize(90, r.weights[0]);
  for (RunRecord& r : runs)
    for (WeightRecord& w : r.weights) w.values.counts.assign(60, 3);
  const std::string without = report_page(runs, "m");
  EXPECT_NE(without.find("leaves out the histograms"), std::string::npos);
  runs.resize(60, runs[0]);
  const std::string table_only = report_page(runs, "m");
  EXPECT_NE(table_only.find("leaves out what concerns one run alone"), std::string::npos);
  for (const std::string& page : {without, table_only}) {
    EXPECT_LE(page.size(), kPageLimit);
    EXPECT_EQ(malformed(page), "");
  }
}

TEST(RunRecord, CountsByHand) {
  const test::TemporaryDirectory folder;
  const RunRecord r = read_run(write_run(folder, "one") + "/");
  EXPECT_EQ(r.name, "one");
  EXPECT_EQ(r.dense(), 8);
  EXPECT_EQ(r.kept(), 2);
  EXPECT_EQ(r.sparsity(), 75);
  EXPECT_EQ(r.dense_bytes(), (8 + 2) * 4);
  EXPECT_EQ(r.top1(), 61.25);
  EXPECT_FALSE(r.perplexity().has_value());
  ASSERT_EQ(r.metrics.rows.size(), 3u);
  EXPECT_TRUE(std::isnan(r.metrics.rows[2][4]));
}

TEST(RunRecord, LeavesOutALineThatAKillCut) {
  const test::TemporaryDirectory folder;
  const std::string path = folder.file("metrics.csv");
  test::write_text(path, std::string(kMetrics) + "4,0.9,6");
  const MetricTable t = read_metrics(path);
  EXPECT_TRUE(t.cut);
  EXPECT_EQ(t.rows.size(), 3u);
  test::write_text(path, "epoch,a\n1,2\n3\n");
  EXPECT_NE(test::message_of<FormatError>([&] { read_metrics(path); }).find(path + ":3: expected 2 cells"),
            std::string::npos);
}

TEST(RunAgain, QuotesForTheShell) {
  EXPECT_EQ(train_command(Json{{"model", "lenet5"}, {"data", "it's"}, {"epochs", 10}, {"nesterov", true}, {"seed", 7}}),
            "pith train --model lenet5 --data 'it'\\''s' --nesterov --seed 7");
}

TEST(Histogram, CountsByHand) {
  const std::vector<float> values{-1, -0.5F, 0, 0, 0.9F, 1, std::numeric_limits<float>::quiet_NaN()};
  const Distribution d = distribution_of(values, 4);
  EXPECT_EQ(d.counts, (std::vector<int64_t>{1, 1, 0, 2}));
  EXPECT_EQ(d.zeros, 2);
  EXPECT_EQ(d.all, 7);
  EXPECT_EQ(malformed(histogram(hostile(), d)), "");
  EXPECT_EQ(malformed(histogram("empty", distribution_of({}, 4))), "");
}

TEST(Charts, DrawWhatIsNotFiniteAsNothing) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(malformed(bar_chart({.title = "t", .description = "d", .bars = {{"a", nan}, {hostile(), 3}}})), "");
  const std::string svg = line_chart({.title = "t", .description = "d", .series = {{"a", {{1, nan}, {2, 3}, {3, 4}}}}});
  EXPECT_EQ(malformed(svg), "");
  EXPECT_EQ(svg.find("nan"), std::string::npos);
}

TEST(ReportCommand, WritesAPageAndOneJsonDocument) {
  const test::TemporaryDirectory folder;
  const std::string one = write_run(folder, "one"), two = write_run(folder, "two"), out = folder.file("r.html");
  const auto o = test::run_program(folder, {"report", one, two, "--out", out, "--no-latency", "--json"});
  ASSERT_EQ(o.code, 0) << o.err;
  EXPECT_EQ(Json::parse(o.out)["runs"][1]["kept"], 2);
  EXPECT_NE(test::read_text(out).find("Accuracy against bytes"), std::string::npos);
}

TEST(ReportCommand, RefusesWhatIsNoRunOfOneEpoch) {
  const test::TemporaryDirectory folder;
  const auto refused = [&](const std::string& run, int code, const std::string& says) {
    const auto o = test::run_program(folder, {"report", run, "--no-latency"});
    EXPECT_EQ(o.code, code) << o.err;
    EXPECT_TRUE(test::is_one_line(o.err)) << o.err;
    EXPECT_NE(o.err.find(says), std::string::npos) << o.err;
  };
  refused(folder.path() + "/nothing", 1, "nothing");
  const std::string run = write_run(folder, "run");
  std::filesystem::remove(run + "/metrics.csv");
  refused(run, 3, "metrics.csv");
  test::write_text(run + "/metrics.csv", "epoch,train_loss\n");
  refused(run, 3, "no epoch of this run has ended");
}

}  // namespace
}  // namespace pith::apps
