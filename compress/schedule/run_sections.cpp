#include "compress/schedule/run_sections.h"

namespace pith::compress {
namespace {

std::optional<double> optional_at_least(Fields& f, const char* key, double least) {
  if (f.find(key) == nullptr) return std::nullopt;
  const double value = f.number(key);
  if (value < least) f.refuse(key, "is below " + std::to_string(static_cast<int>(least)));
  return value;
}

/// A number above 0.
double positive(Fields& f, const char* key) {
  const double value = f.number(key);
  if (!(value > 0)) f.refuse(key, "must be above 0");
  return value;
}

std::optional<std::string> optional_text(Fields& f, const char* key) {
  if (f.find(key) == nullptr) return std::nullopt;
  return f.text(key);
}

}  // namespace

OptimizerSettings optimizer_from(Fields& f) {
  static const char* const kNames[] = {"sgd", "adam", "adamw"};
  OptimizerSettings o{kNames[f.choice("class", {"SGD", "Adam", "AdamW"})], {}, {}, {}, {}};
  if (f.find("lr") != nullptr) o.rate = positive(f, "lr");
  o.weight_decay = optional_at_least(f, "weight_decay", 0);
  if (o.name == "sgd") {
    if (f.find("momentum") != nullptr) o.momentum = f.share("momentum");
    if (f.find("nesterov") != nullptr) o.nesterov = f.flag("nesterov", false);
  }
  f.finish();
  return o;
}

DataSettings data_from(Fields& f) {
  DataSettings d;
  d.name = optional_text(f, "name");
  d.augment = optional_text(f, "augment");
  if (f.find("batch_size") != nullptr) d.batch_size = f.integer("batch_size", 1);
  if (f.find("validation") != nullptr) d.validation = f.share("validation");
  f.finish();
  return d;
}

DistillationSettings distillation_from(Fields& f) {
  DistillationSettings d;
  d.teacher = f.text("teacher");
  d.model = optional_text(f, "model").value_or("");
  if (f.find("temperature") != nullptr) d.temperature = positive(f, "temperature");
  d.distill = optional_at_least(f, "distill_weight", 0).value_or(d.distill);
  d.student = optional_at_least(f, "student_weight", 0).value_or(d.student);
  if (!(d.distill + d.student > 0)) f.refuse("distill_weight", "and student_weight are both 0");
  d.start_epoch = f.integer("start_epoch", 0, 0);
  f.finish();
  return d;
}

StopSettings stop_from(Fields& f) {
  StopSettings s;
  s.place = f.place();
  if (f.find("sparsity") != nullptr) s.sparsity = f.share("sparsity");
  if (f.find("macs") != nullptr) s.macs = f.number_within("macs", 0, 1);
  if (f.find("epochs") != nullptr) s.epochs = f.integer("epochs", 1);
  f.finish();
  if (!s.sparsity && !s.macs && !s.epochs) s.place.refuse(f.what() + " names no condition: sparsity, macs or epochs");
  return s;
}

}  // namespace pith::compress
