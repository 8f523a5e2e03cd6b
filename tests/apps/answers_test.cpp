#include "apps/answers.h"

#include <gtest/gtest.h>

#include <cmath>

#include "data/memory_dataset.h"

namespace pith::apps {
namespace {

/// Three classes, labels 0 1 2 2.
std::shared_ptr<const data::Dataset> labelled() {
  return std::make_shared<data::MemoryDataset>(Shape{1, 1, 1}, std::vector<uint8_t>(4),
                                               std::vector<int32_t>{0, 1, 2, 2},
                                               std::vector<std::string>{"a", "b", "c"}, "by hand");
}

Tensor rows(const std::vector<float>& logits) { return Tensor::from(logits, Shape{std::ssize(logits) / 3, 3}); }

TEST(Mistakes, KeepsTheMostConfidentInOrder) {
  Mistakes m(labelled(), 2);
  m.add(rows({5, 0, 0, /**/ 0, 0, 0}));   // right; a tie falls to class 0, wrong with a third
  m.add(rows({0, 20, 0, /**/ 0, 1, 0}));  // wrong and sure; wrong with e / (e + 2)
  ASSERT_EQ(m.worst().size(), 2u);
  EXPECT_EQ(m.worst()[0].image, 2);
  EXPECT_EQ(m.worst()[0].prediction, 1);
  EXPECT_NEAR(m.worst()[0].probability, 1, 1e-8);
  EXPECT_EQ(m.worst()[1].image, 3);
  EXPECT_NEAR(m.worst()[1].probability, std::exp(1.0) / (std::exp(1.0) + 2), 1e-12);
}

TEST(Mistakes, CallsWhatIsNotFiniteCertain) {
  Mistakes m(labelled(), 4);
  m.add(rows({0, NAN, 0, /**/ 1, 0, 0}));
  ASSERT_EQ(m.worst().size(), 1u);  // the first row's greatest is its label's
  EXPECT_NEAR(m.worst()[0].probability, std::exp(1.0) / (std::exp(1.0) + 2), 1e-12);
  Mistakes n(labelled(), 4);
  n.add(rows({0, INFINITY, 0}));
  ASSERT_EQ(n.worst().size(), 1u);
  EXPECT_EQ(n.worst()[0].probability, 1);
}

TEST(ClassScores, CountByHand) {
  Evaluation e;
  e.classes = 3;
  e.confusion = {8, 2, 0, /**/ 1, 5, 4, /**/ 0, 0, 0};
  const std::vector<ClassScore> s = class_scores(e);
  EXPECT_EQ(s[0].images, 10);
  EXPECT_EQ(s[0].top1(), 80);
  EXPECT_EQ(s[1].confused_with, 2);
  EXPECT_EQ(s[1].confused, 4);
  EXPECT_EQ(s[2].images, 0);
  EXPECT_EQ(s[2].confused_with, -1);
  const Table t = class_table(e, {"a", "b", "c"});
  EXPECT_EQ(t.rows[0][4], "b");
  EXPECT_TRUE(t.rows[2][3].is_null());
}

}  // namespace
}  // namespace pith::apps
