#include "tensor/pth_file.h"

#include <algorithm>
#include <unordered_set>

#include "tensor/error.h"
#include "tensor/pickle_machine.h"
#include "tensor/refusal.h"
#include "tensor/strided_bytes.h"
#include "tensor/zip_file.h"

namespace pith {
namespace {

using Kind = PickleValue::Kind;

constexpr std::string_view kPickle = "data.pkl";

/// "archive/": what stands before "data.pkl".
std::string prefix_of(const ZipReader& zip, const std::string& path) {
  const std::string* found = nullptr;
  for (const std::string& name : zip.names()) {
    const size_t slash = name.find('/');
    if (slash == std::string::npos || name.substr(slash + 1) != kPickle) continue;
    if (found != nullptr) throw FormatError(path + ": expected one FOLDER/data.pkl, found two");
    found = &name;
  }
  if (found == nullptr)
    throw FormatError(path + ": expected a member FOLDER/data.pkl as torch.save writes it, found none");
  return found->substr(0, found->size() - kPickle.size());
}

void check_byte_order(ZipReader& zip, const std::string& prefix, const std::string& path) {
  const std::string name = prefix + "byteorder";
  if (!zip.has(name)) return;  // torch before 2.1 does not say; it is the writer's machine, little-endian nearly always
  const std::vector<std::byte> order = zip.read(name);
  const std::string text(reinterpret_cast<const char*>(order.data()), order.size());
  if (text != "little") throw FormatError(path + ": expected the byte order 'little', found " + printable(text));
}

/// Makes sections of the tensors of one dictionary. Keeps the last storage, since views of one lie side by side.
class TensorReader {
 public:
  TensorReader(ZipReader& zip, const Pickle& pickle, std::string prefix, const std::string& path)
      : zip_(zip), pickle_(pickle), prefix_(std::move(prefix)), path_(path) {}

  Section read(const std::string& name, const PickleValue& tensor) {
    const PickleValue& storage = pickle_[tensor.items[0]];
    StridedLayout layout{{}, integers(tensor.items[3]), pickle_[tensor.items[1]].integer};
    try {
      layout.shape = Shape(integers(tensor.items[2]));
      const size_t element = static_cast<size_t>(bits_of(storage.dtype)) / 8;
      zip_.spend(section_bytes(storage.dtype, layout.shape), "tensor " + printable(name));
      return {name, storage.dtype, layout.shape, gathered(bytes_of(storage, element), element, layout)};
    } catch (const ShapeError& error) {
      throw FormatError(path_ + ": tensor " + printable(name) + ": expected a tensor within its storage, found " +
                        error.what());
    }
  }

 private:
  std::vector<int64_t> integers(uint32_t tuple) const {
    std::vector<int64_t> out;
    for (const uint32_t item : pickle_[tuple].items) out.push_back(pickle_[item].integer);
    return out;
  }
  const std::vector<std::byte>& bytes_of(const PickleValue& storage, size_t element) {
    if (storage.text != key_ || bytes_.empty()) bytes_ = zip_.read(prefix_ + "data/" + storage.text);
    key_ = storage.text;
    if (bytes_.size() != static_cast<size_t>(checked_mul(storage.integer, static_cast<int64_t>(element))))
      throw FormatError(path_ + ": storage " + printable(key_) + ": expected " + std::to_string(storage.integer) +
                        " elements of " + storage.dtype + ", found " + std::to_string(bytes_.size()) + " bytes");
    return bytes_;
  }

  ZipReader& zip_;
  const Pickle& pickle_;
  std::string prefix_;
  const std::string& path_;
  std::string key_;
  std::vector<std::byte> bytes_;
};

const PickleValue& state_dictionary(const Pickle& pickle, const std::string& path) {
  const PickleValue& root = pickle[pickle.root];
  if (root.kind != Kind::dictionary)
    throw FormatError(path + ": expected a state dictionary, found " + std::string(kind_name(root.kind)));
  const PickleValue* nested = pickle.find(root, "state_dict");
  return nested != nullptr && nested->kind == Kind::dictionary ? *nested : root;
}

Container read(ZipReader& zip, const std::string& path) {
  const std::string prefix = prefix_of(zip, path);
  check_byte_order(zip, prefix, path);
  const Pickle pickle =
      run_pickle(zip.read(prefix + std::string(kPickle)), path + " (" + printable(prefix + "data.pkl") + ")");
  const PickleValue& dictionary = state_dictionary(pickle, path);
  TensorReader tensors(zip, pickle, prefix, path);
  Container container;
  std::unordered_set<std::string> names;
  for (size_t i = 0; i < dictionary.items.size(); i += 2) {
    const PickleValue &key = pickle[dictionary.items[i]], &value = pickle[dictionary.items[i + 1]];
    if (key.kind != Kind::text)
      throw FormatError(path + ": expected names as keys of the state dictionary, found " +
                        std::string(kind_name(key.kind)));
    if (!names.insert(key.text).second) throw FormatError(path + ": found the name " + printable(key.text) + " twice");
    if (value.kind != Kind::tensor)
      throw FormatError(path + ": expected a tensor under " + printable(key.text) + ", found " +
                        std::string(kind_name(value.kind)) + "; save model.state_dict() alone, or under 'state_dict'");
    container.sections.push_back(tensors.read(key.text, value));
  }
  return container;
}

}  // namespace

Container read_pth(const std::string& path) {
  ZipReader zip(path);
  return read(zip, path);
}

Container parse_pth(std::span<const std::byte> bytes, const std::string& path) {
  ZipReader zip(bytes, path);
  return read(zip, path);
}

}  // namespace pith
