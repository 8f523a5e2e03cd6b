// What somebody else's program looks like: one digit drawn, one network, one answer.
#include <cstdio>

#include "data/digits.h"
#include "nn/models.h"
#include "tensor/parallel.h"

int main() {
  pith::set_threads(1);
  const auto model = pith::nn::make_model("lenet5");
  model->set_training(false);
  const pith::NoGradient no_gradient;
  const pith::Variable logits = model->call(pith::Variable(pith::Tensor::zeros({2, 1, 28, 28})));
  std::printf("%s\n", text(logits.shape()).c_str());
  return logits.shape() == pith::Shape{2, 10} ? 0 : 1;
}
