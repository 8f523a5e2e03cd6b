#include "data/tar_file.h"

#include <algorithm>
#include <string_view>

#include "tensor/error.h"

namespace pith::data {
namespace {

constexpr size_t kBlock = 512;

/// A header block; offsets and lengths are those of POSIX ustar.
class Header {
 public:
  Header(std::span<const uint8_t> block, size_t offset, const std::string& path)
      : block_(block), offset_(offset), path_(path) {
    uint64_t sum = 0;  // the check sum field itself counts as eight blanks
    for (size_t i = 0; i < kBlock; ++i) sum += i >= 148 && i < 156 ? ' ' : block[i];
    if (sum != octal(148, 8)) refuse("the check sum of the header is wrong");
  }
  std::string name() const {
    const std::string prefix = is_ustar() ? std::string(field(345, 155)) : "";
    return prefix.empty() ? std::string(field(0, 100)) : prefix + "/" + std::string(field(0, 100));
  }
  uint64_t size() const { return octal(124, 12); }
  bool is_regular() const { return block_[156] == '0' || block_[156] == 0; }

 private:
  bool is_ustar() const { return field(257, 5) == "ustar"; }
  /// A field up to its first zero byte.
  std::string_view field(size_t at, size_t length) const {
    const auto* begin = reinterpret_cast<const char*>(block_.data() + at);
    return {begin, static_cast<size_t>(std::find(begin, begin + length, '\0') - begin)};
  }
  uint64_t octal(size_t at, size_t length) const {
    std::string_view digits = field(at, length);
    digits.remove_prefix(std::min(digits.find_first_not_of(' '), digits.size()));
    digits = digits.substr(0, digits.find(' '));
    if (digits.empty() || digits.find_first_not_of("01234567") != digits.npos) refuse("a number is not octal");
    uint64_t value = 0;
    for (const char d : digits) value = value * 8 + static_cast<uint64_t>(d - '0');
    return value;
  }
  [[noreturn]] void refuse(const std::string& what) const {
    throw FormatError(path_ + ": is not a tar archive at byte " + std::to_string(offset_) + ": " + what);
  }

  std::span<const uint8_t> block_;
  size_t offset_;
  const std::string& path_;
};

bool is_zero(std::span<const uint8_t> block) {
  return std::all_of(block.begin(), block.end(), [](uint8_t b) { return b == 0; });
}

}  // namespace

std::span<const uint8_t> tar_member(std::span<const uint8_t> archive, const std::string& name,
                                    const std::string& path) {
  for (size_t at = 0; at < archive.size();) {
    if (archive.size() - at < kBlock)
      throw FormatError(path + ": the tar archive is cut short in a header at byte " + std::to_string(at));
    const std::span<const uint8_t> block = archive.subspan(at, kBlock);
    if (is_zero(block)) break;  // the end of the archive
    const Header header(block, at, path);
    const uint64_t size = header.size();
    at += kBlock;
    if (size > archive.size() - at)
      throw FormatError(path + ": the tar archive is cut short, " + header.name() + " at byte " + std::to_string(at) +
                        " wants " + std::to_string(size) + " bytes, found " + std::to_string(archive.size() - at));
    if (header.is_regular() && header.name() == name) return archive.subspan(at, size);
    at += std::min<size_t>((size + kBlock - 1) / kBlock * kBlock, archive.size() - at);
  }
  throw FormatError(path + ": the tar archive holds no file " + name);
}

}  // namespace pith::data
