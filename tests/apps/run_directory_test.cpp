#include "apps/run_directory.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "tensor/error.h"
#include "tests/support/files.h"

namespace pith::apps {
namespace {

TEST(RunDirectory, RefusesASecondWriter) {
  const test::TemporaryDirectory folder;
  const RunDirectory first = RunDirectory::create(folder.file("run"), "{}");
  EXPECT_THROW(RunDirectory::open(folder.file("run")), IoError);
  EXPECT_THROW(RunDirectory::create(folder.file("run"), "{}"), IoError);
}

TEST(RunDirectory, IsFreeAgainAfterItsWriter) {
  const test::TemporaryDirectory folder;
  { const RunDirectory first = RunDirectory::create(folder.file("run"), "{}"); }
  EXPECT_NO_THROW(RunDirectory::open(folder.file("run")));
}

TEST(RunDirectory, NeverOverwritesARun) {
  const test::TemporaryDirectory folder;
  { const RunDirectory first = RunDirectory::create(folder.file("run"), "{\"a\": 1}"); }
  EXPECT_THROW(RunDirectory::create(folder.file("run"), "{}"), ArgumentError);
  EXPECT_EQ(read_config(folder.file("run")), "{\"a\": 1}");
}

TEST(RunDirectory, TwoRunsOfOneSecondGoToTwoPlaces) {
  const test::TemporaryDirectory folder;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  std::set<std::string> places;
  for (int i = 0; i < 3; ++i) {
    const std::string path = default_run_path("lenet5");
    std::filesystem::create_directories(path);
    places.insert(path);
  }
  std::filesystem::current_path(before);
  EXPECT_EQ(places.size(), 3u);
}

TEST(RunDirectory, SaysWhereNoRunIs) {
  const test::TemporaryDirectory folder;
  EXPECT_THROW(RunDirectory::open(folder.path()), IoError);
  EXPECT_THROW(RunDirectory::open(folder.file("nothing")), IoError);
}

TEST(RunDirectory, CutsItsFilesBackToTheCheckpoint) {
  const test::TemporaryDirectory folder;
  RunDirectory::Lengths lengths{};
  {
    RunDirectory run = RunDirectory::create(folder.file("run"), "{}");
    run.begin(0, 0, "epoch,loss");
    run.add_metrics("1,0.5");
    lengths = run.sync();
    run.add_metrics("2,0.4");
    run.events().add_scalar("lost", 2, 0.4);
    run.sync();
  }
  RunDirectory run = RunDirectory::open(folder.file("run"));
  run.begin(lengths.metrics, lengths.events, "epoch,loss");
  run.add_metrics("2,0.3");
  EXPECT_EQ(run.sync().events, lengths.events);
  EXPECT_EQ(test::read_text(folder.file("run/metrics.csv")), "epoch,loss\n1,0.5\n2,0.3\n");
}

TEST(RunDirectory, RefusesMetricsThatWereShortened) {
  const test::TemporaryDirectory folder;
  RunDirectory run = RunDirectory::create(folder.file("run"), "{}");
  EXPECT_THROW(run.begin(100, 0, "epoch,loss"), FormatError);
}

TEST(RunDirectory, KeepsTimesOutOfTheMetrics) {
  const test::TemporaryDirectory folder;
  RunDirectory run = RunDirectory::create(folder.file("run"), "{}");
  run.add_timing("epoch,steps,seconds,images_per_second", "1,10,0.5,100");
  run.add_timing("epoch,steps,seconds,images_per_second", "2,10,0.4,120");
  EXPECT_EQ(test::read_text(folder.file("run/timing.csv")),
            "epoch,steps,seconds,images_per_second\n1,10,0.5,100\n2,10,0.4,120\n");
}

}  // namespace
}  // namespace pith::apps
