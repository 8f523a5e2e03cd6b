#include "data/dataset.h"

#include <cmath>
#include <filesystem>
#include <utility>

#include "data/cifar_file.h"
#include "data/data_root.h"
#include "data/digits.h"
#include "data/idx_file.h"
#include "data/image_folder.h"
#include "tensor/error.h"
#include "tensor/random.h"

namespace pith::data {
namespace {

namespace fs = std::filesystem;

class Subset : public Dataset {
 public:
  Subset(std::shared_ptr<const Dataset> of, std::vector<int64_t> indices)
      : of_(std::move(of)), indices_(std::move(indices)) {}
  int64_t size() const override { return static_cast<int64_t>(indices_.size()); }
  const Shape& image_shape() const override { return of_->image_shape(); }
  const std::vector<std::string>& classes() const override { return of_->classes(); }
  std::span<const uint8_t> pixels(int64_t i) const override { return of_->pixels(indices_[static_cast<size_t>(i)]); }
  int32_t label(int64_t i) const override { return of_->label(indices_[static_cast<size_t>(i)]); }

 private:
  std::shared_ptr<const Dataset> of_;
  std::vector<int64_t> indices_;
};

/// `base` or base.gz, whichever is there.
std::string idx_path(const fs::path& folder, const std::string& base, const std::string& name) {
  for (const fs::path& p : {folder / base, folder / (base + ".gz")})
    if (fs::exists(p)) return p.string();
  throw IoError((folder / base).string() + ": no such file (nor .gz); `pith data get " + name +
                "` fetches it, or set PITH_DATA to the folder that holds " + name + "/");
}

std::shared_ptr<const Dataset> idx_part(const fs::path& folder, const std::string& part, const std::string& name,
                                        const std::vector<std::string>& classes) {
  return read_idx_dataset(idx_path(folder, part + "-images-idx3-ubyte", name),
                          idx_path(folder, part + "-labels-idx1-ubyte", name), classes);
}

DataSource open_idx(const fs::path& folder, const std::string& name, const std::vector<std::string>& classes,
                    const Normalization& normalization) {
  return {idx_part(folder, "train", name, classes), idx_part(folder, "t10k", name, classes), normalization, name};
}

/// A folder with train/ and test/ (or val/) beside each other, or class folders alone, of which a fifth is split off.
DataSource open_folder(const fs::path& folder) {
  const Normalization half{{0.5f, 0.5f, 0.5f}, {0.5f, 0.5f, 0.5f}};
  const fs::path train = folder / "train";
  for (const fs::path& test : {folder / "test", folder / "val"}) {
    if (!fs::is_directory(train) || !fs::is_directory(test)) continue;
    auto trained_on = read_image_folder(train.string());
    const Shape& s = trained_on->image_shape();
    auto tested_with = read_image_folder(test.string(), {.height = s[1], .width = s[2]});
    if (tested_with->classes() != trained_on->classes())
      throw FormatError(test.string() + ": its class folders are not those of " + train.string());
    return {trained_on, tested_with, half, folder.string()};
  }
  const Split parts = split(read_image_folder(folder.string()), 0.2, 0);
  return {parts.train, parts.validation, half, folder.string()};
}

}  // namespace

DataDescription describe_data(const std::string& name, const std::string& root) {
  const std::vector<std::string> numbers{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
  if (name == "mnist") return {numbers, {{0.1307f}, {0.3081f}}, {1, 28, 28}};
  if (name == "fashion-mnist") {
    return {{"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"},
            {{0.2860f}, {0.3530f}},
            {1, 28, 28}};
  }
  if (name == "cifar10") return {cifar10_classes(), {{0.5f, 0.5f, 0.5f}, {0.5f, 0.5f, 0.5f}}, {3, 32, 32}};
  if (name == "digits") return {numbers, {{0.2203f}, {0.2272f}}, {1, 28, 28}};
  const DataSource source = open_data(name, root);
  return {source.train->classes(), source.normalization, source.train->image_shape()};
}

DataSource open_data(const std::string& name, const std::string& root) {
  if (name == "digits") return digits();
  const fs::path base = data_root(root);
  if (name == "mnist" || name == "fashion-mnist") {
    const DataDescription d = describe_data(name);
    return open_idx(base / name, name, d.classes, d.normalization);
  }
  if (name == "cifar10") {
    const std::string folder = (base / "cifar-10").string();
    return {read_cifar10_train(folder), read_cifar10_test(folder), describe_data(name).normalization, name};
  }
  if (!name.empty() && fs::is_directory(name)) return open_folder(name);
  throw ArgumentError("data: '" + name + "' is neither mnist, fashion-mnist, cifar10, digits nor a folder of pictures");
}

std::shared_ptr<const Dataset> subset(std::shared_ptr<const Dataset> of, std::vector<int64_t> indices) {
  for (const int64_t i : indices)
    if (i < 0 || i >= of->size())
      throw ArgumentError("subset: index " + std::to_string(i) + " does not lie in a data set of " +
                          std::to_string(of->size()) + " images");
  return std::make_shared<Subset>(std::move(of), std::move(indices));
}

Split split(std::shared_ptr<const Dataset> of, double fraction, uint64_t seed) {
  if (!(fraction > 0 && fraction < 1))
    throw ArgumentError("split: a fraction of " + std::to_string(fraction) + " does not lie between 0 and 1");
  std::vector<std::vector<int64_t>> of_class(of->classes().size());
  for (int64_t i = 0; i < of->size(); ++i) of_class[static_cast<size_t>(of->label(i))].push_back(i);
  std::vector<bool> chosen(static_cast<size_t>(of->size()));
  for (size_t c = 0; c < of_class.size(); ++c) {
    const int64_t n = static_cast<int64_t>(of_class[c].size());
    const auto order = permutation(n, {.seed = seed, .purpose = Purpose::split, .item = c});
    const int64_t taken = std::llround(fraction * static_cast<double>(n));
    for (int64_t k = 0; k < taken; ++k)
      chosen[static_cast<size_t>(of_class[c][static_cast<size_t>(order[static_cast<size_t>(k)])])] = true;
  }
  std::vector<int64_t> kept, taken;
  for (int64_t i = 0; i < of->size(); ++i) (chosen[static_cast<size_t>(i)] ? taken : kept).push_back(i);
  if (kept.empty() || taken.empty())
    throw ArgumentError("split: " + std::to_string(of->size()) + " images cannot be split at " +
                        std::to_string(fraction) + " with images on both sides");
  return {subset(of, std::move(kept)), subset(of, std::move(taken))};
}

}  // namespace pith::data
