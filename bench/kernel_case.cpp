#include "bench/kernel_case.h"

#include <benchmark/benchmark.h>

#include "bench/byte_case.h"
#include "bench/conv_case.h"
#include "tensor/formats/masked_conv.h"
#include "tensor/ops/binary_conv2d.h"

namespace pith::bench {
namespace {

template <class F>
std::function<void()> kept_alive(const F& make) {
  return [=] { benchmark::DoNotOptimize(make()); };
}

double bytes_of(const Tensor& t) { return static_cast<double>(t.bytes()); }

KernelCase float_case(const std::string& kernel, const ConvLayer& l, int64_t batch, int kept) {
  const Window window = l.window();
  const Shape xs = l.x(batch), ws = l.w(), ys = conv2d_shape(xs, ws, window);
  const bool sparse = kernel.starts_with("sparse");
  const auto mask = random_mask(ws, sparse ? 1 - kept / 100.0 : 0);
  const Tensor w = masked_weight(*mask), x = laid_out(normal(xs), l);
  const Tensor y = ops::conv2d(x, w, window), dy = y.is_lanes() ? to_lanes(normal(ys), 1) : Tensor();
  KernelCase c{{}, l.operations(batch), bytes_of(x) + bytes_of(w) + bytes_of(y)};
  if (sparse) c.operations *= mask->density();
  if (kernel == "dense_forward") c.run = kept_alive([=] { return ops::conv2d(x, w, window); });
  if (kernel == "dense_dx") c.run = kept_alive([=] { return ops::conv2d_input_gradient(dy, w, xs, window); });
  if (kernel == "dense_dw") c.run = kept_alive([=] { return ops::conv2d_weight_gradient(x, dy, ws, window); });
  if (kernel == "sparse_forward") c.run = kept_alive([=] { return masked_conv2d(*mask, w, x, window); });
  if (kernel == "sparse_dx") c.run = kept_alive([=] { return masked_conv2d_input_gradient(*mask, w, dy, xs, window); });
  if (kernel == "sparse_dw") c.run = kept_alive([=] { return masked_conv2d_weight_gradient(*mask, x, dy, window); });
  return c;
}

KernelCase byte_case(const std::string& kernel, const ConvLayer& l, int64_t batch, int kept) {
  const Window window = l.window();
  const ops::QuantizedTensor x = ops::quantize(laid_out(normal(l.x(batch)), l), 0.03F, 128, 1);
  const ops::IntTarget to{.scale = std::vector<float>(static_cast<size_t>(l.k), 2e-4F), .relu = true};
  const auto weights = static_cast<double>(l.w().numel());
  KernelCase c{{}, l.operations(batch), bytes_of(x.values)};
  if (kernel == "int4") {
    const auto codes = std::make_shared<RandomCodes>(4);
    const auto w = std::make_shared<ops::NarrowFilters>(codes->filters(l.w(), 128));
    c.bytes += weights / 2 + bytes_of(ops::narrow_conv2d(x, *w, window, to));
    c.run = kept_alive([=] { return codes ? ops::narrow_conv2d(x, *w, window, to) : Tensor(); });
    return c;
  }
  const bool sparse = kernel == "int8_1x4";
  const Tensor values = byte_weights(l.w(), sparse ? kept : 100);
  const auto w = std::make_shared<ops::IntWeights>(sparse ? ops::pack_sparse_int_weights(values, Tensor(), 128)
                                                          : ops::pack_int_weights(values, Tensor(), 128));
  const double share = sparse ? kept / 100.0 : 1;
  c.operations *= share;
  c.bytes += weights * share + bytes_of(ops::conv2d_s8(x, *w, window, to));
  c.run = kept_alive([=] { return ops::conv2d_s8(x, *w, window, to); });
  return c;
}

KernelCase bit_case(const ConvLayer& l, int64_t batch) {
  const Window window = l.window();
  const Tensor x = to_bit_lanes(normal(l.x(batch)), 1);
  const auto w = std::make_shared<ops::BinaryWeights>(ops::pack_binary_weights(normal(l.w(), 1)));
  const ops::BinaryTarget to{.output = ops::BinaryOutput::bits};
  const double bytes = bytes_of(x) + bytes_of(ops::binary_conv2d(x, *w, window, to));
  return {kept_alive([=] { return ops::binary_conv2d(x, *w, window, to); }), l.operations(batch),
          bytes + 4.0 * static_cast<double>(w->words.size())};
}

}  // namespace

KernelCase kernel_case(const std::string& kernel, const ConvLayer& layer, int64_t batch, int kept) {
  if (kernel == "bits") return bit_case(layer, batch);
  if (kernel.starts_with("int")) return byte_case(kernel, layer, batch, kept);
  return float_case(kernel, layer, batch, kept);
}

}  // namespace pith::bench
