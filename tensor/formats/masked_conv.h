// The convolutions of a weight under a mask, skipping what is pruned: forward, input gradient, weight gradient. The
// weight stays a dense f32 tensor (the optimizer's). Where its kept weights lie, and how they are walked, is made once
// per Mask, window and picture size and shared by the mask's copies (Mask::convolution). Results have the same bits for
// any number of threads.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "tensor/formats/mask.h"
#include "tensor/ops/sparse_conv2d.h"

namespace pith {

/// The kept places of a mask, and the plans of the last few convolutions that walked them. Thread-safe.
class MaskedConv {
 public:
  /// mask: [k, c / groups, kh, kw].
  explicit MaskedConv(const Mask& mask);
  /// Plans as ops/sparse_conv2d.h makes them; oh, ow and h, w: extents of what is written.
  std::shared_ptr<const ops::SparseConvPlan> forward(const LaneGeometry& from, int64_t oh, int64_t ow,
                                                     const Window& window) const;
  std::shared_ptr<const ops::SparseConvPlan> back(const LaneGeometry& from, int64_t h, int64_t w,
                                                  const Window& window) const;

 private:
  /// A plan and what it was made for.
  struct Made {
    bool back;
    LaneGeometry from;
    int64_t h, w;
    Window window;
    std::shared_ptr<const ops::SparseConvPlan> plan;
    /// The batch does not matter to a plan.
    bool serves(bool is_back, const LaneGeometry& g, int64_t oh, int64_t ow, const Window& v) const;
  };
  std::shared_ptr<const ops::SparseConvPlan> find(bool back, const LaneGeometry& from, int64_t h, int64_t w,
                                                  const Window& window) const;
  Shape shape_;
  std::vector<uint32_t> positions_;
  mutable std::mutex mutex_;
  mutable std::vector<Made> made_;  ///< latest last
};

// w: f32, plain, contiguous, the mask's shape, [k, c / groups, kh, kw]. Values where the mask prunes are not read. x
// and dy: f32 lanes (forward also tiles that fit, ops::tiles_fit). Every function throws ShapeError or TypeError.

/// As ops::conv2d.
Tensor masked_conv2d(const Mask& mask, const Tensor& w, const Tensor& x, const Window& window,
                     const ops::ConvEpilogue& epilogue = {}, const KernelTable& table = kernels());
/// As ops::conv2d_measured.
ops::MeasuredConv masked_conv2d_measured(const Mask& mask, const Tensor& w, const Tensor& x, const Window& window,
                                         const Tensor& pivot, const KernelTable& table = kernels());
/// dx of shape x, in lanes.
Tensor masked_conv2d_input_gradient(const Mask& mask, const Tensor& w, const Tensor& dy, const Shape& x,
                                    const Window& window, const KernelTable& table = kernels());
/// dw where the mask keeps, 0 elsewhere.
Tensor masked_conv2d_weight_gradient(const Mask& mask, const Tensor& x, const Tensor& dy, const Window& window,
                                     const KernelTable& table = kernels());

/// Both of them, to the same bits, with fewer passes over memory. x, dy: f32 lanes.
ops::SparseConvGradients masked_conv2d_gradients(const Mask& mask, const Tensor& w, const Tensor& x, const Tensor& dy,
                                                 const Window& window, const KernelTable& table = kernels());

}  // namespace pith
