// The smallest network within a loss of accuracy: by an accuracy that is known for every file.
#include "apps/bit_budget.h"

#include <gtest/gtest.h>

#include "nn/fold.h"
#include "nn/models.h"
#include "nn/packed_network.h"
#include "tensor/error.h"
#include "tests/support/files.h"
#include "tests/support/golden.h"

namespace pith::apps {
namespace {

double bytes_of(const nn::IntegerSpec& spec) { return static_cast<double>(nn::packed_bytes(spec)); }

/// LeNet-5 with drawn weights, and what quantizing it asks for.
class BitBudget : public testing::Test {
 protected:
  BitBudget() : model_(nn::make_model("lenet5")), graph_(nn::graph_of(*model_, {1, 28, 28})) {
    compress::Calibration c(graph_);
    const Tensor images = test::wave({4, 1, 28, 28}, 1, DType::f32);
    c.add_extremes(images);
    c.add_moments(images);
    statistics_ = c.finish();
    Console console({.quiet = true});
    // Every weight's bit is worth the same, so that the best network for its bytes is the one with the most bytes.
    measure_widths(
        case_, {2, 3, 4, 5, 6, 8}, [](const nn::IntegerSpec& s) { return -bytes_of(s); }, console);
  }

  nn::IntegerSpec smallest(double wanted, const std::function<double(const nn::IntegerSpec&)>& accuracy) {
    Console console({.quiet = true});
    return smallest_within(
        case_, wanted,
        [&](const compress::PostTrainingOptions& o) {
          return compress::quantize_after_training(graph_, statistics_, o, "lenet5");
        },
        accuracy, console);
  }

  std::unique_ptr<nn::Module> model_;
  nn::Graph graph_;
  compress::Statistics statistics_;
  BudgetCase case_{graph_, statistics_, {}, "lenet5"};
};

TEST_F(BitBudget, FindsTheSmallestThatIsGoodEnoughToAHundredth) {
  for (const double least : {18e3, 25e3, 40e3, 60e3}) {  // bytes from which a network is good
    int tries = 0;
    const nn::IntegerSpec found = smallest(90, [&](const nn::IntegerSpec& s) {
      ++tries;
      return bytes_of(s) >= least ? 91.0 : 80.0;
    });
    const double bytes = bytes_of(found);
    EXPECT_GE(bytes, least);
    EXPECT_LE(bytes, 1.03 * least) << least;  // a hundredth, and the grain of whole layers
    EXPECT_LE(tries, 12);
  }
}

TEST_F(BitBudget, TakesTheLeastWhereThatIsGoodAndRefusesWhereTheMostIsNot) {
  const nn::IntegerSpec least = smallest(50, [](const nn::IntegerSpec&) { return 60; });
  for (const nn::IntegerLayer& layer : least.layers)
    if (layer.shape.has_weights()) {
      EXPECT_EQ(layer.bits, 2) << layer.shape.name;
    }
  EXPECT_NE(test::message_of<ArgumentError>([&] {
              smallest(50, [](const nn::IntegerSpec&) { return 40; });
            }).find("more points or larger widths"),
            std::string::npos);
}

}  // namespace
}  // namespace pith::apps
