#include "tensor/parallel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <set>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "tensor/error.h"
#include "tests/support/files.h"

namespace pith {
namespace {

/// Leaves the number of threads as it was.
class Parallel : public testing::TestWithParam<int> {
 protected:
  void SetUp() override { set_threads(GetParam()); }
  void TearDown() override { set_threads(before_); }

 private:
  int before_ = threads();
};

TEST_P(Parallel, CoversEveryIndexExactlyOnce) {
  for (int64_t count : {0, 1, 2, 7, 8, 9, 1000})
    for (int64_t grain : {1, 2, 7, 8, 1001}) {
      std::vector<std::atomic<int>> seen(static_cast<size_t>(count));
      parallel_for(count, grain, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) ++seen[static_cast<size_t>(i)];
      });
      for (const auto& times : seen) ASSERT_EQ(times, 1) << count << " by " << grain;
    }
}

TEST_P(Parallel, CutsByCountAndGrainAlone) {
  std::vector<int64_t> ends(4, -1);
  parallel_for(10, 3, [&](int64_t begin, int64_t end) { ends[static_cast<size_t>(begin / 3)] = end; });
  EXPECT_EQ(ends, (std::vector<int64_t>{3, 6, 9, 10}));
  EXPECT_EQ(chunk_count(10, 3), 4);
}

TEST_P(Parallel, DoesNothingForACountOfZeroOrLess) {
  parallel_for(0, 1, [](int64_t, int64_t) { FAIL(); });
  parallel_for(-5, 1, [](int64_t, int64_t) { FAIL(); });
}

TEST_P(Parallel, TakesTheLargestGrainAndCount) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  int calls = 0;
  parallel_for(kMost, kMost, [&](int64_t begin, int64_t end) { calls += begin == 0 && end == kMost; });
  EXPECT_EQ(calls, 1);
  std::atomic<int64_t> last = 0;
  parallel_for(kMost, kMost / 2, [&](int64_t, int64_t end) {
    for (int64_t now = last; end > now && !last.compare_exchange_weak(now, end);) continue;
  });
  EXPECT_EQ(last, kMost);
}

TEST_P(Parallel, BringsAnExceptionToTheCallerAndWorksOn) {
  for (int round = 0; round < 20; ++round) {
    EXPECT_THROW(parallel_for(100, 1,
                              [&](int64_t begin, int64_t) {
                                if (begin == 37) throw std::out_of_range("37");
                              }),
                 std::out_of_range);
    std::atomic<int> done = 0;
    parallel_for(100, 1, [&](int64_t, int64_t) { ++done; });
    ASSERT_EQ(done, 100);
  }
}

TEST_P(Parallel, BringsOneOfManyExceptions) {
  EXPECT_THROW(parallel_for(64, 1, [](int64_t, int64_t) { throw Error("every chunk"); }), Error);
}

TEST_P(Parallel, MayBeNested) {
  std::vector<std::atomic<int>> seen(30 * 30);
  parallel_for(30, 1, [&](int64_t row, int64_t) {
    parallel_for(30, 4, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) ++seen[static_cast<size_t>(row * 30 + i)];
    });
  });
  for (const auto& times : seen) ASSERT_EQ(times, 1);
}

TEST_P(Parallel, KeepsOtherChunksOutOfAThreadThatWaitsForAnInnerOne) {
  std::atomic<int> intruders = 0;
  parallel_for(200, 1, [&](int64_t begin, int64_t) {
    thread_local int64_t mine = -1;
    const int64_t outer = mine;
    intruders += outer != -1;
    mine = begin;
    parallel_for(16, 1, [](int64_t, int64_t) { std::this_thread::yield(); });
    mine = outer;
  });
  EXPECT_EQ(intruders, 0);
}

TEST_P(Parallel, ServesCallersInSeveralThreadsAtOnce) {
  std::vector<std::thread> callers;
  std::atomic<int64_t> total = 0;
  for (int t = 0; t < 4; ++t)
    callers.emplace_back([&] {
      for (int round = 0; round < 100; ++round) parallel_for(64, 1, [&](int64_t begin, int64_t) { total += begin; });
    });
  for (std::thread& t : callers) t.join();
  EXPECT_EQ(total, 4 * 100 * (63 * 64 / 2));
}

TEST_P(Parallel, RunsManyShortJobsOneAfterTheOther) {  // late risers meet the next job, never a dead one
  int64_t total = 0;
  for (int job = 0; job < 3000; ++job) {
    int64_t parts[2] = {};
    parallel_for(2, 1, [&](int64_t begin, int64_t) { parts[begin] = job; });
    total += parts[0] + parts[1];
  }
  EXPECT_EQ(total, int64_t{2} * (2999 * 3000 / 2));
}

TEST_P(Parallel, MayChangeTheNumberOfThreadsInsideABody) {
  std::atomic<int> done = 0;
  parallel_for(8, 1, [&](int64_t begin, int64_t) {
    if (begin == 3) set_threads(GetParam() + 1);
    parallel_for(8, 1, [&](int64_t, int64_t) { ++done; });
  });
  EXPECT_EQ(done, 64);
  EXPECT_EQ(threads(), GetParam() + 1);
}

INSTANTIATE_TEST_SUITE_P(Threads, Parallel, testing::Values(1, 2, 3, 8), testing::PrintToStringParamName());

TEST(Threads, AreWhatWasSet) {
  const int before = threads();
  EXPECT_GE(before, 1);
  for (int n : {5, 1, 2, 2}) {
    set_threads(n);
    EXPECT_EQ(threads(), n);
  }
  set_threads(before);
}

TEST(Threads, RefuseNumbersOutsideTheirDomainAndStay) {
  const int before = threads();
  const std::string said = test::message_of<ArgumentError>([] { set_threads(0); });
  EXPECT_EQ(said, "threads: may be 1 to 256, here are 0");
  EXPECT_THROW(set_threads(-1), ArgumentError);
  EXPECT_THROW(set_threads(kMostThreads + 1), ArgumentError);
  EXPECT_EQ(threads(), before);
}

}  // namespace
}  // namespace pith
