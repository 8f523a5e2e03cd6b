#include "apps/accumulator_certificate.h"

#include "apps/report.h"
#include "tensor/atomic_file.h"
#include "tensor/container.h"

namespace pith::apps {

void write_certificate(const std::string& path, const std::string& network, const nn::IntegerSpec& spec,
                       const std::vector<compress::AccumulatorBound>& bounds) {
  Json layers = Json::array();
  for (const compress::AccumulatorBound& b : bounds) {
    const nn::GraphLayer& g = spec.layers[static_cast<size_t>(b.index)].shape;
    Json lowest = Json::array(), highest = Json::array();
    for (const compress::SumBound& c : b.channels) lowest.push_back(c.lowest), highest.push_back(c.highest);
    layers.push_back({{"layer", b.layer},
                      {"kind", nn::name(g.kind)},
                      {"depth", b.depth},
                      {"input_bits", b.bits_input},
                      {"zero_point", spec.values[static_cast<size_t>(g.input)].zero_point},
                      {"weight_bits", b.bits_weights},
                      {"rule_bits", b.rule_bits},
                      {"accumulator", b.accumulator},
                      {"kernel", b.kernel},
                      {"lowest", std::move(lowest)},
                      {"highest", std::move(highest)}});
  }
  const Json claims{{"certificate", "pith accumulators 1"},
                    {"model", spec.model},
                    {"content", read_container(network).metadata.at(kChecksumKey)},
                    {"dynamic", spec.is_dynamic},
                    {"layers", std::move(layers)}};
  const std::string text = claims.dump(1) + "\n";
  write_file_atomically(path, std::as_bytes(std::span<const char>(text.data(), text.size())));
}

}  // namespace pith::apps
