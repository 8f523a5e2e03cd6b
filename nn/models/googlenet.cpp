// A GoogLeNet for 32 x 32 images: the nine Inception blocks of Szegedy et al. (2015, table 1) with a quarter of their
// widths, batch norm after every convolution (as in the paper's second version), and a 3 x 3 stem that keeps the
// extent. A quarter, because the whole one asks 1.5 GMAC an image at this extent, too much for the CPUs this is made
// for.
#include <array>

#include "autograd/ops/shape.h"
#include "nn/layers/linear.h"
#include "nn/layers/pool.h"
#include "nn/layers/sequential.h"
#include "nn/models/families.h"

namespace pith::nn {
namespace {

/// Widths of one block: 1 x 1; 1 x 1 before 3 x 3; 1 x 1 before 5 x 5; 1 x 1 after pooling.
struct Widths {
  int64_t one, reduce3, three, reduce5, five, pooled;
  int64_t out() const { return one + three + five + pooled; }
};

void add_conv(Sequential& branch, int64_t in, int64_t out, int64_t kernel) {
  branch.add(std::make_unique<Conv2d>(in, out, square(kernel)));
  branch.add(std::make_unique<BatchNorm2d>(out));
  branch.add(std::make_unique<ReLU>());
}

/// Four branches on one input, side by side along the channels.
class Inception : public Module {
 public:
  Inception(int64_t in, const Widths& w) {
    constexpr std::array names{"b1", "b2", "b3", "b4"};
    for (size_t i = 0; i < names.size(); ++i) branches_[i] = &add_module(names[i], std::make_unique<Sequential>());
    add_conv(*branches_[0], in, w.one, 1);
    add_conv(*branches_[1], in, w.reduce3, 1);
    add_conv(*branches_[1], w.reduce3, w.three, 3);
    add_conv(*branches_[2], in, w.reduce5, 1);
    add_conv(*branches_[2], w.reduce5, w.five, 5);
    branches_[3]->add(std::make_unique<MaxPool2d>(PoolOptions{.kernel = 3, .stride = 1, .padding = 1}));
    add_conv(*branches_[3], in, w.pooled, 1);
    concat_ = &add_module("concat", std::make_unique<Concat>());
  }
  std::string_view type() const override { return "Inception"; }

 protected:
  Variable forward(const Variable& x) override {
    std::vector<Variable> ys;
    for (Sequential* const branch : branches_) ys.push_back(branch->call(x));
    return concat_->call(ys);
  }

 private:
  std::array<Sequential*, 4> branches_;
  Concat* concat_;
};

struct Named {
  const char* name;
  Widths widths;
  const char* pool_before = nullptr;  ///< name of the 3 x 3 pooling that halves the extent first
};
constexpr std::array<Named, 9> kBlocks{{{"a3", {16, 24, 32, 4, 8, 8}},
                                        {"b3", {32, 32, 48, 8, 24, 16}},
                                        {"a4", {48, 24, 52, 4, 12, 16}, "maxpool4"},
                                        {"b4", {40, 28, 56, 6, 16, 16}},
                                        {"c4", {32, 32, 64, 6, 16, 16}},
                                        {"d4", {28, 36, 72, 8, 16, 16}},
                                        {"e4", {64, 40, 80, 8, 32, 32}},
                                        {"a5", {64, 40, 80, 8, 32, 32}, "maxpool5"},
                                        {"b5", {96, 48, 96, 12, 32, 32}}}};
constexpr int64_t kStemWidth = 48;

}  // namespace

std::unique_ptr<Module> make_googlenet_cifar(const Blueprint& b) {
  auto net = std::make_unique<Sequential>("GoogLeNet");
  auto stem = std::make_unique<Sequential>();
  add_conv(*stem, b.input[0], kStemWidth, 3);
  net->add("pre_layers", std::move(stem));
  int64_t width = kStemWidth;
  for (const Named& block : kBlocks) {
    if (block.pool_before != nullptr)
      net->add(block.pool_before, std::make_unique<MaxPool2d>(PoolOptions{.kernel = 3, .stride = 2, .padding = 1}));
    net->add(block.name, std::make_unique<Inception>(width, block.widths));
    width = block.widths.out();
  }
  net->add("avgpool", std::make_unique<GlobalAvgPool>("AvgPool2d"));
  net->add("flatten", std::make_unique<Flatten>());
  net->add("linear", std::make_unique<Linear>(width, b.classes));
  return net;
}

}  // namespace pith::nn
