#include "tensor/formats/masked_conv.h"

#include <bit>
#include <string>

#include "tensor/error.h"
#include "tensor/ops/conv2d_lanes.h"
#include "tensor/parallel.h"

namespace pith {
namespace {

void check_input(const char* op, const Tensor& t, const char* what) {
  if (t.dtype() != DType::f32 || t.is_plain())
    throw TypeError(std::string(op) + ": wants f32 " + what + " in lanes, here is " + text(t));
}

void check_weight(const char* op, const Mask& mask, const Tensor& w) {
  if (!(w.shape() == mask.shape()))
    throw ShapeError(std::string(op) + ": mask " + text(mask.shape()) + " does not fit weight " + text(w));
  if (w.dtype() != DType::f32 || !w.is_contiguous())
    throw TypeError(std::string(op) + ": wants a plain contiguous f32 weight, here is " + text(w));
}

void check_gradient(const char* op, const Tensor& dy, const Shape& y) {
  if (!dy.is_lanes()) throw TypeError(std::string(op) + ": wants a gradient in lanes, here is " + text(dy));
  if (!(dy.shape() == y))
    throw ShapeError(std::string(op) + ": gradient " + text(dy) + " does not fit a result of " + text(y));
}

void check_per_channel(const char* op, const Tensor& t, const Shape& y) {
  if (t.defined() && (!(t.shape() == Shape{y[1]}) || t.dtype() != DType::f32 || !t.is_contiguous()))
    throw ShapeError(std::string(op) + ": " + text(t) + " does not fit the channels of a result of " + text(y));
}

/// Extents of a result that lies as its input does: of a tile, where that is cut.
struct Extents {
  int64_t h, w;
};
Extents extents(const Tensor& x, const Shape& y) {
  const TileGrid grid = x.geometry().grid;
  return {y[2] / grid.rows, y[3] / grid.columns};
}

}  // namespace

bool MaskedConv::Made::serves(bool is_back, const LaneGeometry& g, int64_t oh, int64_t ow, const Window& v) const {
  return back == is_back && from.c == g.c && from.h == g.h && from.w == g.w && from.halo == g.halo &&
         from.plane == g.plane && h == oh && w == ow && window.stride == v.stride && window.padding == v.padding &&
         window.dilation == v.dilation && window.groups == v.groups;
}

MaskedConv::MaskedConv(const Mask& mask) : shape_(mask.shape()) {
  if (shape_.rank() != 4 || mask.numel() > INT64_C(0xffffffff))
    throw ShapeError("masked_conv2d: wants a mask [k, c, kh, kw] of fewer than 2^32 weights, here is " + text(shape_));
  positions_.reserve(static_cast<size_t>(mask.kept()));
  const std::span<const uint64_t> words = mask.words();
  for (size_t i = 0; i < words.size(); ++i)
    for (uint64_t bits = words[i]; bits != 0; bits &= bits - 1)
      positions_.push_back(static_cast<uint32_t>(i * 64 + static_cast<size_t>(std::countr_zero(bits))));
}

std::shared_ptr<const ops::SparseConvPlan> MaskedConv::find(bool back, const LaneGeometry& from, int64_t h, int64_t w,
                                                            const Window& window) const {
  constexpr size_t kMost = 8;  // training and evaluation, a few picture sizes
  std::lock_guard lock(mutex_);
  for (const Made& m : made_)
    if (m.serves(back, from, h, w, window)) return m.plan;
  const ops::KeptPlaces kept{shape_, positions_};
  auto plan = std::make_shared<const ops::SparseConvPlan>(back ? ops::sparse_gradient_plan(kept, from, h, w, window)
                                                               : ops::sparse_forward_plan(kept, from, h, w, window));
  if (made_.size() == kMost) made_.erase(made_.begin());
  made_.push_back({back, from, h, w, window, plan});
  return plan;
}

std::shared_ptr<const ops::SparseConvPlan> MaskedConv::forward(const LaneGeometry& from, int64_t oh, int64_t ow,
                                                               const Window& window) const {
  return find(false, from, oh, ow, window);
}

std::shared_ptr<const ops::SparseConvPlan> MaskedConv::back(const LaneGeometry& from, int64_t h, int64_t w,
                                                            const Window& window) const {
  return find(true, from, h, w, window);
}

Tensor masked_conv2d(const Mask& mask, const Tensor& w, const Tensor& x, const Window& window,
                     const ops::ConvEpilogue& epilogue, const KernelTable& table) {
  constexpr const char* kOp = "masked_conv2d";
  check_weight(kOp, mask, w);
  check_input(kOp, x, "images");
  const Shape y = conv2d_shape(x.shape(), w.shape(), window);
  for (const Tensor* const t : {&epilogue.bias, &epilogue.scale}) check_per_channel(kOp, *t, y);
  if (epilogue.residual.defined() && (!(epilogue.residual.shape() == y) || epilogue.residual.dtype() != DType::f32))
    throw ShapeError("masked_conv2d: residual " + text(epilogue.residual) + " does not fit a result of " + text(y));
  if (x.is_tiles() && !ops::tiles_fit(x, w.shape(), window))
    throw ShapeError("masked_conv2d: the window leaves the tiles of " + text(x));
  const Tensor input = ops::lane_conv::with_halo(x, ops::conv2d_halo(x.shape(), w.shape(), window));
  const Extents e = extents(input, y);
  return ops::sparse_conv2d(*mask.convolution().forward(input.geometry(), e.h, e.w, window), input, w, y, epilogue,
                            table);
}

ops::MeasuredConv masked_conv2d_measured(const Mask& mask, const Tensor& w, const Tensor& x, const Window& window,
                                         const Tensor& pivot, const KernelTable& table) {
  constexpr const char* kOp = "masked_conv2d_measured";
  check_weight(kOp, mask, w);
  if (!x.is_lanes()) throw TypeError("masked_conv2d_measured: wants images in lanes, here is " + text(x));
  check_input(kOp, x, "images");
  const Shape y = conv2d_shape(x.shape(), w.shape(), window);
  if (!pivot.defined()) throw ShapeError("masked_conv2d_measured: wants a pivot for every channel");
  check_per_channel(kOp, pivot, y);
  const Tensor input = ops::lane_conv::with_halo(x, ops::conv2d_halo(x.shape(), w.shape(), window));
  return ops::sparse_conv2d_measured(*mask.convolution().forward(input.geometry(), y[2], y[3], window), input, w, y,
                                     pivot, table);
}

Tensor masked_conv2d_input_gradient(const Mask& mask, const Tensor& w, const Tensor& dy, const Shape& x,
                                    const Window& window, const KernelTable& table) {
  constexpr const char* kOp = "masked_conv2d_input_gradient";
  check_weight(kOp, mask, w);
  check_input(kOp, dy, "gradients");
  check_gradient(kOp, dy, conv2d_shape(x, w.shape(), window));
  const Tensor gradient =
      ops::lane_conv::with_halo(dy, ops::lane_conv::gradient_halo(x, dy.shape(), w.shape(), window));
  return ops::sparse_conv2d_input_gradient(*mask.convolution().back(gradient.geometry(), x[2], x[3], window), gradient,
                                           w, x, table);
}

Tensor masked_conv2d_weight_gradient(const Mask& mask, const Tensor& x, const Tensor& dy, const Window& window,
                                     const KernelTable& table) {
  constexpr const char* kOp = "masked_conv2d_weight_gradient";
  check_input(kOp, x, "images");
  check_input(kOp, dy, "gradients");
  if (!x.is_lanes()) throw TypeError("masked_conv2d_weight_gradient: wants images in lanes, here is " + text(x));
  const Shape y = conv2d_shape(x.shape(), mask.shape(), window);
  check_gradient(kOp, dy, y);
  if (dy.numel() == 0) return Tensor::zeros(mask.shape());
  const Tensor input = ops::lane_conv::with_halo(x, ops::conv2d_halo(x.shape(), mask.shape(), window));
  return ops::sparse_conv2d_weight_gradient(*mask.convolution().forward(input.geometry(), y[2], y[3], window), input,
                                            dy, mask.shape(), table);
}

ops::SparseConvGradients masked_conv2d_gradients(const Mask& mask, const Tensor& w, const Tensor& x, const Tensor& dy,
                                                 const Window& window, const KernelTable& table) {
  const Shape wanted = conv2d_shape(x.shape(), mask.shape(), window);
  const bool few_blocks = x.is_lanes() && x.geometry().blocks < 2 * threads();  // strips of both then share better
  const int64_t halo = ops::lane_conv::gradient_halo(x.shape(), wanted, mask.shape(), window);
  if ((few_blocks && threads() > 1) || dy.numel() == 0 || !dy.is_lanes() || dy.geometry().halo < halo)
    return {masked_conv2d_input_gradient(mask, w, dy, x.shape(), window, table),
            masked_conv2d_weight_gradient(mask, x, dy, window, table)};
  constexpr const char* kOp = "masked_conv2d_gradients";
  check_weight(kOp, mask, w);
  check_input(kOp, x, "images");
  if (!x.is_lanes()) throw TypeError("masked_conv2d_gradients: wants images in lanes, here is " + text(x));
  check_input(kOp, dy, "gradients");
  check_gradient(kOp, dy, wanted);
  const Tensor input = ops::lane_conv::with_halo(x, ops::conv2d_halo(x.shape(), mask.shape(), window));
  const MaskedConv& conv = mask.convolution();
  return ops::sparse_conv2d_gradients(*conv.forward(input.geometry(), wanted[2], wanted[3], window),
                                      *conv.back(dy.geometry(), x.shape()[2], x.shape()[3], window), input, dy, w,
                                      table);
}

}  // namespace pith
