// LeNet-5 with an exit behind its first convolution, after BranchyNet's (Teerapittayanon et al. 2016), with LeNet-5's
// own names.
#include "nn/early_exit.h"
#include "nn/layers/linear.h"
#include "nn/layers/pool.h"
#include "nn/models/families.h"

namespace pith::nn {
namespace {

ConvOptions five_by_five(int64_t padding) {
  ConvOptions o;
  o.kernel = {5, 5};
  o.window.padding = {padding, padding};
  return o;
}

/// conv1, relu1, pool1 | exit1 | conv2, relu2, pool2, fc1, relu3, fc2, relu4, fc3.
class LeNet5EarlyExit : public Module, public EarlyExits, public Staged {
 public:
  explicit LeNet5EarlyExit(const Blueprint& b) {
    const int64_t h = b.input[1] / 2, w = b.input[2] / 2;  // behind pool1
    first_.conv = &add_module("conv1", std::make_unique<Conv2d>(b.input[0], 6, five_by_five(2)));
    first_.relu = &add_module("relu1", std::make_unique<ReLU>());
    pool1_ = &add_module("pool1", std::make_unique<MaxPool2d>(PoolOptions{}));
    second_.conv = &add_module("conv2", std::make_unique<Conv2d>(6, 16, five_by_five(0)));
    second_.relu = &add_module("relu2", std::make_unique<ReLU>());
    rest_[0] = &add_module("pool2", std::make_unique<MaxPool2d>(PoolOptions{}));
    rest_[1] = &add_module("flatten", std::make_unique<Flatten>());
    rest_[2] = &add_module("fc1", std::make_unique<Linear>(16 * ((h - 4) / 2) * ((w - 4) / 2), 120));
    rest_[3] = &add_module("relu3", std::make_unique<ReLU>());
    rest_[4] = &add_module("fc2", std::make_unique<Linear>(120, 84));
    rest_[5] = &add_module("relu4", std::make_unique<ReLU>());
    fc3_ = &add_module("fc3", std::make_unique<Linear>(84, b.classes));
    exit_ = &add_module("exit1", make_exit({6, h, w}, 1, b.classes));
  }
  std::string_view type() const override { return "LeNet5EarlyExit"; }
  std::vector<Stage> stages() const override { return {first_, second_}; }
  int64_t answers() const override { return 2; }
  Variable run_part(int64_t i, const Variable& x) override {
    if (i == 0) return pool1_->call(run_stage(first_, x));
    Variable y = run_stage(second_, x);
    for (Module* const layer : rest_) y = layer->call(y);
    return y;
  }
  Variable answer(int64_t i, const Variable& x) override { return i == 0 ? exit_->call(x) : fc3_->call(x); }

 protected:
  Variable forward(const Variable& x) override { return last_answer(*this, x, is_tapped()); }

 private:
  Stage first_, second_;
  MaxPool2d* pool1_;
  Module* rest_[6];
  Linear* fc3_;
  Sequential* exit_;
};

}  // namespace

std::unique_ptr<Module> make_lenet5_early_exit(const Blueprint& b) { return std::make_unique<LeNet5EarlyExit>(b); }

}  // namespace pith::nn
