#include "compress/schedule/regularization_methods.h"

#include "compress/regularizers/elementwise.h"
#include "compress/regularizers/group_lasso.h"
#include "compress/schedule/settings.h"

namespace pith::compress {
namespace {

/// One row of reg_regims: a strength, and the groups whose lassos are summed.
struct Regime {
  double strength = 0;
  std::vector<GroupType> groups;
};

struct Regimes {
  std::vector<Selector> who;
  std::vector<Regime> rows;
};

/// The sum of two penalties.
Penalty operator+(const Penalty& a, const Penalty& b) {
  Penalty sum{a.value + b.value, a.gradient.clone()};
  float* const into = sum.gradient.mutable_data<float>();
  const float* const from = b.gradient.data<float>();
  for (int64_t i = 0; i < sum.gradient.numel(); ++i) into[i] += from[i];
  return sum;
}

/// Kept where both keep.
Mask both(const Mask& a, const Mask& b) {
  std::vector<uint64_t> words(a.words().begin(), a.words().end());
  for (size_t i = 0; i < words.size(); ++i) words[i] &= b.words()[i];
  return Mask(a.shape(), std::move(words), a.granularity());
}

class Elementwise : public RegularizationMethod {
 public:
  using Function = Penalty (*)(const Tensor&, double);
  Elementwise(Regimes r, Function function, bool thresholds)
      : RegularizationMethod(std::move(r.who)), rows_(std::move(r.rows)), penalty_(function), thresholds_(thresholds) {}

  Penalty penalty(const std::string& name, const Tensor& w) const override { return penalty_(w, strength(name, w)); }
  bool has_threshold() const override { return thresholds_; }
  std::optional<Mask> threshold(const std::string& name, const Tensor& w) const override {
    if (!thresholds_) return std::nullopt;
    return l1_threshold(w, strength(name, w));
  }

 private:
  double strength(const std::string& name, const Tensor& w) const {
    return rows_.at(rule_of(name, w.shape())).strength;
  }
  std::vector<Regime> rows_;
  Function penalty_;
  bool thresholds_;
};

class GroupLasso : public RegularizationMethod {
 public:
  GroupLasso(Regimes r, std::optional<Norm> norm)
      : RegularizationMethod(std::move(r.who)), rows_(std::move(r.rows)), norm_(norm) {}

  void check(const std::string& name, const Shape& shape) const override {
    for (const GroupType type : rows_.at(rule_of(name, shape)).groups) Groups(shape, type);
  }
  Penalty penalty(const std::string& name, const Tensor& w) const override {
    const Regime& row = rows_.at(rule_of(name, w.shape()));
    Penalty sum = one(w, row, row.groups[0]);
    for (size_t i = 1; i < row.groups.size(); ++i) sum = sum + one(w, row, row.groups[i]);
    return sum;
  }
  bool has_threshold() const override { return norm_.has_value(); }
  std::optional<Mask> threshold(const std::string& name, const Tensor& w) const override {
    if (!norm_) return std::nullopt;
    const Regime& row = rows_.at(rule_of(name, w.shape()));
    Mask mask = group_lasso_threshold(w, Groups(w.shape(), row.groups[0]), row.strength, *norm_);
    for (size_t i = 1; i < row.groups.size(); ++i)
      mask = both(mask, group_lasso_threshold(w, Groups(w.shape(), row.groups[i]), row.strength, *norm_));
    return mask;
  }

 private:
  static Penalty one(const Tensor& w, const Regime& row, GroupType type) {
    return group_lasso(w, Groups(w.shape(), type), row.strength, group_lasso_floor(type));
  }
  std::vector<Regime> rows_;
  std::optional<Norm> norm_;
};

class GroupVariance : public RegularizationMethod {
 public:
  explicit GroupVariance(Regimes r) : RegularizationMethod(std::move(r.who)), rows_(std::move(r.rows)) {}
  void check(const std::string& name, const Shape& shape) const override {
    Groups(shape, rows_.at(rule_of(name, shape)).groups[0]);
  }
  Penalty penalty(const std::string& name, const Tensor& w) const override {
    const Regime& row = rows_.at(rule_of(name, w.shape()));
    return group_variance(w, Groups(w.shape(), row.groups[0]), row.strength);
  }
  bool has_threshold() const override { return false; }
  std::optional<Mask> threshold(const std::string&, const Tensor&) const override { return std::nullopt; }

 private:
  std::vector<Regime> rows_;
};

double strength_of(Fields& f, const YamlNode& node) {
  const double strength = f.number_of(node, "reg_regims");
  if (strength < 0) Place{f.file(), node.line}.refuse(f.what() + ": a strength is below 0");
  return strength;
}

std::vector<GroupType> groups_of(Fields& f, const YamlNode& node) {
  const std::string word = f.text_of(node, "reg_regims");
  if (word == "2D") return {GroupType::kernel};
  if (word == "Rows") return {GroupType::row};
  if (word == "Cols") return {GroupType::column};
  if (word == "Rows+Cols") return {GroupType::row, GroupType::column};
  if (word == "Channels") return {GroupType::channel};
  if (word == "Filters" || word == "3D") return {GroupType::filter};
  if (word == "4D") return {GroupType::layer};
  if (word == "Channels+4D") return {GroupType::channel, GroupType::layer};
  Place{f.file(), node.line}.refuse(f.what() +
                                    ": a group must be one of 2D, Rows, Cols, Rows+Cols, Channels, Filters, "
                                    "3D, 4D, Channels+4D, here is '" +
                                    word + "'");
}

/// reg_regims: {name: strength}, or {name: [strength, group]} where `grouped`.
Regimes regimes_from(Fields& f, bool grouped) {
  Table table = table_from(f, "reg_regims");
  Regimes out{std::move(table.selectors), {}};
  for (const YamlNode* node : table.values) {
    if (!grouped) {
      out.rows.push_back({strength_of(f, *node), {}});
      continue;
    }
    if (node->kind != YamlNode::Kind::list || node->items.size() != 2)
      Place{f.file(), node->line}.refuse(f.what() + ": a row of reg_regims must be [strength, group]");
    out.rows.push_back({strength_of(f, node->items[0]), groups_of(f, node->items[1])});
  }
  return out;
}

/// threshold_criteria, where it is given and not null.
std::optional<Norm> criterion_from(Fields& f) {
  const YamlNode* node = f.find("threshold_criteria");
  if (node == nullptr || node->kind == YamlNode::Kind::null) return std::nullopt;
  return norm_from(f, "threshold_criteria");
}

}  // namespace

std::shared_ptr<const RegularizationMethod> l1_regularizer(Fields& f) {
  Regimes regimes = regimes_from(f, false);
  return std::make_shared<Elementwise>(std::move(regimes), l1_penalty, criterion_from(f).has_value());
}
std::shared_ptr<const RegularizationMethod> l2_regularizer(Fields& f) {
  return std::make_shared<Elementwise>(regimes_from(f, false), l2_penalty, false);
}
std::shared_ptr<const RegularizationMethod> group_lasso_regularizer(Fields& f) {
  Regimes regimes = regimes_from(f, true);
  return std::make_shared<GroupLasso>(std::move(regimes), criterion_from(f));
}
std::shared_ptr<const RegularizationMethod> group_variance_regularizer(Fields& f) {
  return std::make_shared<GroupVariance>(regimes_from(f, true));
}

}  // namespace pith::compress
