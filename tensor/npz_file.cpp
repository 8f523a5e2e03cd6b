#include "tensor/npz_file.h"

#include "tensor/atomic_file.h"
#include "tensor/error.h"
#include "tensor/refusal.h"
#include "tensor/zip_file.h"

namespace pith {
namespace {

constexpr std::string_view kSuffix = ".npy";

Container read(ZipReader& zip, const std::string& path) {
  Container container;
  for (const std::string& member : zip.names()) {
    const std::string where = path + " (" + printable(member) + ")";
    if (!member.ends_with(kSuffix)) throw FormatError(where + ": expected only members that end with .npy");
    container.sections.push_back(parse_npy(zip.read(member), member.substr(0, member.size() - kSuffix.size()), where));
  }
  return container;
}

}  // namespace

Container read_npz(const std::string& path) {
  ZipReader zip(path);
  return read(zip, path);
}

Container parse_npz(std::span<const std::byte> bytes, const std::string& path) {
  ZipReader zip(bytes, path);
  return read(zip, path);
}

void write_npz(const std::string& path, const Container& container) {
  std::vector<ZipMember> members;
  for (const Section& s : container.sections) members.push_back({s.name + std::string(kSuffix), npy_bytes(s)});
  write_file_atomically(path, zip_bytes(members));
}

}  // namespace pith
