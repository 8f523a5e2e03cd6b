// Compression in one's own training loop, in seven steps: main schedule.yaml
#include <algorithm>
#include <cstdio>
#include <exception>

#include "autograd/ops/softmax_loss.h"
#include "compress/schedule/schedule_file.h"
#include "compress/schedule/scheduler.h"
#include "data/loader.h"
#include "nn/checkpoint.h"
#include "nn/models.h"

using namespace pith;

/// Share of right answers, in percent.
static double accuracy(nn::Module& model, const data::DataSource& source) {
  const NoGradient no_gradient;
  data::Loader loader(source.test, source.normalization, {.batch_size = 100});
  model.set_training(false);
  loader.start(0);
  double right = 0, seen = 0;
  for (int64_t i = 0; i < loader.batches(); ++i) {
    const data::Batch batch = loader.next();
    const std::vector<float> logits = model.call(Variable(batch.images)).value().contiguous().to_vector<float>();
    const std::vector<int32_t> labels = batch.labels.to_vector<int32_t>();
    for (size_t n = 0; n < labels.size(); ++n, ++seen) {
      const auto row = logits.begin() + static_cast<int64_t>(10 * n);
      right += std::max_element(row, row + 10) - row == labels[n];
    }
  }
  model.set_training(true);
  return 100 * right / seen;
}

static int train(const char* file) {
  const int64_t epochs = 3;
  const data::DataSource digits = data::open_data("digits");
  const auto model = nn::make_model("lenet5");
  data::Loader loader(digits.train, digits.normalization, {.batch_size = 64, .shuffle = true});
  const auto optimizer = nn::make_sgd(*model, {.momentum = 0.9});

  // 1. Read the schedule and bind it to the model: whatever is wrong with it is said here, with file and line.
  const compress::Schedule schedule = compress::read_schedule(file);
  compress::Scheduler scheduler(schedule, *model, {.epochs = epochs});
  const auto rate = compress::make_rate_policy(schedule, 0.05, epochs);

  for (nn::Clock clock{0, 0, loader.batches(), epochs}; clock.epoch < epochs; ++clock.epoch) {
    scheduler.on_epoch_begin(clock);  // 2.
    loader.start(clock.epoch);
    for (clock.step = 0; clock.step < clock.steps_per_epoch; ++clock.step) {
      scheduler.on_minibatch_begin(clock);  // 3. masks change here
      const data::Batch batch = loader.next();
      const Variable loss = softmax_cross_entropy(model->call(Variable(batch.images)), batch.labels);
      scheduler.before_backward(clock);  // 4. returns what regularizers add to the loss
      model->clear_gradients();
      loss.backward();
      scheduler.before_step(clock);  // 5. their gradients join the model's
      optimizer->step(rate ? rate->at(clock) : 0.05);
      scheduler.on_minibatch_end(clock);  // 6.
    }
    clock.step = clock.steps_per_epoch - 1;
    scheduler.on_epoch_end(clock);  // 7. what is evaluated now is the pruned network
    std::printf("epoch %d: %.2f %%\n", static_cast<int>(clock.epoch + 1), accuracy(*model, digits));
    for (const compress::MaskRow& row : scheduler.masks())
      std::printf("  %-14s %8d weights  %6.2f %% pruned\n", row.name.c_str(), static_cast<int>(row.weights),
                  100 * row.sparsity());
  }
  nn::save_checkpoint("pruned.safetensors", *model, nullptr, nullptr);  // masks included
  return 0;
}

int main(int argc, char** argv) try {
  return train(argc > 1 ? argv[1] : "schedule.yaml");
} catch (const std::exception& e) {
  std::fprintf(stderr, "%s\n", e.what());
  return 1;
}
