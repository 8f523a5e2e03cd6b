// oneDNN 2.6 (Debian's libdnnl-dev) in the same process; compiled only where the package is there. Its own blocked
// formats for source, weights and result; reorders are not counted.
#include "bench/rivals.h"

#ifdef PITH_BENCH_DNNL
#include <memory>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>
#include <vector>

namespace pith::bench {
namespace {

using dnnl::memory;

/// One convolution with a fused scale and ReLU, primed and ready to run.
class DnnlConv {
 public:
  explicit DnnlConv(const ConvLayer& l, int64_t batch) : engine_(dnnl::engine::kind::cpu, 0), stream_(engine_) {
    const auto any = memory::format_tag::any;
    const memory::desc src({batch, l.c, l.h, l.h}, memory::data_type::u8, any);
    const memory::desc weights({l.k, l.c, l.kernel, l.kernel}, memory::data_type::s8, any);
    const memory::desc bias({l.k}, memory::data_type::s32, memory::format_tag::a);
    const int64_t out = conv2d_shape(l.x(batch), l.w(), l.window())[2], pad = l.padding,
                  after = (out - 1) * l.stride + l.kernel - l.h - pad;
    const memory::desc dst({batch, l.k, out, out}, memory::data_type::u8, any);
    const dnnl::convolution_forward::desc op(dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct,
                                             src, weights, bias, dst, {l.stride, l.stride}, {pad, pad}, {after, after});
    dnnl::primitive_attr attributes;
    attributes.set_output_scales(1 << 1, std::vector<float>(static_cast<size_t>(l.k), 1e-4f));
    dnnl::post_ops relu;
    relu.append_eltwise(1, dnnl::algorithm::eltwise_relu, 0, 0);
    attributes.set_post_ops(relu);
    const dnnl::convolution_forward::primitive_desc d(op, attributes, engine_);
    primitive_ = dnnl::convolution_forward(d);
    arguments_ = {{DNNL_ARG_SRC, filled(d.src_desc(), 3)},
                  {DNNL_ARG_WEIGHTS, filled(d.weights_desc(), 1)},
                  {DNNL_ARG_BIAS, filled(bias, 0)},
                  {DNNL_ARG_DST, filled(d.dst_desc(), 0)}};
  }
  void run() {
    primitive_.execute(stream_, arguments_);
    stream_.wait();
  }

 private:
  memory filled(const memory::desc& d, unsigned step) {
    memory m(d, engine_);
    auto* const bytes = static_cast<unsigned char*>(m.get_data_handle());
    for (size_t i = 0; i < d.get_size(); ++i) bytes[i] = static_cast<unsigned char>(i * step * 37 % 61);
    return m;
  }
  dnnl::engine engine_;
  dnnl::stream stream_;
  dnnl::primitive primitive_;
  std::unordered_map<int, memory> arguments_;
};

}  // namespace

std::function<void()> dnnl_u8s8(const ConvLayer& layer, int64_t batch) {
  hold_rivals_to_one_thread();
  const auto conv = std::make_shared<DnnlConv>(layer, batch);
  return [conv] { conv->run(); };
}

}  // namespace pith::bench
#else
namespace pith::bench {
std::function<void()> dnnl_u8s8(const ConvLayer&, int64_t) { return {}; }
}  // namespace pith::bench
#endif
