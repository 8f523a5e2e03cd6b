#include "data/loader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "data/augment.h"
#include "tensor/error.h"
#include "tests/data/toy_dataset.h"
#include "tests/support/files.h"

namespace pith::data {
namespace {

const Normalization kToy{{0.5f, 0.25f}, {0.5f, 2.0f}};

struct Flat {
  std::vector<float> images;
  std::vector<int32_t> labels;
  friend bool operator==(const Flat&, const Flat&) = default;
};

Flat flat(const Batch& b) { return {b.images.to_vector<float>(), b.labels.to_vector<int32_t>()}; }

std::vector<Flat> rest_of_epoch(Loader& loader, int64_t epoch, int64_t first = 0) {
  std::vector<Flat> all;
  loader.start(epoch, first);
  for (int64_t i = first; i < loader.batches(); ++i) all.push_back(flat(loader.next()));
  return all;
}

LoaderOptions lively(int workers) {
  return {.batch_size = 8,
          .shuffle = true,
          .augmentation = {.crop_padding = 2, .flip = true},
          .seed = 11,
          .workers = workers,
          .prefetch = 3};
}

TEST(Loader, NormalisesEveryPixelOfEveryImageInOrder) {
  const auto d = test::toy_dataset(10);
  Loader loader(d, kToy, {.batch_size = 4, .workers = 0});
  ASSERT_EQ(loader.batches(), 3);
  loader.start(0);
  for (int64_t first = 0; first < 10; first += 4) {
    const Batch b = loader.next();
    const int64_t n = std::min<int64_t>(4, 10 - first);
    ASSERT_EQ(b.images.shape(), (Shape{n, 2, 4, 5}));
    ASSERT_EQ(b.labels.shape(), (Shape{n}));
    for (int64_t i = 0; i < n; ++i) {
      EXPECT_EQ(b.labels.data<int32_t>()[i], (first + i) % 3);
      for (int64_t j = 0; j < 40; ++j) {
        const float v = static_cast<float>((7 * (first + i) + j) % 251) / 255.0f;
        EXPECT_EQ(b.images.data<float>()[i * 40 + j], j < 20 ? (v - 0.5f) / 0.5f : (v - 0.25f) / 2.0f);
      }
    }
  }
}

TEST(Loader, GivesTheSameBatchesForAnyNumberOfWorkers) {
  const auto d = test::toy_dataset(61);
  Loader alone(d, kToy, lively(0));
  for (const int64_t epoch : {0, 1, 7}) {
    const std::vector<Flat> expected = rest_of_epoch(alone, epoch);
    for (int workers = 1; workers <= 3; ++workers) {
      Loader loader(d, kToy, lively(workers));
      EXPECT_EQ(rest_of_epoch(loader, epoch), expected) << workers << " workers, epoch " << epoch;
    }
  }
}

TEST(Loader, ResumesAtAnyBatch) {
  const auto d = test::toy_dataset(61);
  Loader whole(d, kToy, lively(0)), resumed(d, kToy, lively(2));
  const std::vector<Flat> expected = rest_of_epoch(whole, 3);
  for (int64_t first = 0; first <= whole.batches(); ++first)
    EXPECT_EQ(rest_of_epoch(resumed, 3, first), std::vector<Flat>(expected.begin() + first, expected.end())) << first;
}

TEST(Loader, ForgetsBatchesOfAnEpochThatWasLeft) {
  const auto d = test::toy_dataset(200);
  Loader alone(d, kToy, lively(0)), loader(d, kToy, lively(3));
  const std::vector<Flat> expected = rest_of_epoch(alone, 5);
  for (int64_t left_after = 0; left_after < 20; ++left_after) {
    loader.start(4);
    for (int64_t i = 0; i < left_after; ++i) loader.next();
    ASSERT_EQ(rest_of_epoch(loader, 5), expected) << left_after;
  }
}

TEST(Loader, ShowsEveryImageOnceAnEpochInAnotherOrderEachEpoch) {
  const auto d = test::toy_dataset(100, {1, 1, 1}, 100);  // the label is the image's number
  Loader loader(d, {{0}, {1}}, {.batch_size = 16, .shuffle = true, .workers = 1});
  std::set<std::vector<int32_t>> orders;
  for (int64_t epoch = 0; epoch < 10; ++epoch) {
    std::vector<int32_t> order;
    for (const Flat& b : rest_of_epoch(loader, epoch)) order.insert(order.end(), b.labels.begin(), b.labels.end());
    orders.insert(order);
    std::sort(order.begin(), order.end());
    ASSERT_EQ(order.size(), 100u);
    for (int32_t i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
  }
  EXPECT_EQ(orders.size(), 10u);
}

TEST(Loader, DropsTheLastShortBatchWhenAsked) {
  const auto d = test::toy_dataset(17);
  const Loader all(d, kToy, {.batch_size = 8}), full(d, kToy, {.batch_size = 8, .drop_last = true});
  EXPECT_EQ(all.batches(), 3);
  EXPECT_EQ(all.samples(), 17);
  EXPECT_EQ(full.batches(), 2);
  EXPECT_EQ(full.samples(), 16);
}

/// Fails on one image, as a data set that reads late might.
class Broken : public Dataset {
 public:
  int64_t size() const override { return 10; }
  const Shape& image_shape() const override { return shape_; }
  const std::vector<std::string>& classes() const override { return classes_; }
  std::span<const uint8_t> pixels(int64_t i) const override {
    if (i == 7) throw IoError("disk on fire");
    return pixel_;
  }
  int32_t label(int64_t) const override { return 0; }

 private:
  Shape shape_{1, 1, 1};
  std::vector<std::string> classes_{"x"};
  std::vector<uint8_t> pixel_{3};
};

TEST(Loader, HandsAWorkersErrorToTheReaderAtThatBatch) {
  for (int workers = 0; workers <= 2; ++workers) {
    Loader loader(std::make_shared<Broken>(), {{0}, {1}}, {.batch_size = 2, .workers = workers});
    loader.start(0);
    for (int i = 0; i < 3; ++i) loader.next();
    EXPECT_EQ(test::message_of<IoError>([&] { loader.next(); }), "disk on fire") << workers;
  }
}

TEST(Loader, RefusesToGoPastTheEndOrBeforeTheStart) {
  Loader loader(test::toy_dataset(3), kToy, {.batch_size = 2});
  EXPECT_THROW(loader.next(), Error);
  loader.start(0, 2);
  EXPECT_THROW(loader.next(), Error);
  EXPECT_THROW(loader.start(0, 3), ArgumentError);
  EXPECT_THROW(loader.start(0, -1), ArgumentError);
  EXPECT_THROW(loader.start(-1), ArgumentError);
  loader.start(0, 1);
  EXPECT_EQ(loader.next().labels.numel(), 1);
}

TEST(Loader, RefusesSettingsOutsideTheirDomain) {
  const auto d = test::toy_dataset(5);
  const auto with = [&](const LoaderOptions& o) { Loader(d, kToy, o); };
  EXPECT_THROW(with({.batch_size = 0}), ArgumentError);
  EXPECT_THROW(with({.batch_size = 6, .drop_last = true}), ArgumentError);
  EXPECT_THROW(with({.workers = -1}), ArgumentError);
  EXPECT_THROW(with({.workers = 100000}), ArgumentError);
  EXPECT_THROW(with({.prefetch = 0}), ArgumentError);
  EXPECT_THROW(with({.augmentation = {.crop_padding = -1}}), ArgumentError);
  EXPECT_THROW(with({.augmentation = {.crop_padding = 5}}), ArgumentError);
  EXPECT_THROW(Loader(nullptr, kToy, {}), ArgumentError);
  EXPECT_THROW(Loader(subset(d, {}), kToy, {}), ArgumentError);
  EXPECT_THROW(Loader(d, {{0.5f}, {0.5f}}, {}), ArgumentError);
  EXPECT_THROW(Loader(d, {{0, 0}, {1, 0}}, {}), ArgumentError);
}

}  // namespace
}  // namespace pith::data
