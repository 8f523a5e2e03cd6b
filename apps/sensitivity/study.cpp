#include "apps/sensitivity/study.h"

#include <charconv>
#include <cmath>
#include <map>
#include <utility>

#include "compress/pruners/magnitude.h"
#include "compress/pruners/ranked_norm.h"
#include "nn/kept_outputs.h"
#include "tensor/error.h"

namespace pith::apps {
namespace {

double number(std::string_view words, const std::string& all) {
  double value = 0;
  const auto [end, error] = std::from_chars(words.data(), words.data() + words.size(), value);
  if (error != std::errc() || end != words.data() + words.size() || !std::isfinite(value))
    throw ArgumentError("--levels takes start:stop:step or a list like 0,0.3,0.5, not \"" + all + "\"");
  return value;
}

std::vector<double> numbers(const std::string& words, char between) {
  std::vector<double> all;
  for (size_t at = 0; at <= words.size();) {
    const size_t end = std::min(words.find(between, at), words.size());
    all.push_back(number(std::string_view(words).substr(at, end - at), words));
    at = end + 1;
  }
  return all;
}

std::vector<double> range(const std::vector<double>& r, const std::string& words) {
  if (r.size() != 3 || !(r[2] > 0) || !(r[1] >= r[0]) || (r[1] - r[0]) / r[2] > 1000)
    throw ArgumentError("--levels takes start:stop:step with a step above 0 and at most 1000 steps, not \"" + words +
                        "\"");
  std::vector<double> all;
  const auto steps = static_cast<int64_t>(std::floor((r[1] - r[0]) / r[2] + 1e-9));
  for (int64_t i = 0; i <= steps; ++i) all.push_back(std::round((r[0] + static_cast<double>(i) * r[2]) * 1e9) / 1e9);
  return all;
}

/// The layer `name` and every module above it.
std::vector<const nn::Module*> with_those_above(nn::Module& model, const std::string& name) {
  std::vector<const nn::Module*> all;
  model.visit_modules([&](const std::string& n, nn::Module& m) {
    if (n.empty() || n == name || name.starts_with(n + ".")) all.push_back(&m);
  });
  return all;
}

/// One weight under study: of each level its values in the folded network, and which earlier level is the same.
class Subject {
 public:
  Subject(nn::Module& model, nn::Module& folded, const std::string& name, const StudyPlan& plan) {
    nn::Parameter* trained = nullptr;
    const auto find = [&](nn::Parameter*& into) {
      return [&](const std::string& n, nn::Parameter& p) {
        if (n == name) into = &p;
      };
    };
    model.visit_parameters(find(trained));
    folded.visit_parameters(find(parameter_));
    if (trained == nullptr || parameter_ == nullptr) throw ArgumentError("there is no weight \"" + name + "\"");
    dense_ = parameter_->value().clone();
    changed_ = with_those_above(folded, name.substr(0, name.rfind('.')));
    for (const double level : plan.levels) masks_.push_back(study_mask(trained->value(), plan.kind, level));
  }

  /// The first level with the same mask: `level` itself, an earlier one, or -1 where it prunes nothing.
  int64_t same_as(size_t level) const {
    if (masks_[level].kept() == masks_[level].numel()) return -1;
    size_t first = 0;
    while (!(masks_[first] == masks_[level])) ++first;
    return static_cast<int64_t>(first);
  }
  void prune(size_t level) {
    Tensor pruned = dense_.clone();
    zero_pruned(masks_[level], pruned);
    parameter_->load(pruned);
  }
  void restore() { parameter_->load(dense_); }
  /// What must run again when it is pruned, besides what reads it.
  const std::vector<const nn::Module*>& changed() const { return changed_; }

 private:
  nn::Parameter* parameter_ = nullptr;
  Tensor dense_;
  std::vector<Mask> masks_;
  std::vector<const nn::Module*> changed_;
};

Score score_of(nn::Module& model, const data::Batch& batch, const Variable& x) {
  Score s;
  add_batch(s, model.call(x).value(), batch.labels);
  return s;
}

Score dense_score(nn::Module& model, const data::Batch& batch, const Variable& x, nn::KeptOutputs& kept) {
  kept.forget();
  const nn::OutputReuse keeping(kept);
  return score_of(model, batch, x);
}

void add(Score& sum, const Score& s) {
  sum.seen += s.seen;
  sum.correct += s.correct;
  sum.correct5 += s.correct5;
  sum.loss_sum += s.loss_sum;
}

/// All levels of one weight on one batch, for which the dense network has `base` and put out `kept`.
void study_weight(Subject& subject, nn::Module& model, const data::Batch& batch, const Variable& x, const Score& base,
                  const nn::KeptOutputs& kept, std::vector<Score>& sums) {
  const nn::OutputReuse from_the_layer_on(kept, subject.changed());
  std::vector<Score> found(sums.size());
  for (size_t level = 0; level < sums.size(); ++level) {
    const int64_t same = subject.same_as(level);
    if (same == static_cast<int64_t>(level)) {
      subject.prune(level);
      found[level] = score_of(model, batch, x);
    } else {
      found[level] = same < 0 ? base : found[static_cast<size_t>(same)];
    }
    add(sums[level], found[level]);
  }
  subject.restore();
}

}  // namespace

compress::GroupType study_kind(const std::string& word) {
  for (const auto kind : {compress::GroupType::element, compress::GroupType::filter, compress::GroupType::channel})
    if (word == compress::name(kind)) return kind;
  throw ArgumentError("--kind takes element, filter or channel, not \"" + word + "\"");
}

std::vector<double> parse_levels(const std::string& words) {
  const std::vector<double> levels =
      words.find(':') != std::string::npos ? range(numbers(words, ':'), words) : numbers(words, ',');
  for (size_t i = 0; i < levels.size(); ++i) {
    if (!(levels[i] >= 0 && levels[i] < 1) || (i > 0 && levels[i] <= levels[i - 1]))
      throw ArgumentError("--levels takes ascending shares from 0 to below 1, not \"" + words + "\"");
  }
  return levels;
}

Mask study_mask(const Tensor& weight, compress::GroupType kind, double level) {
  if (kind == compress::GroupType::element) return compress::prune_to_level(weight, level);
  return compress::prune_ranked_by_norm(weight, compress::Groups(weight.shape(), kind), compress::Norm::mean_l1, level);
}

void run_study(nn::Module& model, nn::Module& folded, data::Loader& loader, const StudyPlan& plan, StudySums& sums,
               const OnStudyStep& on_step, const OnStudyBatch& on_batch) {
  const NoGradient inference;
  folded.set_training(false);
  std::vector<Subject> subjects;
  for (const std::string& name : plan.weights) subjects.emplace_back(model, folded, name, plan);
  sums.scores.resize(subjects.size(), std::vector<Score>(plan.levels.size()));
  const int64_t all = loader.batches() * std::ssize(subjects);
  nn::KeptOutputs kept(plan.kept_bytes);
  loader.start(0, sums.batches);
  while (sums.batches < loader.batches()) {
    const data::Batch batch = loader.next();
    const Variable x(batch.images);
    const Score base = dense_score(folded, batch, x, kept);
    StudySums next = sums;
    for (size_t i = 0; i < subjects.size(); ++i) {
      study_weight(subjects[i], folded, batch, x, base, kept, next.scores[i]);
      if (on_step) on_step(sums.batches * std::ssize(subjects) + static_cast<int64_t>(i) + 1, all);
    }
    add(next.base, base);
    ++next.batches;
    sums = std::move(next);
    if (on_batch) on_batch(sums);
  }
}

}  // namespace pith::apps
