#include "tensor/ops/accumulate.h"

#include <gtest/gtest.h>

#include "tensor/error.h"

namespace pith {
namespace {

TEST(Accumulate, AddsInPlaceForASoleOwnerAndElsewhereForASharedOne) {
  Tensor sum = Tensor::from(std::vector<float>{1, 2, 3}, {3});
  const Tensor g = Tensor::from(std::vector<float>{10, 20, 30}, {3});
  const float* const before = sum.data<float>();
  ops::accumulate(sum, g);
  EXPECT_EQ(sum.data<float>(), before);
  EXPECT_EQ(sum.to_vector<float>(), (std::vector<float>{11, 22, 33}));
  const Tensor witness = sum;
  ops::accumulate(sum, g);
  EXPECT_EQ(witness.to_vector<float>(), (std::vector<float>{11, 22, 33}));
  EXPECT_EQ(sum.to_vector<float>(), (std::vector<float>{21, 42, 63}));
}

TEST(Accumulate, JoinsBothOrdersAndAnyHaloInTheOrderOfTheSum) {
  const Tensor ones = Tensor::full({3, 2, 4, 5}, 1);
  for (const Tensor& start : {ones.clone(), to_lanes(ones, 1), to_lanes(ones, 0)})
    for (const Tensor& g : {ones.clone(), to_lanes(ones, 1), to_lanes(ones, 2)}) {
      Tensor sum = start;
      ops::accumulate(sum, g);
      EXPECT_EQ(sum.order(), start.order());
      EXPECT_EQ(sum.to_vector<float>(), std::vector<float>(120, 2.0f));
      EXPECT_EQ(start.to_vector<float>(), std::vector<float>(120, 1.0f));
    }
}

TEST(Accumulate, TakesAViewAndDoubleAndRefusesTheRest) {
  Tensor sum = Tensor::from(std::vector<double>{1, 2, 3, 4}, {2, 2}).transpose(0, 1);
  ops::accumulate(sum, Tensor::full({2, 2}, 1, DType::f64));
  EXPECT_EQ(sum.to_vector<double>(), (std::vector<double>{2, 4, 3, 5}));
  EXPECT_THROW(ops::accumulate(sum, Tensor::zeros({4}, DType::f64)), ShapeError);
  EXPECT_THROW(ops::accumulate(sum, Tensor::zeros({2, 2})), ShapeError);
  Tensor counts = Tensor::zeros({2}, DType::s32);
  EXPECT_THROW(ops::accumulate(counts, counts), TypeError);
}

}  // namespace
}  // namespace pith
