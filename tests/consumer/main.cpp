#include <cstdio>

#include "autograd/ops/softmax_loss.h"
#include "data/loader.h"
#include "nn/checkpoint.h"
#include "nn/models.h"

int main() {
  using namespace pith;
  const data::DataSource digits = data::open_data("digits");  // drawn by the library: nothing to download
  const auto model = nn::make_model("lenet5");
  const auto optimizer = nn::make_sgd(*model, {.momentum = 0.9});
  data::Loader loader(digits.train, digits.normalization, {.batch_size = 64, .shuffle = true});
  for (int epoch = 0; epoch < 2; ++epoch) {
    loader.start(epoch);
    double total = 0;
    for (int64_t step = 0; step < loader.batches(); ++step) {
      const data::Batch batch = loader.next();
      const Variable loss = softmax_cross_entropy(model->call(Variable(batch.images)), batch.labels);
      model->clear_gradients();
      loss.backward();
      optimizer->step(0.05);
      total += loss.value().item();
    }
    std::printf("epoch %d: loss %.4f\n", epoch + 1, total / static_cast<double>(loader.batches()));
  }
  nn::save_checkpoint("lenet5.safetensors", *model, optimizer.get(), nullptr);
}
