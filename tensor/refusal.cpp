#include "tensor/refusal.h"

#include "tensor/error.h"

namespace pith {

std::string printable(std::string_view name) {
  constexpr size_t kLongest = 100;
  constexpr char kHex[] = "0123456789abcdef";
  std::string out = "'";
  for (const char c : name.substr(0, kLongest)) {
    const unsigned char byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '\'' && c != '\\')
      out += c;
    else
      out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
  }
  return out + (name.size() > kLongest ? "...'" : "'");
}

void refuse(const std::string& file, size_t offset, const std::string& expected, const std::string& found) {
  throw FormatError(file + ": byte " + std::to_string(offset) + ": expected " + expected + ", found " + found);
}

}  // namespace pith
