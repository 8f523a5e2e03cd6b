#include "nn/mask_section.h"

#include <algorithm>
#include <cstring>

#include "tensor/error.h"
#include "tensor/refusal.h"

namespace pith::nn {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& expected, const std::string& found) {
  throw FormatError(path + ": expected " + expected + ", found " + found);
}

}  // namespace

// The words of a Mask are little-endian, so its bytes hold position i in bit i % 8 of byte i / 8.

Section mask_section(const std::string& name, const Mask& mask) {
  const size_t count = (static_cast<size_t>(mask.numel()) + 7) / 8;
  const auto bytes = std::as_bytes(mask.words()).first(count);
  return {name, "U8", {static_cast<int64_t>(count)}, {bytes.begin(), bytes.end()}};
}

std::shared_ptr<const Mask> mask_from(const Section& section, const Shape& shape, Granularity granularity,
                                      const std::string& path) {
  const size_t numel = static_cast<size_t>(shape.numel()), count = (numel + 7) / 8;
  if (numel == 0 || section.dtype != "U8" || section.bytes.size() != count)
    fail(path, std::to_string(count) + " bytes U8 for " + printable(section.name) + " of shape " + text(shape),
         section.dtype + " " + text(section.shape));
  std::vector<uint64_t> words((numel + 63) / 64);
  std::memcpy(words.data(), section.bytes.data(), count);
  const std::vector<uint64_t> before = words;
  auto mask = std::make_shared<const Mask>(shape, std::move(words), granularity);
  if (!std::equal(before.begin(), before.end(), mask->words().begin()))
    fail(path, "zero bits behind the last position of " + printable(section.name), "others");
  return mask;
}

Granularity granularity_from(const std::string& text, const std::string& path) {
  for (int i = 0; i <= static_cast<int>(Granularity::n_of_m); ++i)
    if (text == name(static_cast<Granularity>(i))) return static_cast<Granularity>(i);
  fail(path, "a granularity of masks", printable(text));
}

}  // namespace pith::nn
