#include "apps/summaries/module_listing.h"

#include <fmt/format.h>

#include <algorithm>

#include "nn/layers/batch_norm.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/linear.h"

namespace pith::apps {
namespace {

std::string attributes_of_conv(nn::Conv2d& conv) {
  const Shape w = conv.weight().shape();
  const Window& window = conv.window();
  std::string words = fmt::format("{} -> {}, kernel {} x {}, stride {}, padding {}", w[1] * window.groups, w[0], w[2],
                                  w[3], window.stride[0], window.padding[0]);
  if (window.groups > 1) words += fmt::format(", {} groups", window.groups);
  return words + (conv.bias() != nullptr ? ", bias" : "");
}

}  // namespace

std::string attributes_of(nn::Module& m) {
  if (auto* const conv = dynamic_cast<nn::Conv2d*>(&m)) return attributes_of_conv(*conv);
  if (auto* const linear = dynamic_cast<nn::Linear*>(&m)) {
    const Shape w = linear->weight().shape();
    return fmt::format("{} -> {}{}", w[1], w[0], linear->bias() != nullptr ? ", bias" : "");
  }
  if (auto* const norm = dynamic_cast<nn::BatchNorm2d*>(&m)) return fmt::format("{}", norm->weight().shape()[0]);
  return "";
}

Table module_table(nn::Module& model) {
  Table t{.title = "modules", .columns = {"Name", "Type"}};
  model.visit_modules([&](const std::string& name, nn::Module& m) {
    if (m.is_leaf()) t.rows.push_back({name, std::string(m.type())});
  });
  return t;
}

std::string module_tree(nn::Module& model) {
  std::string out;
  model.visit_modules([&](const std::string& name, nn::Module& m) {
    const auto depth = name.empty() ? 0 : 1 + std::count(name.begin(), name.end(), '.');
    out += std::string(static_cast<size_t>(2 * depth), ' ');
    if (!name.empty()) out += visible(m.name()) + ": ";
    out += m.type();
    if (const std::string attributes = attributes_of(m); !attributes.empty()) out += " " + attributes;
    out += '\n';
  });
  out.pop_back();
  return out;
}

}  // namespace pith::apps
