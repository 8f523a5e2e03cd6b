// Methods: what a policy does to its parameters, settled by its settings. A method is immutable and keeps nothing
// between calls; what must be remembered (a threshold fixed at the first call) lies in the memory that the policy hands
// in, so that a checkpoint can hold it. Methods call the pure functions of pruners/ and regularizers/.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "compress/regularizers/penalty.h"
#include "compress/schedule/timing.h"
#include "compress/selector.h"
#include "compress/thinning/tied_groups.h"
#include "tensor/formats/mask.h"
#include "tensor/random.h"

namespace pith::compress {

/// Numbers a policy keeps for one parameter, by a word of the method's.
using Memory = std::map<std::string, std::vector<double>>;

struct Samples;  // layer_samples.h

/// One parameter as a method sees it.
struct Target {
  std::string name;
  const Tensor* w = nullptr;                   ///< the weights, not zeroed by a soft mask
  const Tensor* gradient = nullptr;            ///< dense, where the method needs one
  const Mask* mask = nullptr;                  ///< now; null where all is kept
  const std::vector<double>* zeros = nullptr;  ///< share of zeros of every output's activation, where needed
  const std::vector<double>* means = nullptr;  ///< mean of it
  const Tensor* curvature = nullptr;           ///< the Hessian times the gradient, where needed
  const Samples* samples = nullptr;            ///< of the weight's layer, where needed
  const Tensor* companion = nullptr;           ///< the other parameter that the method looks at, where it names one
  Memory* memory = nullptr;
};

/// When a method is asked.
struct Moment {
  int64_t epoch = 0;
  double way = 1;     ///< of the policy, 0 to 1
  Period period;      ///< of the policy
  uint64_t seed = 0;  ///< of the run
  uint64_t step = 0;  ///< global number of the minibatch
  bool soft = false;  ///< masks last for a forward pass only
  /// Where the method needs a judge: how good the model is under these masks, one a target, and the multiply-adds of
  /// every dense weight tensor.
  std::function<double(const std::vector<Mask>& masks)> score{};
  std::map<std::string, double> dense_macs{};
  /// Where the method asks for them (tied_by): the targets, in groups that the network ties.
  std::vector<TiedGroup> ties{};
};

/// What a method must be given beside the weights. dense_gradient: also where the mask prunes; curvature: the gradient,
/// too; judge: Moment::score.
enum class Needs : uint8_t { weights, gradient, dense_gradient, curvature, activations, samples, judge };

/// A mask, what kept weights are multiplied by while it is applied (DropFilter), and new weights where the method has
/// some (undefined otherwise).
struct Choice {
  Mask mask;
  double scale = 1;
  Tensor weights{};
};

/// Which parameters a method is about: selectors in the order of the file. `*` in a table of settings means all other
/// weights of two axes or more.
class Method {
 public:
  virtual ~Method() = default;
  const std::vector<Selector>& selectors() const { return selectors_; }
  bool takes(const std::string& name, const Shape& shape) const;
  /// Throws ShapeError or ArgumentError where the method cannot work on this parameter.
  virtual void check(const std::string& /*name*/, const Shape& /*shape*/) const {}

 protected:
  explicit Method(std::vector<Selector> selectors) : selectors_(std::move(selectors)) {}
  /// The first selector that takes the parameter: names before patterns before `*`. selectors().size() for none.
  size_t rule_of(const std::string& name, const Shape& shape) const;

 private:
  std::vector<Selector> selectors_;
};

class PruningMethod : public Method {
 public:
  using Method::Method;
  virtual Needs needs() const { return Needs::weights; }
  /// The structure whose ties in the network's graph it wants to know: filter or channel.
  virtual std::optional<GroupType> tied_by() const { return std::nullopt; }
  /// The other parameter that it looks at beside this one, by name; "" for none. Throws ArgumentError where this name
  /// has none.
  virtual std::string companion_of(const std::string& /*name*/) const { return ""; }
  /// Does it gather something from the gradient of every minibatch, whether or not its time is due?
  virtual bool gathers() const { return false; }
  virtual void gather(Target& /*target*/) const {}
  /// A mask for each target.
  virtual std::vector<Choice> choose(std::span<Target> targets, const Moment& moment) const = 0;
};

class RegularizationMethod : public Method {
 public:
  using Method::Method;
  virtual Penalty penalty(const std::string& name, const Tensor& w) const = 0;
  /// The threshold rule; nothing where the regularizer has none.
  virtual std::optional<Mask> threshold(const std::string& name, const Tensor& w) const = 0;
  virtual bool has_threshold() const = 0;
};

}  // namespace pith::compress
