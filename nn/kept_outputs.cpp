#include "nn/kept_outputs.h"

#include <algorithm>
#include <utility>

namespace pith::nn {
namespace {

thread_local const OutputReuse* current_reuse = nullptr;

const void* begin_of(const Variable& v) { return v.value().raw(); }

/// The same bytes, read in the same order?
bool is_same(const Variable& a, const Variable& b) {
  if (!a.defined() || !b.defined()) return a.defined() == b.defined();
  const Tensor &s = a.value(), &t = b.value();
  if (s.raw() != t.raw() || s.shape() != t.shape() || s.order() != t.order()) return false;
  return !s.is_plain() || std::ranges::equal(s.strides(), t.strides());
}

/// The last of some layers that run as one: no other call of it has the same input.
const Module& last_of(std::initializer_list<const Module*> layers) {
  const Module* last = nullptr;
  for (const Module* const layer : layers)
    if (layer != nullptr) last = layer;
  return *last;
}

}  // namespace

void KeptOutputs::forget() {
  calls_.clear();
  held_.clear();
  bytes_ = 0;
  is_full_ = false;
}

std::optional<Variable> KeptOutputs::find(const Module& layer, const Variable& x, const Variable& residual) const {
  const auto call = calls_.find(&layer);
  if (call == calls_.end() || !is_same(call->second.x, x) || !is_same(call->second.residual, residual)) return {};
  return call->second.y;
}

void KeptOutputs::keep(const Module& layer, const Variable& x, const Variable& residual, const Variable& y) {
  if (is_full_) return;
  std::map<const void*, size_t> added;
  for (const Variable& v : {x, residual, y})
    if (v.defined() && !held_.contains(begin_of(v))) added[begin_of(v)] = v.value().bytes();
  size_t more = 0;
  for (const auto& [begin, bytes] : added) more += bytes;
  is_full_ = bytes_ + more > limit_;
  if (is_full_) return;
  bytes_ += more;
  for (const auto& [begin, bytes] : added) held_.insert(begin);
  calls_.insert_or_assign(&layer, Call{x, residual, y});
}

OutputReuse::OutputReuse(KeptOutputs& into) : into_(&into), before_(std::exchange(current_reuse, this)) {}

OutputReuse::OutputReuse(const KeptOutputs& from, std::vector<const Module*> changed)
    : from_(&from), changed_(std::move(changed)), before_(std::exchange(current_reuse, this)) {}

OutputReuse::~OutputReuse() { current_reuse = before_; }

const OutputReuse* OutputReuse::current() { return current_reuse; }

std::optional<Variable> OutputReuse::answer(std::initializer_list<const Module*> layers, const Variable& x,
                                            const Variable& residual) const {
  const auto is_changed = [&](const Module* layer) {
    return layer != nullptr && std::find(changed_.begin(), changed_.end(), layer) != changed_.end();
  };
  if (from_ == nullptr || std::any_of(layers.begin(), layers.end(), is_changed)) return {};
  return from_->find(last_of(layers), x, residual);
}

void OutputReuse::keep(std::initializer_list<const Module*> layers, const Variable& x, const Variable& residual,
                       const Variable& y) const {
  if (into_ != nullptr) into_->keep(last_of(layers), x, residual, y);
}

}  // namespace pith::nn
