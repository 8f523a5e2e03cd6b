#include "apps/explanation_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

namespace pith::apps {
namespace {

using nn::Explanation;
using nn::LayerKind;

int bits_of(int64_t v) { return static_cast<int>(std::bit_width(static_cast<uint64_t>(v < 0 ? -(v + 1) : v))) + 1; }

bool passes_on(const Explanation& e) { return e.kind == LayerKind::max_pool || e.kind == LayerKind::flatten; }

std::string grid(const nn::ValueQuant& q) {
  return q.zero_point == 0 ? fmt::format("{:.8g} q", q.scale) : fmt::format("{:.8g} (q - {})", q.scale, q.zero_point);
}

std::string heading(const Explanation& e, const ExplanationContext& c) {
  return fmt::format("{}, layer {} ({}), {}\noutput channel {} at row {}, column {}\n", c.model, e.layer,
                     nn::name(e.kind), c.image, e.at.k, e.at.y, e.at.x);
}

std::string meaning(const Explanation& e) {
  std::string out = "\n1. What the integers stand for\n";
  out += fmt::format("   input   real = {}, q from 0 to {}  ({})\n", grid(e.input), e.input.highest(), e.input_name);
  if (e.weight_bits > 0)
    out +=
        fmt::format("   weight  real = {:.8g} w, {} bits, this channel's own scale\n", e.weight_scale, e.weight_bits);
  if (!e.is_last)
    out += fmt::format("   output  real = {}, q from 0 to {}{}\n", grid(e.output), e.output.highest(),
                       e.is_dynamic ? ", as this batch has it" : "");
  return out;
}

/// Places of the terms to show, in their order.
std::vector<size_t> shown(const Explanation& e, int64_t products) {
  std::vector<size_t> all(e.terms.size());
  for (size_t i = 0; i < all.size(); ++i) all[i] = i;
  if (products <= 0 || std::ssize(all) <= products) return all;
  std::stable_sort(all.begin(), all.end(),
                   [&](size_t a, size_t b) { return std::abs(e.terms[a].product) > std::abs(e.terms[b].product); });
  all.resize(static_cast<size_t>(products));
  std::sort(all.begin(), all.end());
  return all;
}

std::string term_line(const Explanation& e, const nn::ExplainedTerm& t) {
  return fmt::format("   {:>7} {:>4} {:>6} {:>6} {:>6} {:>6} {:>10} {:>11} {:>5}{}\n", t.channel, t.row, t.column, t.q,
                     t.q - e.input.zero_point, t.w, t.product, t.sum, bits_of(t.sum), t.is_border ? " *" : "");
}

std::string products_text(const Explanation& e, int64_t products) {
  const std::vector<size_t> places = shown(e, products);
  std::string out =
      fmt::format("\n2. Products: {} inputs, each less its zero point, times its weight\n", e.terms.size());
  out += fmt::format("   {:>7} {:>4} {:>6} {:>6} {:>6} {:>6} {:>10} {:>11} {:>5}\n", "channel", "row", "column", "q",
                     "q - z", "w", "product", "sum so far", "bits");
  out += fmt::format("   {:>54} {:>11} {:>5}\n", e.is_dynamic ? "the sum begins at 0" : "the sum begins with the bias",
                     e.bias, bits_of(e.bias));
  size_t next = 0;
  const auto skip = [&](size_t until) {
    if (until == next) return;
    int64_t sum = 0;
    for (size_t i = next; i < until; ++i) sum += e.terms[i].product;
    out += fmt::format("   {:>43} {:>10} {:>11} {:>5}\n", fmt::format("... {} smaller, together", until - next), sum,
                       e.terms[until - 1].sum, bits_of(e.terms[until - 1].sum));
  };
  bool border = false;
  for (const size_t i : places) {
    skip(i);
    out += term_line(e, e.terms[i]);
    border = border || e.terms[i].is_border;
    next = i + 1;
  }
  skip(e.terms.size());
  if (border) out += "   * beyond the border: padding is the zero point, so it adds nothing\n";
  return out;
}

std::string accumulator_text(const Explanation& e, const ExplanationContext& c) {
  std::string out = "\n3. The accumulator\n";
  out += fmt::format("   sum {}; on the way between {} and {}\n", e.sum, e.lowest_sum, e.highest_sum);
  out += fmt::format("   {} bits used of {}", e.bits_used, c.accumulator);
  if (c.has_bounds)
    out += fmt::format(";\n   no input takes it beyond [{}, {}], {} bits (`pith prove`)", c.lowest, c.highest,
                       std::max(bits_of(c.lowest), bits_of(c.highest)));
  return out + "\n";
}

std::string requantisation_text(const Explanation& e) {
  std::string out = "\n4. Back to the output's integers\n";
  if (e.kind == LayerKind::mean_pool)
    out += fmt::format("   m = input scale / {} pixels / output scale = {:.9g}\n", e.terms.size(), e.scale);
  else if (e.kind == LayerKind::requantize)
    out += fmt::format("   m = input scale / output scale = {:.9g}\n", e.scale);
  else
    out += fmt::format("   m = input scale x weight scale{} = {:.9g}\n",
                       e.is_dynamic || e.is_last ? "" : " / output scale", e.scale);
  if (e.is_dynamic && e.kind != LayerKind::mean_pool)
    out += fmt::format("   (sum {} + bias {:.9g}) x m = {:.9g}\n", e.sum, e.real_bias, e.scaled);
  else
    out += fmt::format("   sum x m = {} x {:.9g} = {:.9g}\n", e.sum, e.scale, e.scaled);
  if (e.has_residual)
    out += fmt::format("   + residual ({}): ({} - {}) x {:.9g} = {:.9g}\n   = {:.9g}\n", e.residual_name, e.residual_q,
                       e.residual.zero_point, e.residual_scale, e.residual_term, e.real);
  if (e.is_last) return out + "   The last layer's sums stay real: this is the logit.\n";
  if (e.is_dynamic && e.kind != LayerKind::mean_pool)
    out += fmt::format("   {}/ output scale {:.9g}\n", e.relu ? "at least 0 (ReLU), " : "", e.output.scale);
  out += fmt::format("   rounded, half to even, plus zero point {}: {}\n", e.output.zero_point, e.rounded);
  out += fmt::format("   clamped to [{}, {}]{}: {}\n", e.lowest, e.highest,
                     e.relu && !e.is_dynamic ? ", from the zero point up: that is the ReLU" : "", e.q);
  return out;
}

std::string passing_text(const Explanation& e, int64_t products) {
  std::string out = e.kind == LayerKind::flatten ? "\n2. Flattening moves the integer and changes nothing\n"
                                                 : "\n2. The largest of the window: no arithmetic, no rounding\n";
  out += fmt::format("   {:>7} {:>4} {:>6} {:>6}\n", "channel", "row", "column", "q");
  for (const size_t i : shown(e, products))
    out += fmt::format("   {:>7} {:>4} {:>6} {:>6}\n", e.terms[i].channel, e.terms[i].row, e.terms[i].column,
                       e.terms[i].q);
  return out;
}

double result_of(const Explanation& e) { return e.is_last ? static_cast<double>(e.logit) : e.q; }

std::string result_text(const Explanation& e, const ExplanationContext& c) {
  const bool same = result_of(e) == c.network;
  std::string out = fmt::format("\n{}. The result\n", passes_on(e) ? 3 : 5);
  out += e.is_last ? fmt::format("   logit {:.9g}", e.logit)
                   : fmt::format("   q = {}, which stands for {:.8g}", e.q, e.value);
  return out +
         fmt::format(";\n   the packed network computed {:.9g}: {}", c.network, same ? "the same" : "NOT THE SAME");
}

Json quant_json(const nn::ValueQuant& q) {
  return {{"scale", q.scale}, {"zero_point", q.zero_point}, {"bits", q.bits}};
}

}  // namespace

std::string text(const Explanation& e, const ExplanationContext& c, int64_t products) {
  const std::string middle = passes_on(e)
                                 ? passing_text(e, products)
                                 : products_text(e, products) + accumulator_text(e, c) + requantisation_text(e);
  return heading(e, c) + meaning(e) + middle + result_text(e, c);
}

Json to_json(const Explanation& e, const ExplanationContext& c) {
  Json terms = Json::array();
  for (const nn::ExplainedTerm& t : e.terms)
    terms.push_back({{"channel", t.channel},
                     {"row", t.row},
                     {"column", t.column},
                     {"border", t.is_border},
                     {"q", t.q},
                     {"w", t.w},
                     {"product", t.product},
                     {"sum", t.sum}});
  Json json{{"model", c.model},
            {"image", c.image},
            {"layer", e.layer},
            {"kind", nn::name(e.kind)},
            {"y", e.at.y},
            {"x", e.at.x},
            {"k", e.at.k},
            {"input", quant_json(e.input)},
            {"output", quant_json(e.output)},
            {"weight_bits", e.weight_bits},
            {"weight_scale", e.weight_scale},
            {"bias", e.bias},
            {"sum", e.sum},
            {"lowest_partial_sum", e.lowest_sum},
            {"highest_partial_sum", e.highest_sum},
            {"bits_used", e.bits_used},
            {"accumulator", c.accumulator},
            {"multiplier", e.scale},
            {"scaled", e.scaled},
            {"real", e.real}};
  if (c.has_bounds) json["lowest_sum"] = c.lowest, json["highest_sum"] = c.highest;
  if (e.is_dynamic) json["real_bias"] = e.real_bias;
  if (e.has_residual)
    json["residual"] = {{"layer", e.residual_name},
                        {"q", e.residual_q},
                        {"zero_point", e.residual.zero_point},
                        {"multiplier", e.residual_scale},
                        {"term", e.residual_term}};
  json["rounded"] = e.rounded, json["lowest"] = e.lowest, json["highest"] = e.highest;
  json["result"] = result_of(e), json["value"] = e.value, json["network"] = c.network;
  json["same"] = result_of(e) == c.network;
  json["terms"] = std::move(terms);
  return json;
}

}  // namespace pith::apps
