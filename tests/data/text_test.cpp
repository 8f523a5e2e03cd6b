#include "data/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "tensor/error.h"
#include "tests/data/gzip_bytes.h"
#include "tests/support/files.h"

namespace pith::data {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<int32_t> count_up(int32_t n) {
  std::vector<int32_t> v(static_cast<size_t>(n));
  std::iota(v.begin(), v.end(), 0);
  return v;
}

TEST(Text, EndsEveryLineInEos) {
  EXPECT_THAT(tokenize("a b\n\n c  d"), ElementsAre("a", "b", "<eos>", "<eos>", "c", "d", "<eos>"));
  EXPECT_THAT(tokenize("a\r\n\t b \n"), ElementsAre("a", "<eos>", "b", "<eos>"));
  EXPECT_THAT(tokenize("\n"), ElementsAre("<eos>"));
  EXPECT_THAT(tokenize(""), IsEmpty());
}

TEST(Text, KeepsBytesThatAreNotAscii) {
  EXPECT_THAT(tokenize("\xff\x01 caf\xc3\xa9"), ElementsAre("\xff\x01", "caf\xc3\xa9", "<eos>"));
}

TEST(Vocabulary, NumbersWordsByFrequencyThenByAppearance) {
  const Vocabulary v(tokenize("b a c a\nb a c"));  // a 3, b 2, c 2, <eos> 2
  EXPECT_EQ(v.size(), 5);
  EXPECT_EQ(v.word(0), "a");
  EXPECT_EQ(v.word(1), "b");
  EXPECT_EQ(v.word(2), "c");
  EXPECT_EQ(v.word(3), "<eos>");
  EXPECT_EQ(v.word(4), "<unk>");
  EXPECT_THROW(v.word(5), ArgumentError);
  EXPECT_THROW(v.word(-1), ArgumentError);
}

TEST(Vocabulary, GivesUnknownWordsTheNumberOfUnk) {
  const Vocabulary v(tokenize("<unk> <unk> <unk> a"));
  EXPECT_EQ(v.size(), 3);
  EXPECT_EQ(v.id("never seen"), v.id("<unk>"));
  EXPECT_EQ(v.id("<unk>"), 0);
  EXPECT_THAT(v.encode({"a", "z", "<eos>"}), ElementsAre(1, 0, 2));
}

TEST(TextBatcher, RunsColumnsOnFromBatchToBatch) {
  const TextBatcher batcher(count_up(23), 2, 4);  // columns 0..10 and 11..21; 22 is left out
  ASSERT_EQ(batcher.batches(), 3);
  EXPECT_EQ(batcher.predictions(), 20);
  const TextBatch b = batcher.batch(1);
  EXPECT_EQ(b.inputs.shape(), (Shape{4, 2}));
  EXPECT_THAT(b.inputs.to_vector<int32_t>(), ElementsAre(4, 15, 5, 16, 6, 17, 7, 18));
  EXPECT_THAT(b.targets.to_vector<int32_t>(), ElementsAre(5, 16, 6, 17, 7, 18, 8, 19));
  const TextBatch last = batcher.batch(2);
  EXPECT_THAT(last.inputs.to_vector<int32_t>(), ElementsAre(8, 19, 9, 20));
  EXPECT_THAT(last.targets.to_vector<int32_t>(), ElementsAre(9, 20, 10, 21));
}

TEST(TextBatcher, PredictsEveryWordButTheFirstOfAColumnOnce) {
  for (int32_t words = 6; words < 40; ++words)
    for (int64_t steps = 1; steps < 9; ++steps) {
      const TextBatcher batcher(count_up(words), 3, steps);
      int64_t predicted = 0;
      for (int64_t i = 0; i < batcher.batches(); ++i) predicted += batcher.batch(i).targets.numel();
      ASSERT_EQ(predicted, batcher.predictions()) << words << " words, " << steps << " steps";
    }
}

TEST(TextBatcher, RefusesWhatMakesNoBatch) {
  EXPECT_THROW(TextBatcher(count_up(10), 0, 3), ArgumentError);
  EXPECT_THROW(TextBatcher(count_up(10), 2, 0), ArgumentError);
  EXPECT_THROW(TextBatcher(count_up(10), 6, 3), ArgumentError);
  EXPECT_THROW(TextBatcher({}, 1, 1), ArgumentError);
  const TextBatcher smallest(count_up(2), 1, 35);
  EXPECT_EQ(smallest.batches(), 1);
  EXPECT_THROW(smallest.batch(1), ArgumentError);
  EXPECT_THROW(smallest.batch(-1), ArgumentError);
}

TEST(OpenText, TakesItsVocabularyFromTheTrainingTextAlone) {
  const test::TemporaryDirectory folder;
  test::write_text(folder.file("train.txt"), "x y x\n");
  const std::string other = "x z\n";
  test::write_bytes(folder.file("test.txt.gz"),
                    std::span<const uint8_t>(test::stored_gzip(std::vector<uint8_t>(other.begin(), other.end()))));
  test::write_text(folder.file("valid.txt"), "never read\n");
  const TextSource s = open_text(folder.path());
  EXPECT_EQ(s.vocabulary.size(), 4);
  EXPECT_THAT(s.train, ElementsAre(0, 1, 0, 2));
  EXPECT_THAT(s.test, ElementsAre(0, 3, 2));
  EXPECT_EQ(s.trained_on, folder.file("train.txt"));
}

TEST(OpenText, RefusesMissingAndEmptyTexts) {
  const test::TemporaryDirectory folder;
  EXPECT_THROW(open_text(folder.path()), IoError);
  test::write_text(folder.file("valid.txt"), "");
  EXPECT_THROW(open_text(folder.path()), IoError);
  test::write_text(folder.file("test.txt"), "a\n");
  EXPECT_THROW(open_text(folder.path()), FormatError);
  EXPECT_THROW(open_text("wikitext-2", folder.path()), IoError);
}

TEST(RealText, WikiText2HasItsPublishedTokens) {
  if (test::real_data("wikitext-2").empty()) GTEST_SKIP() << "PITH_DATA holds no wikitext-2 folder";
  const std::string folder = test::real_data("wikitext-2");
  const std::vector<std::string> valid = read_tokens(folder + "/valid.txt.gz"),
                                 test = read_tokens(folder + "/test.txt.gz");
  EXPECT_EQ(valid.size(), 217646u);
  EXPECT_EQ(test.size(), 245569u);
  std::vector<std::string> both = valid;
  both.insert(both.end(), test.begin(), test.end());
  EXPECT_EQ(Vocabulary(both).size(), 18327 + 1);  // different words, and <eos>
  if (test::real_data("wikitext-2/train.txt").empty()) {
    EXPECT_EQ(open_text("wikitext-2").train.size(), 217646u);
  }
}

}  // namespace
}  // namespace pith::data
