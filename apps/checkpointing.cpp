#include "apps/checkpointing.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "apps/interrupt.h"
#include "nn/checkpoint.h"
#include "tensor/error.h"

namespace pith::apps {
namespace {

void check_finite(const std::string& name, const Tensor& t) {
  const std::vector<float> values = t.to_vector<float>();
  const auto bad = std::find_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
  if (bad == values.end()) return;
  throw NumericError(fmt::format("{} holds {} at element {}", name, *bad, bad - values.begin()));
}

void check_finite(nn::Module& model) {
  model.visit_parameters([](const std::string& name, nn::Parameter& p) { check_finite(name, p.value()); });
  model.visit_buffers([](const std::string& name, Tensor& t) { check_finite(name, t); });
}

}  // namespace

Checkpointing::Checkpointing(const TrainingOptions& options, RunDirectory& run, nn::Module& model,
                             nn::Optimizer& optimizer, nn::RatePolicy& rate, Compression& compression)
    : options_(options), run_(run), model_(model), optimizer_(optimizer), rate_(rate), compression_(compression) {}

void Checkpointing::check_schedule(const nn::RunState& state) const {
  const std::string& path = run_.last_checkpoint();
  const auto config = state.settings.find("config");
  if (config == state.settings.end()) throw FormatError(path + ": expected the settings of its run, found none");
  if (training_options_from_json(config->second, path + " (settings)").schedule != options_.schedule)
    throw FormatError(path + ": was made under another schedule than " + run_.config_path() +
                      " holds; a run keeps the schedule that it began with");
}

Position Checkpointing::restore(int64_t steps_per_epoch, int64_t epochs, const std::string& metrics_header) {
  nn::RunState state;
  saved_ = std::filesystem::exists(run_.last_checkpoint());
  if (saved_) {
    state = nn::load_checkpoint(run_.last_checkpoint(), model_, &optimizer_);
    check_schedule(state);
    compression_.load(state);
  }
  if (!state.rate_state.empty()) rate_.set_state(state.rate_state);
  run_.begin(state.metrics_bytes, state.events_bytes, metrics_header);
  return {{state.epoch, state.step, steps_per_epoch, epochs}, state.best_epoch, state.best, state.running};
}

void Checkpointing::save(const Position& position) {
  require_finite(position.clock);
  const RunDirectory::Lengths lengths = run_.sync();
  nn::RunState state;
  state.settings = {{"config", to_json(options_)}};
  state.epoch = position.clock.epoch;
  state.step = position.clock.step;
  state.rate_state = rate_.state();
  state.best = position.best;
  state.best_epoch = position.best_epoch;
  state.metrics_bytes = lengths.metrics;
  state.events_bytes = lengths.events;
  state.running = position.running;
  compression_.save(state);
  nn::save_checkpoint(run_.last_checkpoint(), model_, &optimizer_, &state);
  saved_ = true;
}

void Checkpointing::require_finite(const nn::Clock& clock) const try {
  check_finite(model_);
} catch (const NumericError& e) {
  fail(e, clock);
}

void Checkpointing::save_best(const nn::Clock& clock) {
  require_finite(clock);
  nn::save_checkpoint(run_.best_checkpoint(), model_, nullptr, nullptr);
}

void Checkpointing::load_best() { nn::load_checkpoint(run_.best_checkpoint(), model_, nullptr); }

void Checkpointing::stop(const Position& position) {
  const nn::Clock& c = position.clock;
  if (c.epoch < c.epochs) save(position);
  throw Interrupted(interrupted(),
                    fmt::format("stopped in epoch {} of {} after step {} of {}; everything is saved, go "
                                "on with: pith train --resume {}",
                                std::min(c.epoch + 1, c.epochs), c.epochs, c.step, c.steps_per_epoch, run_.path()));
}

void Checkpointing::fail(const NumericError& e, const nn::Clock& clock) const {
  throw NumericError(fmt::format(
      "{} at epoch {}, step {} of {}; {}; a lower --lr may help{}", e.what(), clock.epoch + 1, clock.step + 1,
      clock.steps_per_epoch, saved_ ? "the last good checkpoint is kept in " + run_.path() : "nothing was saved yet",
      options_.anomaly ? "" : ", and --anomaly names the operator and layer it comes from"));
}

}  // namespace pith::apps
