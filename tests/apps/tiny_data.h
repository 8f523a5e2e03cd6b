// A data set small enough to train on in a second: drawn digits, written as the idx files of MNIST.
#pragma once

#include <string>
#include <vector>

#include "data/digits.h"
#include "tests/support/files.h"

namespace pith::test {

inline void put_big_endian(std::string& out, uint32_t value) {
  for (const int shift : {24, 16, 8, 0}) out.push_back(static_cast<char>(value >> shift));
}

/// Images and labels of `set` as idx files.
inline void write_idx(const data::Dataset& set, const std::string& images_path, const std::string& labels_path) {
  std::string images, labels;
  put_big_endian(images, 2051);
  put_big_endian(labels, 2049);
  for (std::string* file : {&images, &labels}) put_big_endian(*file, static_cast<uint32_t>(set.size()));
  put_big_endian(images, 28);
  put_big_endian(images, 28);
  for (int64_t i = 0; i < set.size(); ++i) {
    const auto pixels = set.pixels(i);
    images.append(reinterpret_cast<const char*>(pixels.data()), pixels.size());
    labels.push_back(static_cast<char>(set.label(i)));
  }
  write_text(images_path, images);
  write_text(labels_path, labels);
}

/// A data root whose "mnist" is `train` + `test` drawn digits.
inline std::string tiny_mnist(const TemporaryDirectory& folder, int64_t train = 200, int64_t test = 50) {
  write_idx(*data::draw_digits(0, train, 7), folder.file("data/mnist/train-images-idx3-ubyte"),
            folder.file("data/mnist/train-labels-idx1-ubyte"));
  write_idx(*data::draw_digits(train, test, 7), folder.file("data/mnist/t10k-images-idx3-ubyte"),
            folder.file("data/mnist/t10k-labels-idx1-ubyte"));
  return folder.path() + "/data";
}

/// Arguments of a short run of LeNet-5 on it, into `run`.
inline std::vector<std::string> tiny_training(const std::string& root, const std::string& run,
                                              const std::vector<std::string>& more = {}) {
  std::vector<std::string> a = {"train",    "--model", "lenet5",       "--data", "mnist",     "--data-root", root,
                                "--out",    run,       "--lr",         "0.02",   "--quiet",   "--seed",      "3",
                                "--epochs", "2",       "--batch-size", "32",     "--augment", "crop4"};
  a.insert(a.end(), more.begin(), more.end());
  return a;
}

}  // namespace pith::test
