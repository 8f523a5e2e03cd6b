// `pith prove`: that no sum of a packed network can overflow; as a table, as a certificate, and the check of one.
#include <fmt/format.h>

#include "apps/accumulator_certificate.h"
#include "apps/checks.h"
#include "apps/cli.h"
#include "apps/observed_sums.h"
#include "apps/report.h"
#include "apps/verifier/verify.h"
#include "compress/proofs/adversary.h"
#include "nn/packed_network.h"
#include "tensor/error.h"

namespace pith::apps {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  pith prove w8a8.safetensors\n"
    "  pith prove w8a8.safetensors --out w8a8.proof.json\n"
    "  pith prove --check w8a8.proof.json w8a8.safetensors\n"
    "  pith prove w8a8.safetensors --data cifar10 --subset 1000    (and looks at real sums)";

struct Options {
  CommonOptions common;
  std::string model, out, check, data, data_root;
  int64_t subset = 0;
};

void check_certificate(const Options& o, Console& console) {
  const verifier::Verdict v = verifier::verify(o.check, o.model);
  console.result(console.strong(
      fmt::format("{} is true of {}: {} layers, {} channels of {}", o.check, o.model, v.layers, v.channels, v.model)));
  if (console.json())
    console.document(Json{
        {"certificate", o.check}, {"model", v.model}, {"layers", v.layers}, {"channels", v.channels}, {"true", true}}
                         .dump(2));
}

std::string adds_in(const compress::AccumulatorBound& b) {
  return b.kernel == 64 ? "INT64, in parts" : b.accumulator == 16 ? "INT32 (INT16)" : "INT32";
}

void print_table(const std::vector<compress::AccumulatorBound>& bounds,
                 const std::vector<compress::Attainment>& attained, Console& console) {
  console.result(fmt::format("{:<22}{:>6}{:>12}{:>12}{:>5}{:>5}  {:<15}{}", "layer", "depth", "lowest", "highest",
                             "bits", "rule", "adds in", "reached"));
  for (size_t i = 0; i < bounds.size(); ++i) {
    const compress::AccumulatorBound& b = bounds[i];
    console.result(fmt::format("{:<22}{:>6}{:>12}{:>12}{:>5}{:>5}  {:<15}{}/{}", b.layer, b.depth, b.lowest, b.highest,
                               b.bits, b.rule_bits, adds_in(b), attained[i].attained, attained[i].channels));
  }
  console.result("\nWhy:");
  for (const compress::AccumulatorBound& b : bounds) console.result(fmt::format("  {}: {}", b.layer, b.reason));
}

Json layer_json(const compress::AccumulatorBound& b, const compress::Attainment& a) {
  return {{"layer", b.layer},   {"depth", b.depth},         {"lowest", b.lowest},           {"highest", b.highest},
          {"bits", b.bits},     {"rule_bits", b.rule_bits}, {"accumulator", b.accumulator}, {"kernel", b.kernel},
          {"reason", b.reason}, {"channels", a.channels},   {"attained", a.attained}};
}

/// Looks at the sums of real images, where asked to; what --json says of them.
Json observe(const Options& o, const nn::IntegerNetwork& network, const std::vector<compress::AccumulatorBound>& bounds,
             Console& console) {
  const ObservedSums seen = observed_sums(network, bounds, o.data, o.data_root, o.subset, console);
  console.result(fmt::format("\n{} images of {}: {} sums, {} outside their bounds; the widest took {} bits",
                             seen.images, o.data, seen.sums, seen.outside, seen.bits));
  if (seen.outside > 0) throw Error(o.model + ": a sum left its proved bounds");
  return {
      {"data", o.data}, {"images", seen.images}, {"sums", seen.sums}, {"outside", seen.outside}, {"bits", seen.bits}};
}

void prove(const Options& o) {
  apply(o.common);
  Console console(o.common.console);
  if (!o.check.empty()) {
    if (!o.out.empty() || !o.data.empty()) throw ArgumentError("--check stands alone, without --out or --data");
    return check_certificate(o, console);
  }
  check_at_least("--subset", o.subset, 0);
  const nn::IntegerNetwork network(nn::read_packed_network(o.model));
  const auto bounds = compress::accumulator_bounds(network.spec());
  const auto attained = compress::attain_bounds(network, bounds);
  Json layers = Json::array();
  int64_t channels = 0, reached = 0;
  for (size_t i = 0; i < bounds.size(); ++i) {
    layers.push_back(layer_json(bounds[i], attained[i]));
    channels += attained[i].channels, reached += attained[i].attained;
  }
  print_table(bounds, attained, console);
  Json json{{"model", network.spec().model}, {"file", o.model}, {"channels", channels}, {"attained", reached}};
  if (!o.data.empty()) json["observed"] = observe(o, network, bounds, console);
  if (!o.out.empty()) {
    write_certificate(o.out, o.model, network.spec(), bounds);
    json["out"] = o.out;
    console.result("\n" + o.out + ": certificate written");
  }
  console.result(console.strong(
      fmt::format("\nno sum can overflow; both bounds reached by the kernel on {} of {} channels", reached, channels)));
  json["layers"] = std::move(layers);
  if (console.json()) console.document(json.dump(2));
}

}  // namespace

void add_prove(CLI::App& program, Action& action) {
  auto o = std::make_shared<Options>();
  CLI::App& c = add_command(program, "prove", "prove that no sum of a packed network overflows", o->common, kExamples);
  c.add_option("model", o->model, "a file of `pith quantize`")->required();
  c.add_option("-o,--out", o->out, "write the certificate to this file");
  c.add_option("--check", o->check, "verify this certificate instead, with code of its own");
  c.add_option("-d,--data", o->data, "also look at every sum of this data set's test images");
  c.add_option("--subset", o->subset, "of them, the first so many; 0: all")->capture_default_str();
  c.add_option("--data-root", o->data_root, "where data sets lie; default: $PITH_DATA, then ~/.cache/pith");
  c.callback([o, &action] { action = [o] { prove(*o); }; });
}

}  // namespace pith::apps
