#include "apps/training.h"

#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <optional>

#include "apps/checkpointing.h"
#include "apps/classification_task.h"
#include "apps/epoch_record.h"
#include "apps/interrupt.h"
#include "compress/quantizers/inq.h"
#include "nn/early_exit.h"
#include "nn/layers/dropout.h"
#include "nn/optim/clip.h"
#include "nn/optim/rate_policy.h"
#include "tensor/error.h"

namespace pith::apps {
namespace {

class Training {
 public:
  Training(const TrainingOptions& options, const Task& task, RunDirectory& run, Console& console)
      : options_(options),
        run_(run),
        console_(console),
        parts_(task.parts),
        model_(*task.model),
        loader_(training_loader(parts_, options)),
        teacher_(task.teacher.get()),
        compression_(*task.compression),
        scheduler_(compression_.scheduler()),
        optimizer_(make_optimizer(options, model_)),
        rate_(compression_.rate_policy()),
        checkpointing_(options, run, model_, *optimizer_, *rate_, compression_) {
    compression_.set_recompute([this] { recompute(); });
    compression_.set_optimizer(*optimizer_);
    if (options.anomaly) anomaly_.emplace();
  }

  TrainingResult run() {
    at_ = checkpointing_.restore(loader_.batches(), options_.epochs,
                                 metrics_header(part()) + compression_.metrics_header());
    score_ = score_from(at_.running);
    for (; clock().epoch < clock().epochs; next_epoch()) {
      train_epoch();
      record_epoch(evaluate_epoch());
    }
    checkpointing_.load_best();
    return {at_.best_epoch, evaluate_part(parts_.test, "test")};
  }

 private:
  nn::Clock& clock() { return at_.clock; }

  void train_epoch() {
    record_ = {};
    penalties_ = Penalties(regularizers_of(compression_.schedule()));
    if (clock().step == clock().steps_per_epoch) {  // the run was stopped behind its last batch, or in its validation
      scheduler_.on_epoch_end(clock());
      return;
    }
    scheduler_.on_epoch_begin(clock());
    compress::freeze_by_inq(model_, clock().epoch, clock().epochs);
    loader_.start(clock().epoch, clock().step);
    Progress& bar = console_.progress(epoch_name(), clock().steps_per_epoch, clock().step);
    while (clock().step < clock().steps_per_epoch) {
      train_step();
      ++clock().step;
      ++record_.steps;
      if (bar.due()) bar.show(clock().step, postfix(score_));
      print_step(bar.seconds());
      if (interrupted()) stop();
      if (options_.checkpoint_steps > 0 && optimizer_->steps() % options_.checkpoint_steps == 0) save();
    }
    record_.seconds = bar.seconds();
    console_.end_progress();
    scheduler_.on_epoch_end(clock());
  }

  /// The lesson: forward, backward, step, and the moments at which a schedule acts.
  void train_step() try {
    Phases& phases = record_.phases;
    phases.begin(Phase::data);
    batch_ = loader_.next();
    phases.begin(Phase::schedule);
    scheduler_.on_minibatch_begin(clock());
    phases.begin(Phase::forward);
    const auto [loss, logits] = forward();
    const double value = loss.value().item();
    if (!std::isfinite(value))
      throw NumericError(std::isnan(value) ? "the loss became nan" : "the loss became infinite");
    phases.begin(Phase::schedule);
    penalties_.add(scheduler_.before_backward(clock()));
    phases.begin(Phase::backward);
    loss.backward();
    phases.begin(Phase::schedule);
    scheduler_.before_step(clock());
    phases.begin(Phase::step);
    if (options_.clip_norm > 0) nn::clip_gradient_norm(model_, options_.clip_norm);
    optimizer_->step(rate_->at(clock()));
    model_.clear_gradients();
    phases.begin(Phase::schedule);
    scheduler_.on_minibatch_end(clock());
    phases.begin(Phase::other);
    add_batch(score_, logits.value(), batch_.labels);
    record_.images += batch_.labels.numel();
  } catch (const NumericError& e) {
    checkpointing_.fail(e, clock());
  }

  struct Forward {
    Variable loss, logits;
  };
  Forward forward() {
    nn::seed_dropout(model_, options_.seed, optimizer_->steps());
    const std::vector<Variable> answers = nn::answers_of(model_, Variable(batch_.images));
    Variable loss = nn::joint_loss(answers, batch_.labels, options_.exit_loss_weights, options_.label_smoothing);
    if (teacher_ != nullptr) loss = teacher_->blend(loss, answers.back(), batch_.images, clock().epoch);
    return {loss, answers.back()};
  }

  /// The door of a schedule that wants the minibatch's gradients again, at other weights.
  void recompute() {
    std::vector<Tensor> buffers;
    model_.visit_buffers([&](const std::string&, Tensor& b) { buffers.push_back(b.clone()); });
    model_.clear_gradients();
    forward().loss.backward();
    model_.visit_buffers([&, i = size_t{0}](const std::string&, Tensor& b) mutable { b.copy_from(buffers[i++]); });
  }

  std::optional<Score> evaluate_epoch() {
    const int64_t done = clock().epoch + 1;
    if (done % options_.evaluate_every != 0 && done != clock().epochs) return std::nullopt;
    return evaluate_part(options_.validates_on_test() ? parts_.test : parts_.validation, part()).score;
  }

  Evaluation evaluate_part(std::shared_ptr<const data::Dataset> dataset, const std::string& name) {
    data::Loader loader =
        evaluation_loader(std::move(dataset), parts_.normalization, options_.batch_size, options_.workers);
    Progress& bar = console_.progress(name, loader.batches());
    Evaluation e = evaluate(model_, loader, [&](int64_t batch, const Tensor&, const Score& so_far) {
      if (bar.due()) bar.show(batch, postfix(so_far));
      if (interrupted()) stop();
    });
    console_.end_progress();
    return e;
  }

  /// Rows first, then the best weights, then (next_epoch) the state that counts both: killed in between, the run
  /// repeats this epoch and writes the same again.
  void record_epoch(const std::optional<Score>& evaluation) {
    record_.epoch = clock().epoch + 1;
    record_.epochs = clock().epochs;
    record_.train = score_;
    record_.part = part();
    record_.evaluation = evaluation;
    record_.rate = rate_->at({clock().epoch, clock().steps_per_epoch - 1, clock().steps_per_epoch, clock().epochs});
    run_.add_metrics(metrics_row(record_) + compression_.metrics_row());
    run_.add_timing(kTimingHeader, timing_row(record_));
    add_scalars(run_.events(), record_);
    compression_.add_scalars(run_.events(), record_.epoch);
    if (options_.histograms) add_histograms();
    console_.result(text(record_) + (compression_.active() ? "  " + compression_.summary() : ""));
    if (compression_.active()) console_.note(compression_.table());
    if (const std::string news = compression_.take_news(); !news.empty()) console_.note(news);
    // What steers the training never comes from the test set.
    rate_->after_epoch(evaluation && !options_.validates_on_test() ? evaluation->loss() : score_.loss());
    const bool improves = evaluation && (options_.validates_on_test() || evaluation->top1() > at_.best);
    if (evaluation && compression_.replaces(at_.best_epoch, improves)) {
      at_.best_epoch = clock().epoch;
      at_.best = evaluation->top1();
      checkpointing_.save_best(clock());
    }
  }

  /// Of the weights, and of what the layers put out for the first images of the evaluated part.
  void add_histograms() {
    add_weight_histograms(run_.events(), model_, record_.epoch);
    data::Loader loader = evaluation_loader(options_.validates_on_test() ? parts_.test : parts_.validation,
                                            parts_.normalization, kHistogramImages, 1);
    loader.start(0);
    add_activation_histograms(run_.events(), model_, loader.next().images, record_.epoch);
  }

  void next_epoch() {
    ++clock().epoch;
    clock().step = 0;
    score_ = {};
    save();
  }

  void save() {
    at_.running = numbers_of(score_);
    checkpointing_.save(at_);
  }

  [[noreturn]] void stop() {
    console_.end_progress();
    at_.running = numbers_of(score_);
    checkpointing_.stop(at_);
  }

  std::string part() const { return options_.validates_on_test() ? "test" : "valid"; }
  std::string epoch_name() { return fmt::format("epoch {}/{}", clock().epoch + 1, clock().epochs); }
  static std::string postfix(const Score& s) {
    return fmt::format("loss={:.3f}, acc={:.3f}", s.loss(), s.top1() / 100);
  }

  /// Distiller's line, every print_every steps.
  void print_step(double seconds) {
    if (options_.print_every == 0 || clock().step % options_.print_every != 0) return;
    nn::Clock last = clock();
    --last.step;
    console_.note(text(StepRecord{last.epoch, clock().step, last.steps_per_epoch, score_, penalties_, rate_->at(last),
                                  seconds / static_cast<double>(record_.steps)}));
  }

  const TrainingOptions& options_;
  RunDirectory& run_;
  Console& console_;
  const DataParts& parts_;
  nn::Module& model_;
  data::Loader loader_;
  const Teacher* teacher_;
  Compression& compression_;
  compress::Scheduler& scheduler_;
  std::unique_ptr<nn::Optimizer> optimizer_;
  std::unique_ptr<nn::RatePolicy> rate_;
  Checkpointing checkpointing_;
  std::optional<DetectAnomaly> anomaly_;
  Position at_;
  data::Batch batch_;    ///< of the step under way
  Score score_;          ///< of the epoch under way, on the training batches
  EpochRecord record_;   ///< of the epoch under way, what this process saw of it
  Penalties penalties_;  ///< of the epoch under way, what this process saw of it
};

}  // namespace

TrainingResult train(const TrainingOptions& options, const Task& task, RunDirectory& run, Console& console) {
  return Training(options, task, run, console).run();
}

}  // namespace pith::apps
