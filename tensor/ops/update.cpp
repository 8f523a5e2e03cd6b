#include "tensor/ops/update.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>

#include "tensor/error.h"
#include "tensor/parallel.h"

namespace pith::ops {
namespace {

constexpr int64_t kChunk = 1 << 14;  // elements; a multiple of 64, so chunks share no word of the keep-bits

void check(const Tensor& w, const Tensor& other, const char* op) {
  if (!(w.shape() == other.shape()))
    throw ShapeError(std::string(op) + ": " + text(other.shape()) + " does not fit the weights " + text(w.shape()));
  if (w.dtype() != other.dtype() || (w.dtype() != DType::f32 && w.dtype() != DType::f64) || w.is_lanes() ||
      other.is_lanes() || !w.is_contiguous() || !other.is_contiguous())
    throw TypeError(std::string(op) + ": wants plain contiguous f32 or f64 of one type, here are " + text(w) + " and " +
                    text(other));
}

void check_keep(const Tensor& w, std::span<const uint64_t> keep, const char* op) {
  if (!keep.empty() && static_cast<int64_t>(keep.size()) != (w.numel() + 63) / 64)
    throw ShapeError(std::string(op) + ": " + std::to_string(keep.size()) + " words of keep-bits do not fit " +
                     text(w.shape()));
}

/// Calls run(begin, end) for stretches of kept elements, in chunks of the shape.
template <class F>
void for_each_kept(int64_t numel, std::span<const uint64_t> keep, const F& run) {
  parallel_for(numel, kChunk, [&](int64_t begin, int64_t end) {
    if (keep.empty()) return run(begin, end);
    for (int64_t i = begin; i < end; i += 64) {
      const int64_t stop = std::min(end, i + 64);
      uint64_t bits = keep[static_cast<size_t>(i / 64)];
      if (stop - i < 64) bits &= (1ULL << (stop - i)) - 1;
      while (bits != 0) {  // runs of ones
        const int first = std::countr_zero(bits);
        const int length = std::countr_one(bits >> first);
        run(i + first, i + first + length);
        bits = first + length == 64 ? 0 : bits >> (first + length) << (first + length);
      }
    }
  });
}

template <class T>
void sgd(Tensor& weights, const Tensor& gradient, Tensor& velocity, std::span<const uint64_t> keep, const SgdStep& s) {
  T* const w = weights.mutable_data<T>();
  const T* const g = gradient.data<T>();
  const T rate = static_cast<T>(s.rate), decay = static_cast<T>(s.weight_decay);
  if (!velocity.defined()) {
    for_each_kept(weights.numel(), keep, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) w[i] -= rate * (g[i] + decay * w[i]);
    });
    return;
  }
  T* const v = velocity.mutable_data<T>();
  const T momentum = s.first ? T{0} : static_cast<T>(s.momentum);
  const T taken = s.first ? T{1} : static_cast<T>(1 - s.dampening);
  const T ahead = s.nesterov ? static_cast<T>(s.momentum) : T{1};
  const T direct = s.nesterov ? T{1} : T{0};
  for_each_kept(weights.numel(), keep, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const T d = g[i] + decay * w[i];
      v[i] = momentum * v[i] + taken * d;
      w[i] -= rate * (direct * d + ahead * v[i]);
    }
  });
}

template <class T>
void adam(Tensor& weights, const Tensor& gradient, Tensor& first, Tensor& second, std::span<const uint64_t> keep,
          const AdamStep& s) {
  T* const w = weights.mutable_data<T>();
  T* const m = first.mutable_data<T>();
  T* const v = second.mutable_data<T>();
  const T* const g = gradient.data<T>();
  const double count = static_cast<double>(s.count);
  const T rate = static_cast<T>(s.rate / (1 - std::pow(s.beta1, count)));
  const T root = static_cast<T>(1 / std::sqrt(1 - std::pow(s.beta2, count)));
  const T shrink = static_cast<T>(s.decoupled ? 1 - s.rate * s.weight_decay : 1);
  const T decay = static_cast<T>(s.decoupled ? 0 : s.weight_decay);
  const T beta1 = static_cast<T>(s.beta1), beta2 = static_cast<T>(s.beta2), epsilon = static_cast<T>(s.epsilon);
  const T rest1 = static_cast<T>(1 - s.beta1), rest2 = static_cast<T>(1 - s.beta2);
  for_each_kept(weights.numel(), keep, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const T d = g[i] + decay * w[i];
      m[i] = beta1 * m[i] + rest1 * d;
      v[i] = beta2 * v[i] + rest2 * d * d;
      w[i] = shrink * w[i] - rate * m[i] / (std::sqrt(v[i]) * root + epsilon);
    }
  });
}

}  // namespace

void sgd_update(Tensor& w, const Tensor& gradient, Tensor& velocity, std::span<const uint64_t> keep,
                const SgdStep& step) {
  check(w, gradient, "sgd_update");
  if (velocity.defined()) check(w, velocity, "sgd_update");
  if (!velocity.defined() && step.momentum != 0) throw ShapeError("sgd_update: momentum needs a velocity");
  check_keep(w, keep, "sgd_update");
  if (w.dtype() == DType::f32) {
    sgd<float>(w, gradient, velocity, keep, step);
  } else {
    sgd<double>(w, gradient, velocity, keep, step);
  }
}

void adam_update(Tensor& w, const Tensor& gradient, Tensor& m, Tensor& v, std::span<const uint64_t> keep,
                 const AdamStep& step) {
  for (const Tensor* const t : {&gradient, static_cast<const Tensor*>(&m), static_cast<const Tensor*>(&v)})
    check(w, *t, "adam_update");
  check_keep(w, keep, "adam_update");
  if (w.dtype() == DType::f32) {
    adam<float>(w, gradient, m, v, keep, step);
  } else {
    adam<double>(w, gradient, m, v, keep, step);
  }
}

}  // namespace pith::ops
