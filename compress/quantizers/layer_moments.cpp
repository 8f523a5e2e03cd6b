#include "compress/quantizers/layer_moments.h"

#include <string>

#include "tensor/blas.h"
#include "tensor/error.h"
#include "tensor/ops/conv2d.h"
#include "tensor/ops/matmul.h"

namespace pith::compress {
namespace {

/// Both networks' values that a layer needs, of one batch, in row-major order.
struct Sides {
  std::vector<float> u;       ///< [n, c, h, w] or [n, f]: integers less their zero point
  std::vector<float> target;  ///< [n, k, oh, ow] or [n, k]
};

Tensor sums_of(const nn::GraphLayer& g, const Tensor& x) {
  if (g.kind == nn::LayerKind::conv) return ops::conv2d(x, g.weight, g.window, {.bias = g.bias});
  return ops::linear(x, g.weight, g.bias);
}

Sides sides_of(const nn::Graph& graph, const nn::IntegerNetwork& network, size_t layer, const Tensor& images) {
  const nn::GraphLayer& g = graph.layers[layer];
  Sides sides;
  std::vector<float> residual;
  run_graph(graph, images, [&](int64_t value, const Tensor& x) {
    if (value == g.input) sides.target = sums_of(g, x).to_vector<float>();
    if (g.residual >= 0 && value == g.residual) residual = x.to_vector<float>();
  });
  network.run(images, [&](int64_t value, const ops::QuantizedTensor& q) {
    if (value != g.input && value != g.residual) return;
    const std::vector<uint8_t> integers = q.values.to_vector<uint8_t>();
    if (value == g.input) {
      sides.u.resize(integers.size());
      for (size_t i = 0; i < integers.size(); ++i) sides.u[i] = static_cast<float>(integers[i] - q.zero_point);
    }
    if (g.residual >= 0 && value == g.residual)
      for (size_t i = 0; i < integers.size(); ++i)
        residual[i] -= q.scale * static_cast<float>(integers[i] - q.zero_point);
  });
  for (size_t i = 0; i < residual.size(); ++i) sides.target[i] += residual[i];
  return sides;
}

/// One group's patches of one image: [depth, pixels], depth as the weights lie.
void unfold(const float* image, const Shape& in, const nn::GraphLayer& g, int64_t group, std::vector<float>& patches) {
  const Shape& w = g.weight.shape();
  const int64_t oh = g.output[1], ow = g.output[2], rows = in[1], cols = in[2];
  float* to = patches.data();
  for (int64_t c = group * w[1]; c < (group + 1) * w[1]; ++c)
    for (int64_t r = 0; r < w[2]; ++r)
      for (int64_t s = 0; s < w[3]; ++s)
        for (int64_t y = 0; y < oh; ++y)
          for (int64_t x = 0; x < ow; ++x) {
            const int64_t iy = y * g.window.stride[0] - g.window.padding[0] + r * g.window.dilation[0];
            const int64_t ix = x * g.window.stride[1] - g.window.padding[1] + s * g.window.dilation[1];
            const bool inside = iy >= 0 && iy < rows && ix >= 0 && ix < cols;
            *to++ = inside ? image[(c * rows + iy) * cols + ix] : 0.0f;
          }
}

/// Adds up plain means; `centre` takes the products of means off.
class Sums {
 public:
  Sums(int64_t depth, int64_t rows, int64_t pixels)
      : pixels_(pixels), gram_(static_cast<size_t>(depth * depth)), cross_(static_cast<size_t>(rows * depth)) {
    m_.depth = depth, m_.rows = rows;
    m_.gram.resize(gram_.size()), m_.cross.resize(cross_.size());
    m_.input.resize(static_cast<size_t>(depth)), m_.target.resize(static_cast<size_t>(rows));
  }

  /// patches [depth, pixels], target [rows, pixels].
  void add(const float* patches, const float* target) {
    const int64_t d = m_.depth, k = m_.rows, p = pixels_;
    blas::multiply({.transpose_b = true,
                    .m = d,
                    .n = d,
                    .k = p,
                    .a = patches,
                    .a_row = p,
                    .b = patches,
                    .b_row = p,
                    .c = gram_.data(),
                    .c_row = d});
    blas::multiply({.transpose_b = true,
                    .m = k,
                    .n = d,
                    .k = p,
                    .a = target,
                    .a_row = p,
                    .b = patches,
                    .b_row = p,
                    .c = cross_.data(),
                    .c_row = d});
    for (size_t i = 0; i < gram_.size(); ++i) m_.gram[i] += gram_[i];
    for (size_t i = 0; i < cross_.size(); ++i) m_.cross[i] += cross_[i];
    add_rows(patches, m_.input);
    add_rows(target, m_.target);
    count_ += static_cast<double>(p);
  }

  GroupMoments centred() {
    for (auto* const sums : {&m_.gram, &m_.cross, &m_.input, &m_.target})
      for (double& v : *sums) v /= count_;
    const size_t d = m_.input.size();
    for (size_t i = 0; i < m_.gram.size(); ++i) m_.gram[i] -= m_.input[i / d] * m_.input[i % d];
    for (size_t i = 0; i < m_.cross.size(); ++i) m_.cross[i] -= m_.target[i / d] * m_.input[i % d];
    return std::move(m_);
  }

 private:
  void add_rows(const float* values, std::vector<double>& sums) const {
    for (double& sum : sums)
      for (int64_t p = 0; p < pixels_; ++p) sum += *values++;
  }

  int64_t pixels_;
  std::vector<float> gram_, cross_;  ///< of one image
  GroupMoments m_;
  double count_ = 0;
};

}  // namespace

std::vector<GroupMoments> layer_moments(const nn::Graph& graph, const nn::IntegerSpec& spec, size_t layer,
                                        std::span<const Tensor> batches) {
  const nn::GraphLayer& g = graph.layers[layer];
  if (!g.has_weights()) throw ArgumentError("reconstruction: layer " + g.name + " has no weights");
  if (spec.is_dynamic) throw ArgumentError("reconstruction: a network of dynamic ranges has no fixed inputs to fit");
  if (batches.empty()) throw ArgumentError("reconstruction: no image was given");
  const bool conv = g.kind == nn::LayerKind::conv;
  const Shape& in = graph.shape(g.input);
  const int64_t groups = conv ? g.window.groups : 1, rows = g.weight.shape()[0] / groups;
  const int64_t depth = g.weight.numel() / g.weight.shape()[0], pixels = conv ? g.output[1] * g.output[2] : 1;
  std::vector<Sums> sums(static_cast<size_t>(groups), Sums(depth, rows, pixels));
  std::vector<float> patches(static_cast<size_t>(depth * pixels));
  const nn::IntegerNetwork network(spec);
  for (const Tensor& images : batches) {
    const Sides sides = sides_of(graph, network, layer, images);
    for (int64_t n = 0; n < images.shape()[0]; ++n) {
      const float* const image = sides.u.data() + n * in.numel();
      for (int64_t group = 0; group < groups; ++group) {
        if (conv) unfold(image, in, g, group, patches);
        sums[static_cast<size_t>(group)].add(conv ? patches.data() : image,
                                             sides.target.data() + (n * groups + group) * rows * pixels);
      }
    }
  }
  std::vector<GroupMoments> moments;
  for (Sums& s : sums) moments.push_back(s.centred());
  return moments;
}

}  // namespace pith::compress
