#include "apps/language_training.h"

#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "apps/checkpointing.h"
#include "apps/classification_task.h"
#include "apps/epoch_record.h"
#include "apps/interrupt.h"
#include "autograd/ops/shape.h"
#include "autograd/ops/softmax_loss.h"
#include "nn/checkpoint.h"
#include "nn/optim/clip.h"
#include "tensor/error.h"
#include "tensor/weights_file.h"

namespace pith::apps {
namespace {

constexpr int64_t kEvaluationColumns = 10;

/// Mean loss of the words of one batch.
Variable batch_loss(nn::LanguageModel& model, const data::TextBatch& batch) {
  const Variable logits = model.call(Variable(batch.inputs));
  const int64_t words = batch.targets.numel();
  return softmax_cross_entropy(reshape(logits, Shape{words, logits.shape()[2]}), batch.targets.view({words}));
}

std::unique_ptr<nn::LanguageModel> make_network(const TrainingOptions& o, int64_t words) {
  nn::LanguageModelOptions options;
  options.words = words;
  options.embedding = o.embedding;
  options.hidden = o.hidden;
  options.layers = o.layers;
  options.dropout = o.dropout;
  options.tied = o.tied;
  auto model = nn::make_language_model(options, o.seed);
  const bool goes_on = !o.init.empty() && read_weights(o.init).find("encoder.weight_step") != nullptr;
  if (o.bits_weights > 0 && goes_on) model->use_whole_numbers(static_cast<int>(o.bits_weights));
  if (!o.init.empty()) nn::load_weights(o.init, *model);
  if (o.bits_weights > 0 && !goes_on) model->use_whole_numbers(static_cast<int>(o.bits_weights));
  return model;
}

/// Every weight of a matrix that is multiplied works once a word; the embedding is looked up.
std::map<std::string, double> macs_of_weights(nn::Module& model) {
  std::map<std::string, double> macs;
  model.visit_parameters([&](const std::string& name, nn::Parameter& p) {
    if (p.shape().rank() == 2 && !name.starts_with("encoder.")) macs[name] = 1;
  });
  return macs;
}

/// The last part of the training text is for validation.
TextTask make_task(const TrainingOptions& o, const data::Vocabulary& vocabulary, std::vector<int32_t> train,
                   std::vector<int32_t> test) {
  const auto kept = static_cast<int64_t>(static_cast<double>(train.size()) * (1 - o.validation));
  TextTask task{std::move(train), {}, std::move(test), make_network(o, vocabulary.size()), nullptr};
  task.compression =
      std::make_unique<Compression>(o, *task.model, compress::Doors{.macs = macs_of_weights(*task.model)}, Shape{});
  task.validation.assign(task.train.begin() + kept, task.train.end());
  task.train.resize(static_cast<size_t>(kept));
  return task;
}

// The hidden state as numbers, layer by layer, h then c: exact, for every float is a double.
void append(std::vector<double>& numbers, const std::vector<Variable>& layers) {
  for (const Variable& v : layers) {
    for (const float x : v.value().to_vector<float>()) numbers.push_back(x);
  }
}

std::vector<Variable> take(const std::vector<double>& numbers, size_t& at, int64_t layers, const Shape& shape) {
  std::vector<Variable> taken;
  for (int64_t l = 0; l < layers; ++l, at += static_cast<size_t>(shape.numel())) {
    std::vector<float> values(numbers.begin() + static_cast<int64_t>(at),
                              numbers.begin() + static_cast<int64_t>(at) + shape.numel());
    taken.emplace_back(Tensor::from(values, shape));
  }
  return taken;
}

class LanguageTraining {
 public:
  LanguageTraining(const TrainingOptions& options, const TextTask& task, RunDirectory& run, Console& console)
      : options_(options),
        run_(run),
        console_(console),
        task_(task),
        model_(*task.model),
        batcher_(task_.train, options.batch_size, options.bptt),
        compression_(*task.compression),
        scheduler_(compression_.scheduler()),
        optimizer_(make_optimizer(options, model_)),
        rate_(compression_.rate_policy()),
        checkpointing_(options, run, model_, *optimizer_, *rate_, compression_) {
    compression_.set_recompute([this] { recompute(); });
    if (options.anomaly) anomaly_.emplace();
  }

  LanguageResult run() {
    at_ = checkpointing_.restore(batcher_.batches(), options_.epochs,
                                 fmt::format("epoch,train_loss,train_perplexity,{0}_loss,{0}_perplexity,rate", part()) +
                                     compression_.metrics_header());
    take_running();
    for (; clock().epoch < clock().epochs; next_epoch()) {
      train_epoch();
      record_epoch();
    }
    checkpointing_.load_best();
    return {at_.best_epoch, evaluate(task_.test, "test")};
  }

 private:
  nn::Clock& clock() { return at_.clock; }
  std::string part() const { return options_.validates_on_test() ? "test" : "valid"; }

  void train_epoch() {
    steps_ = 0;
    seconds_ = 0;
    phases_ = {};
    if (clock().step == clock().steps_per_epoch) {  // the run was stopped behind its last batch, or in its validation
      scheduler_.on_epoch_end(clock());
      return;
    }
    if (clock().step == 0) model_.reset_state();
    scheduler_.on_epoch_begin(clock());
    Progress& bar = console_.progress(fmt::format("epoch {}/{}", clock().epoch + 1, clock().epochs),
                                      clock().steps_per_epoch, clock().step);
    while (clock().step < clock().steps_per_epoch) {
      train_step();
      ++clock().step;
      ++steps_;
      if (bar.due()) bar.show(clock().step, fmt::format("perplexity={:.1f}", score_.perplexity()));
      if (options_.print_every > 0 && clock().step % options_.print_every == 0) print_step(bar.seconds());
      if (interrupted()) stop();
      if (options_.checkpoint_steps > 0 && optimizer_->steps() % options_.checkpoint_steps == 0) save();
    }
    seconds_ = bar.seconds();
    console_.end_progress();
    scheduler_.on_epoch_end(clock());
  }

  void train_step() try {
    phases_.begin(Phase::schedule);
    scheduler_.on_minibatch_begin(clock());
    phases_.begin(Phase::forward);
    const data::TextBatch batch = batcher_.batch(clock().step);
    begun_ = model_.state();
    const Variable loss = loss_of(batch);
    const double value = loss.value().item();
    if (!std::isfinite(value))
      throw NumericError(std::isnan(value) ? "the loss became nan" : "the loss became infinite");
    phases_.begin(Phase::schedule);
    scheduler_.before_backward(clock());
    phases_.begin(Phase::backward);
    loss.backward();
    phases_.begin(Phase::schedule);
    scheduler_.before_step(clock());
    phases_.begin(Phase::step);
    if (options_.clip_norm > 0) nn::clip_gradient_norm(model_, options_.clip_norm);
    optimizer_->step(rate_->at(clock()));
    model_.clear_gradients();
    phases_.begin(Phase::schedule);
    scheduler_.on_minibatch_end(clock());
    phases_.begin(Phase::other);
    score_.loss_sum += value * static_cast<double>(batch.targets.numel());
    score_.words += batch.targets.numel();
  } catch (const NumericError& e) {
    checkpointing_.fail(e, clock());
  }

  Variable loss_of(const data::TextBatch& batch) {
    nn::seed_dropout(model_, options_.seed, optimizer_->steps());
    return batch_loss(model_, batch);
  }

  /// The door of a schedule that wants the minibatch's gradients again, at other weights.
  void recompute() {
    const nn::LstmState after = model_.state();
    model_.set_state(begun_);
    model_.clear_gradients();
    loss_of(batcher_.batch(clock().step)).backward();
    model_.set_state(after);
  }

  TextScore evaluate(const std::vector<int32_t>& text, const std::string& name) {
    Progress& bar = console_.progress(name, 1);
    const TextScore score = evaluate_text(model_, text, options_, [&] {
      if (bar.due()) bar.show(0, "");
      if (interrupted()) stop();
    });
    console_.end_progress();
    return score;
  }

  void record_epoch() {
    const TextScore score = evaluate(options_.validates_on_test() ? task_.test : task_.validation, part());
    nn::Clock last = clock();
    --last.step;
    const int64_t epoch = clock().epoch + 1;
    const double rate = rate_->at(last);
    run_.add_metrics(fmt::format("{},{:.9g},{:.9g},{:.9g},{:.9g},{:.9g}", epoch, score_.loss(), score_.perplexity(),
                                 score.loss(), score.perplexity(), rate) +
                     compression_.metrics_row());
    const double words_per_second = seconds_ > 0 ? words(steps_) / seconds_ : 0;
    run_.add_timing(
        "epoch,steps,seconds,words_per_second,data,forward,backward,schedule,step",
        fmt::format("{},{},{:.3f},{:.1f}", epoch, steps_, seconds_, words_per_second) + phases_row(phases_));
    run_.events().add_scalar("train/perplexity", epoch, score_.perplexity());
    run_.events().add_scalar(part() + "/perplexity", epoch, score.perplexity());
    run_.events().add_scalar("rate", epoch, rate);
    compression_.add_scalars(run_.events(), epoch);
    console_.result(
        fmt::format("epoch {}/{}  perplexity {:.2f}  {} perplexity {:.2f}  rate {:.4g}  {:.1f} s  {:.0f} words/s",
                    epoch, clock().epochs, score_.perplexity(), part(), score.perplexity(), rate, seconds_,
                    words_per_second) +
        (compression_.active() ? "  " + compression_.summary() : ""));
    if (compression_.active()) console_.note(compression_.table());
    rate_->after_epoch(options_.validates_on_test() ? score_.loss() : score.loss());
    if (compression_.replaces(at_.best_epoch, options_.validates_on_test() || score.loss() < at_.best)) {
      at_.best_epoch = clock().epoch;
      at_.best = score.loss();
      checkpointing_.save_best(clock());
    }
  }

  double words(int64_t steps) const { return static_cast<double>(steps * options_.bptt * options_.batch_size); }

  void print_step(double seconds) {
    console_.note(fmt::format("Epoch: [{}][{:5}/{:5}]    Overall Loss {:.6f}    Perplexity {:.3f}    Time {:.6f}",
                              clock().epoch, clock().step, clock().steps_per_epoch, score_.loss(), score_.perplexity(),
                              seconds / static_cast<double>(steps_)));
  }

  void next_epoch() {
    ++clock().epoch;
    clock().step = 0;
    score_ = {};
    model_.reset_state();
    save();
  }

  void save() {
    put_running();
    checkpointing_.save(at_);
  }

  [[noreturn]] void stop() {
    console_.end_progress();
    put_running();
    checkpointing_.stop(at_);
  }

  // Running sums, then the hidden state within an epoch (between epochs it starts from zero).
  void put_running() {
    at_.running = {score_.loss_sum, static_cast<double>(score_.words)};
    if (clock().step == 0 || clock().step == clock().steps_per_epoch) return;
    append(at_.running, model_.state().h);
    append(at_.running, model_.state().c);
  }
  void take_running() {
    const std::vector<double>& r = at_.running;
    const Shape shape{options_.batch_size, options_.hidden};
    const size_t state = static_cast<size_t>(2 * options_.layers * shape.numel());
    if (r.empty()) return;
    if (r.size() != 2 && r.size() != 2 + state) {
      throw FormatError(
          fmt::format("{}: expected 2 or {} running numbers, found {}", run_.last_checkpoint(), 2 + state, r.size()));
    }
    score_ = {r[0], static_cast<int64_t>(r[1])};
    if (r.size() == 2) return;
    size_t at = 2;
    nn::LstmState running;
    running.h = take(r, at, options_.layers, shape);
    running.c = take(r, at, options_.layers, shape);
    model_.set_state(std::move(running));
  }

  const TrainingOptions& options_;
  RunDirectory& run_;
  Console& console_;
  const TextTask& task_;
  nn::LanguageModel& model_;
  data::TextBatcher batcher_;
  Compression& compression_;
  compress::Scheduler& scheduler_;
  std::unique_ptr<nn::Optimizer> optimizer_;
  std::unique_ptr<nn::RatePolicy> rate_;
  Checkpointing checkpointing_;
  std::optional<DetectAnomaly> anomaly_;
  Position at_;
  nn::LstmState begun_;  ///< the hidden state before the step under way
  TextScore score_;      ///< of the epoch under way
  int64_t steps_ = 0;
  double seconds_ = 0;
  Phases phases_;
};

}  // namespace

double TextScore::perplexity() const { return std::exp(loss()); }

TextTask open_text_task(const TrainingOptions& o) {
  if (o.text.empty()) {
    data::TextSource source = data::open_text(o.data, o.data_root);
    return make_task(o, source.vocabulary, std::move(source.train), std::move(source.test));
  }
  const std::vector<std::string> tokens = data::read_tokens(o.text);
  const data::Vocabulary vocabulary(tokens);
  return make_task(o, vocabulary, vocabulary.encode(tokens), vocabulary.encode(data::read_tokens(o.text_test)));
}

TextScore evaluate_text(nn::LanguageModel& model, const std::vector<int32_t>& text, const TrainingOptions& options,
                        const std::function<void()>& on_batch) {
  const NoGradient no_gradient;
  const nn::LstmState before = model.state();
  const bool training = model.training();
  const data::TextBatcher batcher(text, kEvaluationColumns, options.bptt);
  model.set_training(false);
  model.reset_state();
  TextScore score;
  for (int64_t i = 0; i < batcher.batches(); ++i) {
    const data::TextBatch batch = batcher.batch(i);
    score.loss_sum += batch_loss(model, batch).value().item() * static_cast<double>(batch.targets.numel());
    score.words += batch.targets.numel();
    if (on_batch) on_batch();
  }
  model.set_training(training);
  model.set_state(before);
  return score;
}

LanguageResult train_language(const TrainingOptions& options, const TextTask& task, RunDirectory& run,
                              Console& console) {
  return LanguageTraining(options, task, run, console).run();
}

}  // namespace pith::apps
