#include "apps/progress.h"

#include <gtest/gtest.h>

namespace pith::apps {
namespace {

TEST(Progress, LooksLikeTqdm) {
  // 180 of 400 in 12.32 s: 14.6 a second, 220 left take 15 s. 45 % are four full cells and half of the fifth.
  EXPECT_EQ(text({"epoch 3/10", 180, 400, 0, 12.32, "loss=0.231, acc=0.93"}),
            "epoch 3/10  45%|####5     | 180/400 [00:12<00:15, 14.6it/s, loss=0.231, acc=0.93]");
}

TEST(Progress, BeginsWithoutARate) {
  EXPECT_EQ(text({"valid", 0, 7, 0, 0, ""}), "valid   0%|          | 0/7 [00:00<?, ?it/s]");
}

TEST(Progress, EndsFull) {
  EXPECT_EQ(text({"test", 10, 10, 0, 4, ""}), "test 100%|##########| 10/10 [00:04<00:00, 2.5it/s]");
}

TEST(Progress, DoesNotCountWhatWasDoneBeforeAResumeIntoItsRate) {
  EXPECT_EQ(text({"e", 60, 100, 50, 10, ""}), "e  60%|######    | 60/100 [00:10<00:40, 1.0it/s]");
}

TEST(Progress, SurvivesAnEmptyTotal) {
  EXPECT_EQ(text({"e", 0, 0, 0, 1, ""}), "e 100%|##########| 0/0 [00:01<?, ?it/s]");
}

TEST(Progress, WritesHoursWithHours) {
  EXPECT_EQ(clock_text(0), "00:00");
  EXPECT_EQ(clock_text(3599.9), "59:59");
  EXPECT_EQ(clock_text(3600), "1:00:00");
  EXPECT_EQ(clock_text(90061), "25:01:01");
}

TEST(Progress, PrintsPlainLinesWhereThereIsNoTerminal) {
  char* bytes = nullptr;
  size_t size = 0;
  std::FILE* out = open_memstream(&bytes, &size);
  {
    Progress progress(ProgressStyle::lines, out, "epoch 1/1", 2);
    EXPECT_FALSE(progress.due()) << "nine seconds have not passed";
    progress.show(1, "");
  }
  std::fclose(out);
  const std::string printed(bytes, size);
  std::free(bytes);
  EXPECT_EQ(printed.find('\r'), std::string::npos);
  EXPECT_EQ(printed.find('\x1b'), std::string::npos);
  EXPECT_EQ(printed.back(), '\n');
}

}  // namespace
}  // namespace pith::apps
