#include "data/fetch.h"

#include <filesystem>
#include <span>
#include <utility>
#include <vector>

#include "data/data_root.h"
#include "data/download.h"
#include "data/gzip_file.h"
#include "data/md5.h"
#include "data/tar_file.h"
#include "tensor/atomic_file.h"
#include "tensor/error.h"

namespace pith::data {
namespace {

namespace fs = std::filesystem;
constexpr size_t kMaxBytes = size_t{1} << 28;  // the largest archive has 170 MB, and 184 MB when inflated

struct KnownFile {
  std::string name, md5;
};

/// A data set at its publishers: files one by one, or all in one archive, in its folder `inside`.
struct KnownSet {
  std::string folder;
  std::vector<KnownFile> files;
  std::vector<std::string> servers;
  std::string archive, inside;
};

KnownSet mnist() {
  return {"mnist",
          {{"train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"},
           {"train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"},
           {"t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"},
           {"t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"}},
          {"https://ossci-datasets.s3.amazonaws.com/mnist", "https://storage.googleapis.com/cvdf-datasets/mnist"},
          "",
          ""};
}

KnownSet fashion_mnist() {
  return {"fashion-mnist",
          {{"train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"},
           {"train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"},
           {"t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"},
           {"t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"}},
          {"http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"},
          "",
          ""};
}

KnownSet cifar10() {
  return {"cifar-10",
          {{"data_batch_1.bin", "5dd7e06a14cb22eb9f671a540d1b7c25"},
           {"data_batch_2.bin", "5ea93a67294ea407fff1d09f752e9692"},
           {"data_batch_3.bin", "942cd6a4bcdd0dd3c604fbe906cb4421"},
           {"data_batch_4.bin", "ae636b3ba5c66a11e91e8cb52e771fcb"},
           {"data_batch_5.bin", "53f37980c15c3d472c316c40844f3f0d"},
           {"test_batch.bin", "803d5f7f4d78ea53de84dbe85f74fb6d"}},
          {"https://www.cs.toronto.edu/~kriz"},
          "cifar-10-binary.tar.gz",
          "cifar-10-batches-bin"};
}

KnownSet known_set(const std::string& name) {
  if (name == "mnist") return mnist();
  if (name == "fashion-mnist") return fashion_mnist();
  if (name == "cifar10") return cifar10();
  throw ArgumentError("data get: '" + name + "' is none of mnist, fashion-mnist, cifar10" +
                      (name == "digits" ? " (digits are drawn, they need no files)" : ""));
}

class Fetcher {
 public:
  Fetcher(KnownSet set, fs::path folder, const FetchOptions& options)
      : set_(std::move(set)), folder_(std::move(folder)), options_(options) {
    if (!options.mirror.empty()) set_.servers = {options.mirror};
  }

  void run() {
    std::vector<KnownFile> missing;
    for (const KnownFile& file : set_.files)
      if (!is_here(file)) missing.push_back(file);
    if (missing.empty()) return;
    std::error_code error;
    fs::create_directories(folder_, error);
    if (error) throw IoError(folder_.string() + ": cannot make the folder: " + error.message());
    if (set_.archive.empty()) {
      for (const KnownFile& file : missing) put(file, download_checked(file));
    } else {
      unpack(download_checked({set_.archive, ""}), missing);
    }
  }

 private:
  void say(const std::string& line) const {
    if (options_.say) options_.say(line);
  }

  bool is_here(const KnownFile& file) const {
    const fs::path path = folder_ / file.name;
    if (!fs::exists(path)) return is_here_in_another_form(path);
    const std::string found = md5(read_file(path.string(), kMaxBytes));
    if (found != file.md5)
      throw FormatError(path.string() + ": is already there with other content (md5 " + found + ", expected " +
                        file.md5 + "); move it away and try again");
    say(path.string() + ": already there, check sum right");
    return true;
  }

  /// The forms that open_data reads as well: inflated, compressed, or a CIFAR-10 sheet.
  bool is_here_in_another_form(const fs::path& path) const {
    fs::path inflated = path, compressed = path, sheet = path;
    compressed += ".gz";
    if (path.extension() == ".gz") inflated.replace_extension();
    if (path.extension() == ".bin") sheet.replace_extension(".png");
    for (const fs::path& other : {inflated, compressed, sheet}) {
      if (!fs::exists(other)) continue;
      say(other.string() + ": already there, in a form without a published check sum");
      return true;
    }
    return false;
  }

  std::vector<std::byte> download_checked(const KnownFile& file) const {
    std::string reasons;
    for (const std::string& server : set_.servers) {
      const std::string url = server + "/" + file.name;
      say("fetching " + url);
      try {
        std::vector<std::byte> bytes = download(url, kMaxBytes);
        check(bytes, file, url);
        return bytes;
      } catch (const FormatError&) {
        if (&server == &set_.servers.back()) throw;
      } catch (const IoError& e) {
        reasons += (reasons.empty() ? "" : "; ") + std::string(e.what());
      }
    }
    throw IoError("data get: " + file.name + " could not be fetched: " + reasons + ". Without a network, put it into " +
                  folder_.string() + " by hand" + (set_.archive.empty() ? "" : " and unpack it there") +
                  "; its md5 is " + file.md5);
  }

  /// An archive has no check sum of its own here; the files in it do, and gzip's finds damage on the way.
  static void check(std::span<const std::byte> bytes, const KnownFile& file, const std::string& origin) {
    if (file.md5.empty()) return;
    if (const std::string found = md5(bytes); found != file.md5)
      throw FormatError(origin + ": has md5 " + found + ", its publisher says " + file.md5 + "; nothing was written");
  }

  void put(const KnownFile& file, std::span<const std::byte> bytes) const {
    const std::string path = (folder_ / file.name).string();
    write_file_atomically(path, bytes);
    say(path + ": " + std::to_string(bytes.size()) + " bytes, check sum right");
  }

  void unpack(std::span<const std::byte> packed, const std::vector<KnownFile>& wanted) const {
    const std::vector<uint8_t> archive = inflate_gzip(packed, kMaxBytes, set_.archive);
    for (const KnownFile& file : wanted) {
      const auto bytes = std::as_bytes(tar_member(archive, set_.inside + "/" + file.name, set_.archive));
      check(bytes, file, set_.archive);
      put(file, bytes);
    }
  }

  KnownSet set_;
  fs::path folder_;
  const FetchOptions& options_;
};

}  // namespace

void get(const std::string& name, const std::string& root, const FetchOptions& options) {
  KnownSet set = known_set(name);
  const fs::path folder = fs::path(data_root(root)) / set.folder;
  Fetcher(std::move(set), folder, options).run();
}

}  // namespace pith::data
