#include "apps/exports/c_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cctype>
#include <span>

#include "apps/exports/c_runtime.h"
#include "apps/exports/memory_plan.h"
#include "nn/packed_weights.h"
#include "tensor/error.h"

namespace pith::apps {
namespace {

using nn::LayerKind;

/// Filters that a convolution computes at a time: more is faster and takes more memory.
constexpr int64_t kFilters = 4;

/// "layer1.0.conv1" -> "layer1_0_conv1".
std::string identifier(const std::string& name) {
  const bool is_led = name.empty() || std::isdigit(static_cast<unsigned char>(name[0])) != 0;
  std::string id = fmt::format("{}{}", is_led ? "n" : "", name);
  for (char& c : id)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return id;
}

/// With nine digits, which give the same float back, and a point, without which C reads an integer.
std::string literal(float v) { return fmt::format("{:#.9g}f", v); }

/// Numbers in lines of about 110 characters.
template <class T, class Text>
std::string rows(std::span<const T> values, const Text& text) {
  std::string all;
  size_t line = 0;  // where it begins
  for (const T v : values) {
    if (all.size() - line > 100) {
      all += '\n';
      line = all.size();
    }
    all += fmt::format(" {},", text(v));
  }
  return all;
}
template <class T, class Text>
std::string array(const std::string& type, const std::string& name, std::span<const T> values, const Text& text) {
  return fmt::format("static const {} {}[{}] = {{\n{}\n}};\n", type, name, values.size(), rows(values, text));
}

/// What the check's image holds: multiples of 2^-14 from -2 to 2, by a generator that C repeats.
std::vector<float> check_image(int64_t count) {
  std::vector<float> image;
  uint32_t state = 1;
  for (int64_t i = 0; i < count; ++i) {
    state = state * 1664525U + 1013904223U;
    image.push_back(static_cast<float>(static_cast<int>(state >> 16) - 32768) / 16384.0F);
  }
  return image;
}

class Writer {
 public:
  Writer(const nn::IntegerNetwork& network, const std::string& name)
      : network_(network), spec_(network.spec()), name_(identifier(name)), plan_(memory_plan(spec_)) {
    if (spec_.is_dynamic)
      throw ArgumentError(
          "export: this network has dynamic ranges, which are measured in use; a C file wants the fixed "
          "ones of `pith quantize --method static`");
    if (!spec_.layers.back().shape.has_weights())
      throw ArgumentError("export: the last layer, " + spec_.layers.back().shape.name + ", gives no logits");
  }

  CSource write() {
    for (size_t i = 0; i < spec_.layers.size(); ++i) add_layer(i);
    CSource made{.text = {}, .function = name_ + "_run", .constant_bytes = constant_bytes_, .static_bytes = 0};
    made.static_bytes =
        plan_.bytes + kFilters * (longest_filter_ + largest_plane_ * (is_wide_ ? 8 : 4)) + 2 * largest_columns_;
    made.text = head(made) + std::string(kCRuntime) + "\n" + tables_ + run() + check();
    return made;
  }

 private:
  const nn::ValueQuant& quant(int64_t value) const { return spec_.values[static_cast<size_t>(value)]; }
  Shape shape(int64_t value) const {
    const Shape s = value == 0 ? spec_.input : spec_.layers[static_cast<size_t>(value - 1)].shape.output;
    return s.rank() == 3 ? s : Shape{s[0], 1, 1};
  }
  std::string place(int64_t value) const {
    return fmt::format("values + {}", plan_.offset[static_cast<size_t>(value)]);
  }
  bool is_last(size_t i) const { return i + 1 == spec_.layers.size(); }

  void add_layer(size_t i) {
    const nn::GraphLayer& g = spec_.layers[i].shape;
    if (g.kind == LayerKind::flatten) return;
    if (g.has_weights()) add_weights(i);
    add_table(i);
    const std::string layer = fmt::format("&{}", table_name(i)), x = place(g.input),
                      y = place(static_cast<int64_t>(i + 1));
    const std::string out = is_last(i) ? std::string("0, logits") : fmt::format("{}, 0", y);
    if (g.kind == LayerKind::conv)
      calls_ += fmt::format("  convolve({}, {}, {}, {});\n", layer, x, g.residual < 0 ? "0" : place(g.residual), out);
    else if (g.kind == LayerKind::linear)
      calls_ += fmt::format("  dense({}, {}, {});\n", layer, x, out);
    else if (g.kind == LayerKind::requantize)
      calls_ += fmt::format("  requantize_all({}, {}, {}, {});\n", layer, shape(g.input).numel(), x, y);
    else
      calls_ +=
          fmt::format("  {}({}, {}, {});\n", g.kind == LayerKind::max_pool ? "pool_max" : "pool_mean", layer, x, y);
  }

  /// No other layer's, and not to be taken for a function of the runtime. A file's names are a stranger's: what is not
  /// an identifier gets into no comment either.
  std::string table_name(size_t i) const { return fmt::format("l{}_{}", i, identifier(spec_.layers[i].shape.name)); }

  /// Weights, scales and biases.
  void add_weights(size_t i) {
    const nn::IntegerLayer& layer = spec_.layers[i];
    const std::string name = table_name(i);
    const int64_t filters = layer.weights.shape()[0], each = layer.weights.numel() / filters;
    const std::vector<uint8_t> bytes = filter_codes(layer, each);
    const nn::ValueQuant &x = quant(layer.shape.input), &y = quant(static_cast<int64_t>(i + 1));
    std::vector<float> scale;
    for (const float s : layer.weight_scale)
      scale.push_back(nn::requantization(x.scale, s, is_last(i) ? 1.0F : y.scale));
    tables_ += fmt::format("/* {} filters of {} weights, {} bits each. */\n", filters, each, layer.bits);
    tables_ += array<uint8_t>("uint8_t", name + "_weights", bytes, [](int v) { return std::to_string(v); });
    tables_ += array<float>("float", name + "_scale", scale, literal);
    tables_ += array<int32_t>("int32_t", name + "_bias", layer.bias.to_vector<int32_t>(), bias_literal);
    constant_bytes_ += std::ssize(bytes) + filters * 8;
    longest_filter_ = std::max(longest_filter_, each);
    largest_plane_ = std::max(largest_plane_, shape(static_cast<int64_t>(i + 1)).numel() / filters);
    if (layer.shape.kind == LayerKind::conv)
      largest_columns_ =
          std::max(largest_columns_, shape(layer.shape.input)[1] * shape(static_cast<int64_t>(i + 1))[2]);
    is_wide_ = is_wide_ || !network_.packed(i).parts.empty();
  }

  /// -2147483648 is no literal of C's.
  static std::string bias_literal(int32_t v) { return v == INT32_MIN ? "(-2147483647 - 1)" : std::to_string(v); }

  /// Every filter from a whole byte on, as nn/packed_weights.h codes weights.
  static std::vector<uint8_t> filter_codes(const nn::IntegerLayer& layer, int64_t each) {
    const std::vector<int8_t> weights = layer.weights.to_vector<int8_t>();
    const int most = highest_level(layer.bits);
    std::vector<uint8_t> bytes, codes;
    for (size_t i = 0; i < weights.size(); ++i) {
      if (weights[i] < -most || weights[i] > most || (layer.bits == 1 && weights[i] == 0))
        throw ArgumentError(fmt::format("export: a weight of {} is {}, which {} bits do not hold", layer.shape.name,
                                        weights[i], layer.bits));
      codes.push_back(static_cast<uint8_t>(layer.bits == 1 ? (weights[i] + 1) / 2 : weights[i] + most));
      if (std::ssize(codes) < each) continue;
      for (const std::byte b : nn::pack_codes(codes, layer.bits)) bytes.push_back(static_cast<uint8_t>(b));
      codes.clear();
    }
    return bytes;
  }

  /// What a residual, a mean or another grid is multiplied with; 0 where there is none.
  float other_scale(size_t i) const {
    const nn::GraphLayer& g = spec_.layers[i].shape;
    const nn::ValueQuant& y = quant(static_cast<int64_t>(i + 1));
    const Shape in = shape(g.input);
    if (g.residual >= 0) return nn::requantization(quant(g.residual).scale, 1.0F, y.scale);
    if (g.kind == LayerKind::requantize) return nn::requantization(quant(g.input).scale, 1.0F, y.scale);
    if (g.kind != LayerKind::mean_pool) return 0;
    return nn::requantization(quant(g.input).scale, 1.0F / static_cast<float>(in[1] * in[2]), y.scale);
  }

  void add_table(size_t i) {
    const nn::IntegerLayer& layer = spec_.layers[i];
    const nn::GraphLayer& g = layer.shape;
    const nn::ValueQuant& y = quant(static_cast<int64_t>(i + 1));
    const Shape in = shape(g.input), out = shape(static_cast<int64_t>(i + 1));
    const bool is_conv = g.kind == LayerKind::conv;
    const Window w = is_conv || g.kind == LayerKind::max_pool ? g.window : Window{};
    const int64_t kernel_h = is_conv ? layer.weights.shape()[2] : g.kernel[0];
    const int64_t kernel_w = is_conv ? layer.weights.shape()[3] : g.kernel[1];
    const std::string name = table_name(i);
    tables_ += fmt::format("static const layer_t {} = {{\n", name);
    tables_ +=
        g.has_weights() ? fmt::format("  {0}_weights, {0}_scale, {0}_bias, {1},", name, layer.bits) : "  0, 0, 0, 0,";
    tables_ += fmt::format(" {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},\n",
                           g.has_weights() ? out[0] : 0, w.groups, in[0], in[1], in[2], kernel_h, kernel_w, w.stride[0],
                           w.stride[1], w.padding[0], w.padding[1], w.dilation[0], w.dilation[1], out[1], out[2]);
    tables_ += fmt::format("  {}, {}, {}, {}, {}, {},\n}};\n\n", quant(g.input).zero_point, y.zero_point,
                           g.relu ? y.zero_point : 0, y.highest(), literal(other_scale(i)),
                           g.residual >= 0 ? quant(g.residual).zero_point : 0);
  }

  std::string head(const CSource& made) const {
    const Shape& in = spec_.input;
    const int64_t classes = spec_.layers.back().shape.output.numel();
    return fmt::format(
        "/* {0} on integers, written by `pith export`. C99; needs no library.\n *\n"
        " *   void {1}(const float image[{2} * {3} * {4}], float logits[{5}]);\n *\n"
        " * image: channel by channel, row by row, normalised as the network was trained with. logits: bit for bit "
        "those\n"
        " * of Pith's integer network where floats are IEEE single precision and not of a wider kind (x86: SSE, not "
        "x87).\n"
        " * It holds its buffers in static memory, so one thread at a time may run it.\n *\n"
        " * Constants {6} bytes, static memory {7} bytes. Compiled with -DPITH_CHECK this file is a program that runs "
        "one\n"
        " * image and says whether its logits are those that Pith computed.\n */\n"
        "#include <stddef.h>\n#include <stdint.h>\n\n"
        "typedef {8} sum_t;\n"
        "enum {{ FILTERS = {13} }}; /* that a convolution computes at a time */\n"
        "static int8_t filter_buffer[FILTERS * {9}];\n"
        "static int16_t column_buffer[{12}];\n"
        "static sum_t sum_buffer[FILTERS * {10}];\n"
        "static uint8_t values[{11}];\n",
        identifier(spec_.model), made.function, in[0], in[1], in[2], classes, made.constant_bytes, made.static_bytes,
        is_wide_ ? "int64_t" : "int32_t", longest_filter_, largest_plane_, plan_.bytes, largest_columns_, kFilters);
  }

  std::string run() const {
    const nn::ValueQuant& q = quant(0);
    return fmt::format(
        "void {}_run(const float *image, float *logits);\nvoid {}_run(const float *image, float *logits) {{\n"
        "  quantize(image, {}, {}, {}, {}, {});\n{}}}\n",
        name_, name_, spec_.input.numel(), literal(q.scale), q.zero_point, q.highest(), place(0), calls_);
  }

  /// The program of -DPITH_CHECK.
  std::string check() const {
    const Shape& in = spec_.input;
    const Tensor image = Tensor::from(check_image(in.numel()), {1, in[0], in[1], in[2]});
    std::vector<uint32_t> bits;
    for (const float v : network_.run(image).to_vector<float>()) bits.push_back(std::bit_cast<uint32_t>(v));
    return fmt::format(R"(
#ifdef PITH_CHECK
#include <stdio.h>
#include <string.h>
int main(void) {{
  static const uint32_t wanted[{0}] = {{{1}u}};
  static float image[{2}], logits[{0}];
  uint32_t state = 1, got;
  int i, wrong = 0;
  for (i = 0; i < {2}; ++i) {{
    state = state * 1664525u + 1013904223u;
    image[i] = (float)((int)(state >> 16) - 32768) / 16384.0f;
  }}
  {3}_run(image, logits);
  for (i = 0; i < {0}; ++i) {{
    memcpy(&got, &logits[i], sizeof got);
    if (got != wanted[i]) ++wrong;
    printf("logit %d: %.9g%s\n", i, (double)logits[i], got == wanted[i] ? "" : "  differs");
  }}
  printf("%s\n", wrong ? "these are not Pith's logits" : "all logits are Pith's, bit for bit");
  return wrong != 0;
}}
#endif
)",
                       bits.size(), fmt::join(bits, "u, "), in.numel(), name_);
  }

  const nn::IntegerNetwork& network_;
  const nn::IntegerSpec& spec_;
  std::string name_;
  MemoryPlan plan_;
  std::string tables_, calls_;
  int64_t constant_bytes_ = 0, longest_filter_ = 1, largest_plane_ = 1, largest_columns_ = 1;
  bool is_wide_ = false;
};

}  // namespace

CSource c_source(const nn::IntegerNetwork& network, const std::string& name) { return Writer(network, name).write(); }

}  // namespace pith::apps
