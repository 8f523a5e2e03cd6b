// `pith data list | show NAME | get NAME`: data sets.
#include <fmt/format.h>

#include <cmath>
#include <filesystem>

#include "apps/cli.h"
#include "apps/report.h"
#include "data/data_root.h"
#include "data/dataset.h"
#include "data/fetch.h"

namespace pith::apps {
namespace {

struct Options {
  CommonOptions common;
  std::string name, root, mirror;
};

struct KnownData {
  const char* name;
  const char* folder;  ///< below the data root; "" where nothing is read
  const char* description;
};
constexpr KnownData kKnown[] = {
    {"digits", "", "drawn digits 1 x 28 x 28, 10 classes: no file needed"},
    {"mnist", "mnist", "handwritten digits 1 x 28 x 28, 10 classes (LeCun et al.)"},
    {"fashion-mnist", "fashion-mnist", "clothes 1 x 28 x 28, 10 classes (Xiao et al. 2017)"},
    {"cifar10", "cifar-10", "photographs 3 x 32 x 32, 10 classes (Krizhevsky 2009)"},
    {"wikitext-2", "wikitext-2", "text of Wikipedia for language models (Merity et al. 2016)"},
};

struct Part {
  std::vector<int64_t> per_class;
  std::vector<double> mean, deviation;  ///< per channel, of pixels / 255
};

/// Exact sums of bytes: the same on every machine.
Part statistics(const data::Dataset& set) {
  const Shape& shape = set.image_shape();
  const int64_t channels = shape[0], area = shape[1] * shape[2];
  std::vector<uint64_t> sum(static_cast<size_t>(channels)), squares(static_cast<size_t>(channels));
  Part part;
  part.per_class.resize(set.classes().size());
  for (int64_t i = 0; i < set.size(); ++i) {
    ++part.per_class[set.label(i)];
    const auto pixels = set.pixels(i);
    for (int64_t c = 0; c < channels; ++c) {
      for (const uint64_t v : pixels.subspan(c * area, area)) sum[c] += v, squares[c] += v * v;
    }
  }
  const double n = static_cast<double>(set.size() * area);
  for (int64_t c = 0; c < channels; ++c) {
    const double mean = static_cast<double>(sum[c]) / n;
    part.mean.push_back(mean / 255);
    part.deviation.push_back(std::sqrt(std::max(0.0, static_cast<double>(squares[c]) / n - mean * mean)) / 255);
  }
  return part;
}

Json to_json(const data::Dataset& set, const Part& part) {
  return {{"images", set.size()}, {"per_class", part.per_class}, {"mean", part.mean}, {"deviation", part.deviation}};
}

void print_part(Console& console, const std::string& name, const data::Dataset& set, const Part& part) {
  console.result(fmt::format("{}: {} images, mean {:.4f}, deviation {:.4f}", name, set.size(),
                             fmt::join(part.mean, " "), fmt::join(part.deviation, " ")));
  for (size_t c = 0; c < part.per_class.size(); ++c) {
    console.result(fmt::format("  {:>3}  {:<16}{:>8}", c, set.classes()[c], part.per_class[c]));
  }
}

void show(const Options& o) {
  apply(o.common);
  Console console(o.common.console);
  const data::DataSource source = data::open_data(o.name, o.root);
  const Part train = statistics(*source.train), test = statistics(*source.test);
  console.result(fmt::format("{}: images {}, {} classes; normalised with mean {:.4f}, deviation {:.4f}", source.name,
                             text(source.train->image_shape()), source.train->classes().size(),
                             fmt::join(source.normalization.mean, " "),
                             fmt::join(source.normalization.deviation, " ")));
  print_part(console, "train", *source.train, train);
  print_part(console, "test", *source.test, test);
  if (!console.json()) return;
  const Shape& s = source.train->image_shape();
  console.document(
      Json{{"name", source.name},
           {"image", {s[0], s[1], s[2]}},
           {"classes", source.train->classes()},
           {"normalization", {{"mean", source.normalization.mean}, {"deviation", source.normalization.deviation}}},
           {"train", to_json(*source.train, train)},
           {"test", to_json(*source.test, test)}}
          .dump(2));
}

void list(const Options& o) {
  apply(o.common);
  Console console(o.common.console);
  const std::string root = data::data_root(o.root);
  Json json = Json::array();
  for (const KnownData& d : kKnown) {
    const bool here = *d.folder == '\0' || std::filesystem::is_directory(root + "/" + d.folder);
    console.result(fmt::format("{:<15}{:<8}{}", d.name, here ? "here" : "-", d.description));
    json.push_back({{"name", d.name}, {"here", here}, {"description", d.description}});
  }
  console.result(fmt::format("\nData root: {}. A folder of class folders of pictures is a data set too.", root));
  if (console.json()) console.document(Json{{"root", root}, {"data", json}}.dump(2));
}

void get(const Options& o) {
  apply(o.common);
  Console console(o.common.console);
  data::FetchOptions fetch;
  fetch.mirror = o.mirror;
  fetch.say = [&console](const std::string& line) { console.note(line); };
  data::get(o.name, o.root, fetch);
  const std::string root = data::data_root(o.root);
  console.result(fmt::format("{} is complete below {}", o.name, root));
  if (console.json()) console.document(Json{{"name", o.name}, {"root", root}}.dump(2));
}

}  // namespace

void add_data(CLI::App& program, Action& action) {
  CLI::App& data = *program.add_subcommand("data", "list, show and fetch data sets");
  data.require_subcommand(1);
  auto o = std::make_shared<Options>();
  const auto add = [&](const char* name, const char* description, const char* examples, void (*run)(const Options&)) {
    CLI::App& command = add_command(data, name, description, o->common, examples);
    command.add_option("--data-root", o->root, "where data sets lie; default: $PITH_DATA, then ~/.cache/pith");
    command.callback([o, run, &action] { action = [o, run] { run(*o); }; });
    return &command;
  };
  add("list", "the data sets known by name, and which are here", "Example:\n  pith data list", list);
  add("show", "count classes, mean and deviation", "Examples:\n  pith data show digits\n  pith data show mnist --json",
      show)
      ->add_option("name", o->name, "data set or folder")
      ->required();
  CLI::App* got = add("get", "download a data set and check its sums", "Example:\n  pith data get mnist", get);
  got->add_option("name", o->name, "mnist, fashion-mnist or cifar10")->required();
  got->add_option("--mirror", o->mirror, "URL of a folder with the files, instead of the publishers");
}

}  // namespace pith::apps
