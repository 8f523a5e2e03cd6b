// What is kept of a network, and which layers run again: counted by layers that count their calls.
#include "nn/kept_outputs.h"

#include <gtest/gtest.h>

#include "nn/layers/sequential.h"

namespace pith::nn {
namespace {

/// y = x + amount.
class Counting : public Module {
 public:
  std::string_view type() const override { return "Counting"; }
  double amount = 1;
  int calls = 0;

 protected:
  Variable forward(const Variable& x) override {
    ++calls;
    Tensor y = x.value().clone();
    for (int64_t i = 0; i < y.numel(); ++i) y.mutable_data<float>()[i] += static_cast<float>(amount);
    return Variable(y);
  }
};

struct Network {
  Sequential all;
  Sequential* inner = nullptr;
  std::vector<Counting*> layers;

  /// Layers "a", "b.0", "b.1", "c".
  Network() {
    layers.push_back(&all.add("a", std::make_unique<Counting>()));
    inner = &all.add("b", std::make_unique<Sequential>());
    for (int i = 0; i < 2; ++i) layers.push_back(&inner->add(std::make_unique<Counting>()));
    layers.push_back(&all.add("c", std::make_unique<Counting>()));
  }
  std::vector<int> calls() const {
    std::vector<int> n;
    for (const Counting* const l : layers) n.push_back(l->calls);
    return n;
  }
};

Variable image() { return Variable(Tensor::zeros({1, 1, 2, 2})); }
float first(const Variable& y) { return y.value().data<float>()[0]; }

TEST(KeptOutputs, RunsFromTheChangedLayerOn) {
  Network n;
  const Variable x = image();
  KeptOutputs kept(1000);
  {
    const OutputReuse keeping(kept);
    EXPECT_EQ(first(n.all.call(x)), 4);
  }
  EXPECT_EQ(kept.bytes(), 5u * 4 * sizeof(float)) << "the image and four outputs; what holds layers adds nothing";
  n.layers[2]->amount = 10;
  {
    const OutputReuse answering(kept, {&n.all, n.inner, n.layers[2]});
    EXPECT_EQ(first(n.all.call(x)), 13);
    EXPECT_EQ(n.calls(), (std::vector<int>{1, 1, 2, 2}));
    EXPECT_EQ(first(n.all.call(Variable(Tensor::full({1, 1, 2, 2}, 1)))), 14) << "of another image nothing is known";
  }
  EXPECT_EQ(n.calls(), (std::vector<int>{2, 2, 3, 3}));
  n.all.call(x);
  EXPECT_EQ(n.calls(), (std::vector<int>{3, 3, 4, 4})) << "outside of the scope every layer runs";
}

TEST(KeptOutputs, KeepsNoMoreThanTheLimit) {
  Network n;
  const Variable x = image();
  KeptOutputs kept(3 * 4 * sizeof(float));
  {
    const OutputReuse keeping(kept);
    n.all.call(x);
  }
  EXPECT_EQ(kept.bytes(), 3u * 4 * sizeof(float)) << "the image, a, b.0";
  {
    const OutputReuse answering(kept, {&n.all, n.layers[3]});
    EXPECT_EQ(first(n.all.call(x)), 4);
  }
  EXPECT_EQ(n.calls(), (std::vector<int>{1, 1, 2, 2}));
  kept.forget();
  EXPECT_EQ(kept.bytes(), 0u);
  const OutputReuse answering(kept, {});
  n.all.call(x);
  EXPECT_EQ(n.calls(), (std::vector<int>{2, 2, 3, 3}));
}

}  // namespace
}  // namespace pith::nn
