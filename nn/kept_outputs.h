// KeptOutputs: what the layers of a network put out for one batch, so that the same network with one layer changed runs
// from that layer on. A layer that did not change and is given the very bytes it was given before is not run: what it
// put out is taken again. So the result is the same to the bit, whatever is kept.
//
// For networks in evaluation, without gradients: there an output is a function of weights and inputs.
#pragma once

#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "autograd/variable.h"

namespace pith::nn {

class Module;

class KeptOutputs {
 public:
  /// limit: bytes of inputs and outputs held. The first output that does not fit is not kept, and none after it.
  explicit KeptOutputs(size_t limit) : limit_(limit) {}
  void forget();
  size_t bytes() const { return bytes_; }

  /// What `layer` put out for x (and the residual that it adds, or an undefined one).
  std::optional<Variable> find(const Module& layer, const Variable& x, const Variable& residual) const;
  void keep(const Module& layer, const Variable& x, const Variable& residual, const Variable& y);

 private:
  /// Inputs are held, so that their addresses belong to nothing else.
  struct Call {
    Variable x, residual, y;
  };
  size_t limit_, bytes_ = 0;
  bool is_full_ = false;
  std::map<const Module*, Call> calls_;
  std::set<const void*> held_;  ///< where the values begin that `bytes_` counts
};

/// While it lives, every call of a layer in this thread is kept, or answered from what was kept.
class OutputReuse {
 public:
  /// Keeps.
  explicit OutputReuse(KeptOutputs& into);
  /// Answers. changed: the layers whose weights are others now, and every module above them.
  OutputReuse(const KeptOutputs& from, std::vector<const Module*> changed);
  ~OutputReuse();
  OutputReuse(const OutputReuse&) = delete;
  OutputReuse& operator=(const OutputReuse&) = delete;

  /// The one of this thread, or null.
  static const OutputReuse* current();
  std::optional<Variable> answer(std::initializer_list<const Module*> layers, const Variable& x,
                                 const Variable& residual) const;
  void keep(std::initializer_list<const Module*> layers, const Variable& x, const Variable& residual,
            const Variable& y) const;

 private:
  KeptOutputs* into_ = nullptr;
  const KeptOutputs* from_ = nullptr;
  std::vector<const Module*> changed_;
  const OutputReuse* before_;
};

/// y = compute(), unless it is known. layers: that compute() runs one after the other, as one; null where there is
/// none.
template <class F>
Variable reuse_output(std::initializer_list<const Module*> layers, const Variable& x, const Variable& residual,
                      const F& compute) {
  const OutputReuse* const reuse = OutputReuse::current();
  if (reuse == nullptr) return compute();
  if (std::optional<Variable> known = reuse->answer(layers, x, residual)) return *known;
  const Variable y = compute();
  reuse->keep(layers, x, residual, y);
  return y;
}

}  // namespace pith::nn
