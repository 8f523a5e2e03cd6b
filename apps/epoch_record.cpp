#include "apps/epoch_record.h"

#include <fmt/format.h>

#include <algorithm>

namespace pith::apps {

std::string metrics_header(const std::string& part) {
  return fmt::format("epoch,train_loss,train_top1,{0}_loss,{0}_top1,{0}_top5,rate", part);
}

std::string metrics_row(const EpochRecord& r) {
  const std::string evaluation = r.evaluation ? fmt::format("{:.9g},{:.9g},{:.9g}", r.evaluation->loss(),
                                                            r.evaluation->top1(), r.evaluation->top5())
                                              : ",,";
  return fmt::format("{},{:.9g},{:.9g},{},{:.9g}", r.epoch, r.train.loss(), r.train.top1(), evaluation, r.rate);
}

std::string timing_row(const EpochRecord& r) {
  return fmt::format("{},{},{:.3f},{:.1f}", r.epoch, r.steps, r.seconds, r.images_per_second()) + phases_row(r.phases);
}

std::string phases_row(const Phases& phases) {
  std::string row;
  for (const Phase p : {Phase::data, Phase::forward, Phase::backward, Phase::schedule, Phase::step})
    row += fmt::format(",{:.3f}", phases.seconds(p));
  return row;
}

std::string text(const EpochRecord& r) {
  std::string line = fmt::format("epoch {:>{}}/{}  loss {:.4f}  top1 {:.2f}", r.epoch, std::to_string(r.epochs).size(),
                                 r.epochs, r.train.loss(), r.train.top1());
  if (r.evaluation) {
    line += fmt::format("  {} loss {:.4f}  top1 {:.2f}  top5 {:.2f}", r.part, r.evaluation->loss(),
                        r.evaluation->top1(), r.evaluation->top5());
  }
  return line + fmt::format("  rate {:.4g}  {:.1f} s  {:.0f} images/s", r.rate, r.seconds, r.images_per_second());
}

void add_scalars(EventFile& events, const EpochRecord& r) {
  events.add_scalar("train/loss", r.epoch, r.train.loss());
  events.add_scalar("train/top1", r.epoch, r.train.top1());
  if (r.evaluation) {
    events.add_scalar(r.part + "/loss", r.epoch, r.evaluation->loss());
    events.add_scalar(r.part + "/top1", r.epoch, r.evaluation->top1());
    events.add_scalar(r.part + "/top5", r.epoch, r.evaluation->top5());
  }
  events.add_scalar("rate", r.epoch, r.rate);
}

void add_weight_histograms(EventFile& events, nn::Module& model, int64_t epoch) {
  model.visit_parameters([&](const std::string& name, nn::Parameter& p) {
    const std::vector<float> values = p.value().to_vector<float>();
    events.add_histogram("weights/" + name, epoch, values);
  });
}

void add_activation_histograms(EventFile& events, nn::Module& model, const Tensor& images, int64_t epoch) {
  const NoGradient inference;
  const bool training = model.training();
  model.set_training(false);
  model.set_tap(std::make_shared<const nn::Tap>(
      [&](const std::string& name, nn::Module& layer, const Variable&, const Variable& y) {
        if (layer.is_leaf()) events.add_histogram("activations/" + name, epoch, y.value().to_vector<float>());
      }));
  model.call(Variable(images));
  model.set_tap(nullptr);
  model.set_training(training);
}

std::string regularizers_of(const compress::Schedule& schedule) {
  std::vector<std::string> names;
  for (const compress::PolicySpec& p : schedule.policies)
    if (std::holds_alternative<compress::RegularizerUse>(p.what) &&
        std::find(names.begin(), names.end(), p.instance) == names.end())
      names.push_back(p.instance);
  return fmt::format("{}", fmt::join(names, "+"));
}

std::string text(const StepRecord& s) {
  const std::string& regularizers = s.penalties.regularizers();
  const double overall = s.score.loss() + s.penalties.mean();
  const std::string penalties =
      regularizers.empty() ? "" : fmt::format("    {}_loss {:.6f}", regularizers, s.penalties.mean());
  return fmt::format(
      "Epoch: [{}][{:5}/{:5}]    Overall Loss {:.6f}    Objective Loss {:.6f}{}    Top1 {:.6f}    Top5 {:.6f}    "
      "LR {:.6f}    Time {:.6f}",
      s.epoch, s.step, s.steps, overall, s.score.loss(), penalties, s.score.top1(), s.score.top5(), s.rate, s.seconds);
}

}  // namespace pith::apps
