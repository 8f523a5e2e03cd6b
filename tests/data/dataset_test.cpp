#include "data/dataset.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "data/memory_dataset.h"
#include "tensor/error.h"
#include "tests/data/toy_dataset.h"
#include "tests/support/files.h"

namespace pith::data {
namespace {

/// The images of a toy set by number: its label is its number.
std::vector<int32_t> numbers(const Dataset& d) {
  std::vector<int32_t> all;
  for (int64_t i = 0; i < d.size(); ++i) all.push_back(d.label(i));
  return all;
}

TEST(Subset, KeepsTheGivenOrder) {
  const auto d = subset(test::toy_dataset(10, {1, 1, 2}, 10), {7, 0, 7});
  EXPECT_EQ(numbers(*d), (std::vector<int32_t>{7, 0, 7}));
  EXPECT_EQ(d->pixels(0)[1], 50);
  EXPECT_EQ(d->image_shape(), (Shape{1, 1, 2}));
  EXPECT_EQ(d->classes().size(), 10u);
}

TEST(Subset, RefusesIndicesThatAreNotThere) {
  EXPECT_THROW(subset(test::toy_dataset(3), {3}), ArgumentError);
  EXPECT_THROW(subset(test::toy_dataset(3), {-1}), ArgumentError);
}

TEST(Split, SharesEveryImageOutOnce) {
  const auto d = test::toy_dataset(100, {1, 1, 1}, 100);
  // One image a class cannot be shared, so split the classes of a set where the label is known by the pixel.
  const auto three = test::toy_dataset(100, {1, 1, 1}, 3);
  const Split s = split(three, 0.25, 9);
  std::set<uint8_t> train, validation;
  for (int64_t i = 0; i < s.train->size(); ++i) train.insert(s.train->pixels(i)[0]);
  for (int64_t i = 0; i < s.validation->size(); ++i) validation.insert(s.validation->pixels(i)[0]);
  EXPECT_EQ(s.train->size() + s.validation->size(), 100);
  std::set<uint8_t> all, both;
  for (int64_t i = 0; i < d->size(); ++i) all.insert(d->pixels(i)[0]);
  std::ranges::set_union(train, validation, std::inserter(both, both.end()));
  EXPECT_EQ(both, all);
  EXPECT_EQ(all.size(), 100u);
  EXPECT_EQ(train.size() + validation.size(), 100u);
}

TEST(Split, TakesTheSameShareOfEveryClass) {
  const Split s = split(test::toy_dataset(103, {1, 1, 1}, 4), 0.2, 1);  // 26 26 26 25 images a class
  std::vector<int> counts(4);
  for (const int32_t label : numbers(*s.validation)) ++counts[static_cast<size_t>(label)];
  EXPECT_EQ(counts, (std::vector<int>{5, 5, 5, 5}));
}

TEST(Split, DependsOnTheSeedAlone) {
  const auto taken = [](uint64_t seed) {
    const Split s = split(test::toy_dataset(200, {1, 1, 1}, 2), 0.1, seed);
    std::vector<uint8_t> pixels;
    for (int64_t i = 0; i < s.validation->size(); ++i) pixels.push_back(s.validation->pixels(i)[0]);
    return pixels;
  };
  EXPECT_EQ(taken(1), taken(1));
  EXPECT_NE(taken(1), taken(2));
}

TEST(Split, RefusesASideWithoutImages) {
  const auto d = test::toy_dataset(10);
  for (const double fraction : {0.0, 1.0, -0.5, 1e-9, 0.999999, std::numeric_limits<double>::quiet_NaN()})
    EXPECT_THROW(split(d, fraction, 0), ArgumentError) << fraction;
}

TEST(MemoryDataset, RefusesWhatDoesNotFitTogether) {
  const auto make = [](std::vector<uint8_t> pixels, std::vector<int32_t> labels) {
    MemoryDataset(Shape{1, 1, 2}, std::move(pixels), std::move(labels), {"a", "b"}, "here");
  };
  EXPECT_NO_THROW(make({1, 2}, {1}));
  EXPECT_THROW(make({}, {}), FormatError);
  EXPECT_THROW(make({1, 2, 3}, {1}), FormatError);
  EXPECT_THROW(make({1, 2}, {2}), FormatError);
  EXPECT_THROW(make({1, 2}, {-1}), FormatError);
}

TEST(OpenData, SaysWhatItKnowsWhereANameIsUnknown) {
  const std::string message = test::message_of<ArgumentError>([] { open_data("imagenet", "/nowhere"); });
  for (const char* word : {"imagenet", "mnist", "fashion-mnist", "cifar10", "digits", "folder"})
    EXPECT_NE(message.find(word), std::string::npos) << message;
  EXPECT_THROW(open_data(""), ArgumentError);
}

TEST(OpenData, SaysHowToFetchWhatIsNotThere) {
  const test::TemporaryDirectory folder;
  for (const char* name : {"mnist", "fashion-mnist", "cifar10"}) {
    const std::string message = test::message_of<IoError>([&] { open_data(name, folder.path()); });
    EXPECT_NE(message.find("pith data get " + std::string(name)), std::string::npos) << message;
    EXPECT_NE(message.find(folder.path()), std::string::npos) << message;
  }
}

TEST(OpenData, TakesAFolderWithTrainAndTestBesideEachOther) {
  const test::TemporaryDirectory folder;
  const std::string picture = "P6 1 1 255 abc";
  for (const char* name : {"train/x/1.ppm", "train/y/1.ppm", "train/y/2.ppm", "test/x/1.ppm", "test/y/1.ppm"})
    test::write_text(folder.file(name), picture);
  const DataSource d = open_data(folder.path());
  EXPECT_EQ(d.train->size(), 3);
  EXPECT_EQ(d.test->size(), 2);
  EXPECT_EQ(d.normalization.mean.size(), 3u);
  test::write_text(folder.file("test/z/1.ppm"), picture);
  EXPECT_THROW(open_data(folder.path()), FormatError);
}

TEST(OpenData, SplitsAFifthOffAFolderOfClassesAlone) {
  const test::TemporaryDirectory folder;
  for (int i = 0; i < 20; ++i)
    test::write_text(folder.file(std::string(i % 2 ? "a/" : "b/") + std::to_string(i) + ".ppm"), "P6 1 1 255 abc");
  const DataSource d = open_data(folder.path());
  EXPECT_EQ(d.train->size(), 16);
  EXPECT_EQ(d.test->size(), 4);
}

TEST(OpenData, RefusesAnEmptyFolder) {
  const test::TemporaryDirectory folder;
  EXPECT_THROW(open_data(folder.path()), FormatError);
}

}  // namespace
}  // namespace pith::data
