// `pith explain`: one output of a packed network, as integer arithmetic that can be followed by hand.
#include <fmt/format.h>

#include <charconv>

#include "apps/checks.h"
#include "apps/classification_task.h"
#include "apps/cli.h"
#include "apps/explanation_text.h"
#include "apps/summaries/table.h"
#include "compress/proofs/bounds.h"
#include "data/image_file.h"
#include "data/memory_dataset.h"
#include "nn/packed_network.h"
#include "tensor/error.h"

namespace pith::apps {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  pith explain w8a8.safetensors --layer layer1.0.conv2 --pixel 5,7,3\n"
    "  pith explain w8a8.safetensors --layer fc --pixel 0,0,4 --index 17 --products 0\n"
    "  pith explain w8a8.safetensors --layer conv1 --pixel 0,0,0 --image cat.png --json";

struct Options {
  CommonOptions common;
  std::string model, layer, pixel = "0,0,0", image, data, data_root;
  int64_t index = 0, products = 12;
};

/// "y,x,k".
nn::OutputPlace place_of(const std::string& text) {
  int64_t parts[3];
  const char *at = text.data(), *const end = at + text.size();
  for (int i = 0; i < 3; ++i) {
    const auto [next, error] = std::from_chars(at, end, parts[i]);
    if (error != std::errc() || (i < 2 ? next == end || *next != ',' : next != end))
      throw ArgumentError("--pixel takes y,x,k (row, column, channel), not \"" + visible(text) + "\"");
    at = next + 1;
  }
  return {parts[0], parts[1], parts[2]};
}

struct Picture {
  std::string name;
  Tensor pixels;  ///< f32 [1, c, h, w], normalised
};

std::shared_ptr<const data::Dataset> from_file(const std::string& path, const Shape& wanted) {
  const data::Image image = data::read_image(path, static_cast<int>(wanted[0]));
  if (image.height != wanted[1] || image.width != wanted[2])
    throw FormatError(fmt::format("{}: expected a picture of {} x {} pixels, found {} x {}", path, wanted[1], wanted[2],
                                  image.height, image.width));
  return std::make_shared<data::MemoryDataset>(wanted, data::planes(image), std::vector<int32_t>{0},
                                               std::vector<std::string>{"?"}, path);
}

Picture picture_of(const Options& o, const nn::IntegerSpec& spec) {
  const std::string name = o.data.empty() ? data_for_model(spec.model) : o.data;
  if (name.empty()) throw ArgumentError("--data NAME says how pixels become numbers, and where images come from");
  const data::DataSource source = data::open_data(name, o.data_root);
  if (!(source.test->image_shape() == spec.input))
    throw FormatError(fmt::format("{}: expected images {}, found {} in {}", o.model, text(spec.input),
                                  text(source.test->image_shape()), name));
  std::shared_ptr<const data::Dataset> one;
  if (o.image.empty()) {
    check_at_least("--index", o.index, 0);
    if (o.index >= source.test->size())
      throw ArgumentError(
          fmt::format("--index {} lies beyond the {} test images of {}", o.index, source.test->size(), name));
    one = data::subset(source.test, {o.index});
  } else {
    if (spec.input[0] != 1 && spec.input[0] != 3)
      throw ArgumentError("--image: the network takes neither grey nor colour pictures");
    one = from_file(o.image, spec.input);
  }
  data::Loader loader = evaluation_loader(one, source.normalization, 1, 0);
  loader.start(0);
  return {o.image.empty() ? fmt::format("test image {} of {}", o.index, name) : o.image, loader.next().images};
}

void explain(const Options& o) {
  apply(o.common);
  Console console(o.common.console);
  if (o.layer.empty()) throw ArgumentError("--layer NAME says which layer; `pith prove MODEL` lists them");
  check_at_least("--products", o.products, 0);
  const nn::OutputPlace at = place_of(o.pixel);
  const nn::IntegerNetwork network(nn::read_packed_network(o.model));
  const nn::IntegerSpec& spec = network.spec();
  const size_t layer = nn::layer_named(spec, o.layer);
  const Picture picture = picture_of(o, spec);
  std::vector<ops::QuantizedTensor> values;
  network.run(picture.pixels, [&](int64_t, const ops::QuantizedTensor& q) { values.push_back(q); });
  const nn::Explanation e = nn::explain(spec, values, layer, at);
  ExplanationContext context{.model = spec.model, .image = picture.name};
  for (const compress::AccumulatorBound& b : compress::accumulator_bounds(spec)) {
    if (b.index != static_cast<int64_t>(layer)) continue;
    const compress::SumBound& bound = b.channels[static_cast<size_t>(at.k)];
    context.lowest = bound.lowest, context.highest = bound.highest;
    context.accumulator = b.kernel, context.has_bounds = true;
  }
  const Tensor& y = values[layer + 1].values;
  const int64_t w = y.shape().rank() == 4 ? y.shape()[3] : 1, h = y.shape().rank() == 4 ? y.shape()[2] : 1;
  context.network = y.to_vector<double>()[static_cast<size_t>((at.k * h + at.y) * w + at.x)];
  if (console.json()) return console.document(to_json(e, context).dump(2));
  console.result(text(e, context, o.products));
}

}  // namespace

void add_explain(CLI::App& program, Action& action) {
  auto o = std::make_shared<Options>();
  CLI::App& c =
      add_command(program, "explain", "follow one output of a packed network step by step", o->common, kExamples);
  c.add_option("model", o->model, "a file of `pith quantize`")->required();
  c.add_option("-l,--layer", o->layer, "layer by name");
  c.add_option("-p,--pixel", o->pixel, "row,column,channel of its output; features are 0,0,k")->capture_default_str();
  c.add_option("-i,--index", o->index, "test image of the data set")->capture_default_str();
  c.add_option("--image", o->image, "a picture of the network's size instead: PNG, JPEG, BMP, PNM");
  c.add_option("-d,--data", o->data, "data set; default: what the model's name speaks of");
  c.add_option("--data-root", o->data_root, "where data sets lie; default: $PITH_DATA, then ~/.cache/pith");
  c.add_option("--products", o->products, "show so many products, the largest; 0: all")->capture_default_str();
  c.callback([o, &action] { action = [o] { explain(*o); }; });
}

}  // namespace pith::apps
