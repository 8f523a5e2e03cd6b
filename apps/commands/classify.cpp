// `pith classify`: what a network sees in pictures from the disk.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "apps/checks.h"
#include "apps/cli.h"
#include "apps/interrupt.h"
#include "apps/named_network.h"
#include "apps/report.h"
#include "apps/summaries/table.h"
#include "data/augment.h"
#include "data/image_folder.h"
#include "tensor/error.h"

namespace pith::apps {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  pith classify runs/lenet5 two.png seven.jpg\n"
    "  pith classify w8a8.safetensors cat.png --top 3 --json        (a file of `pith quantize`)\n"
    "  pith classify resnet20.safetensors --model resnet20-cifar cat.png";
constexpr int64_t kBatch = 64;

struct Options {
  CommonOptions common;
  NetworkChoice network;
  std::vector<std::string> pictures;
  int64_t top = 5;
  std::string fit = "crop";
};

/// f32 [n, c, h, w]. All are decoded before anything is computed, so a bad picture leaves no half result.
Tensor images_of(const Options& o, const data::DataDescription& what) {
  const Shape& s = what.image;
  const data::FolderOptions size{s[1], s[2], s[0], o.fit == "crop" ? data::Fit::crop : data::Fit::stretch};
  const data::Normalizer normalizer(what.normalization, s[0]);
  Tensor all = Tensor::empty({std::ssize(o.pictures), s[0], s[1], s[2]});
  for (size_t i = 0; i < o.pictures.size(); ++i) {
    check_interrupted();
    const data::Image image = data::fitted(data::read_image(o.pictures[i], static_cast<int>(s[0])), size);
    data::write_sample(data::planes(image), s, {}, normalizer,
                       all.mutable_data<float>() + static_cast<int64_t>(i) * s.numel());
  }
  return all;
}

struct Guess {
  int64_t label = 0;
  double probability = 0;
};

/// Softmax of one row, the likeliest first, ties by class. Throws NumericError for a logit that is not a number.
std::vector<Guess> guesses_of(std::span<const float> logits, int64_t top) {
  std::vector<Guess> all;
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float x : logits) sum += std::exp(x - largest);
  if (!std::isfinite(sum)) throw NumericError("classify: the network's answer is not finite");
  for (int64_t c = 0; c < std::ssize(logits); ++c)
    all.push_back({c, std::exp(logits[static_cast<size_t>(c)] - largest) / sum});
  std::stable_sort(all.begin(), all.end(),
                   [](const Guess& a, const Guess& b) { return a.probability > b.probability; });
  all.resize(static_cast<size_t>(std::min(top, std::ssize(all))));
  return all;
}

std::vector<std::vector<Guess>> classified(const Tensor& images, const NamedNetwork& n, int64_t top) {
  const NoGradient inference;
  std::vector<std::vector<Guess>> all;
  for (int64_t first = 0; first < images.shape()[0]; first += kBatch) {
    check_interrupted();
    const int64_t count = std::min(kBatch, images.shape()[0] - first);
    const Tensor logits = n.network->call(Variable(images.narrow(0, first, count).contiguous())).value();
    const int64_t classes = logits.shape()[1];
    if (classes != std::ssize(n.images.classes))
      throw FormatError(fmt::format("{}: the network knows {} classes, {} has {}", visible(n.weights), classes,
                                    visible(n.data), n.images.classes.size()));
    const std::vector<float> values = logits.to_vector<float>();
    for (int64_t i = 0; i < count; ++i)
      all.push_back(
          guesses_of(std::span(values).subspan(static_cast<size_t>(i * classes), static_cast<size_t>(classes)), top));
  }
  return all;
}

void show(const Options& o, const NamedNetwork& n, const std::vector<std::vector<Guess>>& all, Console& console) {
  Json json{{"model", n.model}, {"weights", n.weights}, {"data", n.data}, {"images", Json::array()}};
  for (size_t i = 0; i < all.size(); ++i) {
    Json guesses = Json::array();
    std::string line = visible(o.pictures[i]) + ":";
    for (const Guess& g : all[i]) {
      const std::string& name = n.images.classes[static_cast<size_t>(g.label)];
      line += fmt::format("  {} {:.2f} %", visible(name), 100 * g.probability);
      guesses.push_back({{"class", g.label}, {"name", name}, {"probability", g.probability}});
    }
    console.result(line);
    json["images"].push_back({{"image", o.pictures[i]}, {"top", std::move(guesses)}});
  }
  if (console.json()) console.document(json.dump(2, ' ', false, Json::error_handler_t::replace));
}

void classify(const Options& o) {
  apply(o.common);
  check_at_least("--top", o.top, 1);
  if (o.fit != "crop" && o.fit != "stretch")
    throw ArgumentError("--fit takes crop or stretch, not \"" + visible(o.fit) + "\"");
  Console console(o.common.console);
  const NamedNetwork n = open_network(o.network);
  const Tensor images = images_of(o, n.images);
  show(o, n, classified(images, n, o.top), console);
}

}  // namespace

void add_classify(CLI::App& program, Action& action) {
  auto o = std::make_shared<Options>();
  CLI::App& c = add_command(program, "classify", "say what is in pictures", o->common, kExamples);
  c.add_option("network", o->network.path, "folder of a run, packed network, or file of weights (then: --model)")
      ->required();
  c.add_option("image", o->pictures, "PNG, JPEG, BMP or PNM")->required();
  c.add_option("-m,--model,-a,--arch", o->network.model, "network; `pith info` lists them");
  c.add_option("-d,--data", o->network.data, "data set that it was trained on: names of classes, normalization");
  c.add_option("--data-root", o->network.data_root, "where data sets lie; default: $PITH_DATA, then ~/.cache/pith");
  c.add_option("--top", o->top, "how many classes a picture")->capture_default_str();
  c.add_option("--fit", o->fit, "other sizes: crop (cover, cut at the middle) or stretch")->capture_default_str();
  c.callback([o, &action] { action = [o] { classify(*o); }; });
}

}  // namespace pith::apps
