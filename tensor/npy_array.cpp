// The .npy format: magic, version, a Python dictionary literal, the elements.
#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include "tensor/error.h"
#include "tensor/npz_file.h"
#include "tensor/refusal.h"
#include "tensor/strided_bytes.h"

namespace pith {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr size_t kPreamble = 8, kAlignment = 64, kLongestHeader = 1 << 16;

constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
    {"<f4", "F32"}, {"<f8", "F64"}, {"<f2", "F16"}, {"<i4", "I32"},
    {"<i8", "I64"}, {"|i1", "I8"},  {"|u1", "U8"},  {"|b1", "BOOL"},
};

struct ArrayHeader {
  std::string dtype;
  bool is_fortran = false;
  Shape shape;
};

/// Reads the literal "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }" and nothing more of Python.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& file, size_t offset)
      : text_(text), file_(file), offset_(offset) {}

  ArrayHeader parse() {
    std::optional<std::string> dtype;
    std::optional<bool> fortran;
    std::optional<Shape> shape;
    want('{');
    while (!accept('}')) {
      const std::string key = string();
      want(':');
      if (key == "descr" && !dtype)
        dtype = type();
      else if (key == "fortran_order" && !fortran)
        fortran = boolean();
      else if (key == "shape" && !shape)
        shape = tuple();
      else
        fail("descr, fortran_order and shape, once each", printable(key));
      if (!accept(',') && peek() != '}') fail("',' or '}'", found());
    }
    if (peek() != '\0') fail("only spaces behind the dictionary", found());
    if (!dtype || !fortran || !shape) fail("descr, fortran_order and shape, once each", "fewer");
    return {*dtype, *fortran, *shape};
  }

 private:
  [[noreturn]] void fail(const std::string& expected, const std::string& what) const {
    refuse(file_, offset_ + at_, expected, what);
  }
  std::string found() { return peek() == '\0' ? "the end of the header" : printable(text_.substr(at_, 1)); }
  /// The next character that is no space, or NUL at the end (a NUL inside the text is refused before).
  char peek() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool accept(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void want(char c) {
    if (!accept(c)) fail(std::string("'") + c + "'", found());
  }
  std::string string() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') fail("a string in quotes", found());
    const size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) fail("the end of a string", "the end of the header");
    const std::string out(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return out;
  }
  std::string type() {
    if (peek() == '[') fail("a plain element type", "a record");
    const std::string descr = string();
    for (const auto& [numpy, ours] : kTypes)
      if (descr == numpy) return std::string(ours);
    const bool is_object = descr.find('O') != std::string::npos;
    fail("an element type of <f4 <f8 <f2 <i4 <i8 |i1 |u1 |b1",
         printable(descr) + (is_object ? ", objects, which only a program can read" : ""));
  }
  bool boolean() {
    peek();
    for (const bool value : {false, true}) {
      const std::string_view word = value ? "True" : "False";
      if (!text_.substr(at_).starts_with(word)) continue;
      at_ += word.size();
      return value;
    }
    fail("True or False", found());
  }
  Shape tuple() {
    std::vector<int64_t> extents;
    want('(');
    while (!accept(')')) {
      extents.push_back(number());
      const bool comma = accept(',');
      if (!comma && (extents.size() == 1 || peek() != ')')) fail("','", found());
    }
    try {
      return Shape(extents);
    } catch (const ShapeError& error) {
      fail("a shape that a Tensor can have", error.what());
    }
  }
  int64_t number() {
    if (peek() < '0' || peek() > '9') fail("a whole number from 0 on", found());
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error != std::errc()) fail("a number within 63 bits", "a larger one");
    at_ = static_cast<size_t>(end - text_.data());
    return value;
  }

  std::string_view text_;
  const std::string& file_;
  size_t offset_, at_ = 0;
};

/// Where the header text begins and ends.
std::pair<size_t, size_t> header_extent(std::span<const std::byte> bytes, const std::string& file) {
  if (bytes.size() < kPreamble || std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0)
    refuse(file, 0, "\\x93NUMPY and a version", "something else");
  const int major = std::to_integer<int>(bytes[6]), minor = std::to_integer<int>(bytes[7]);
  if (major < 1 || major > 3 || minor != 0)
    refuse(file, 6, "version 1.0, 2.0 or 3.0", std::to_string(major) + "." + std::to_string(minor));
  const size_t width = major == 1 ? 2 : 4, begin = kPreamble + width;
  if (bytes.size() < begin) refuse(file, kPreamble, "the length of the header", "the end of the file");
  size_t length = 0;
  for (size_t i = 0; i < width; ++i) length |= std::to_integer<size_t>(bytes[kPreamble + i]) << (8 * i);
  if (length > kLongestHeader || length > bytes.size() - begin)
    refuse(file, kPreamble, "a header within the file of " + std::to_string(bytes.size()) + " bytes and 65536",
           "one of " + std::to_string(length));
  return {begin, begin + length};
}

size_t needed_bytes(const ArrayHeader& header, const std::string& file, size_t begin) {
  try {
    return section_bytes(header.dtype, header.shape);
  } catch (const ShapeError& error) {
    refuse(file, begin, "a shape that a Tensor can have", error.what());
  }
}

}  // namespace

Section parse_npy(std::span<const std::byte> bytes, const std::string& name, const std::string& file) {
  const auto [begin, end] = header_extent(bytes, file);
  const std::string_view literal(reinterpret_cast<const char*>(bytes.data()) + begin, end - begin);
  if (const size_t nul = literal.find('\0'); nul != std::string_view::npos) refuse(file, begin + nul, "text", "NUL");
  if (!literal.ends_with('\n')) refuse(file, end, "a line end behind the header", "none");
  const ArrayHeader header = HeaderParser(literal, file, begin).parse();
  const std::span<const std::byte> elements = bytes.subspan(end);
  if (const size_t need = needed_bytes(header, file, begin); need != elements.size())
    refuse(file, end, std::to_string(need) + " bytes of " + header.dtype + " " + text(header.shape),
           std::to_string(elements.size()));
  const size_t element = static_cast<size_t>(bits_of(header.dtype)) / 8;
  if (header.is_fortran)
    return {name, header.dtype, header.shape,
            gathered(elements, element, {header.shape, column_major_strides(header.shape), 0})};
  return {name, header.dtype, header.shape, {elements.begin(), elements.end()}};
}

std::vector<std::byte> npy_bytes(const Section& section) {
  std::string_view descr;
  for (const auto& [numpy, ours] : kTypes)
    if (section.dtype == ours) descr = numpy;
  if (descr.empty())
    throw FormatError("npy: section " + printable(section.name) + " has type " + section.dtype +
                      ", which NumPy files here do not hold");
  if (section.bytes.size() != section_bytes(section.dtype, section.shape))
    throw FormatError("npy: section " + printable(section.name) + ": its bytes do not fill " + text(section.shape));
  std::string shape = "(";
  for (const int64_t extent : section.shape.extents()) shape += std::to_string(extent) + ",";
  std::string header(kMagic);
  header.append({'\1', '\0', '\0', '\0'});
  header.append("{'descr': '")
      .append(descr)
      .append("', 'fortran_order': False, 'shape': ")
      .append(shape)
      .append("), }");
  header.resize((header.size() + 1 + kAlignment - 1) / kAlignment * kAlignment - 1, ' ');
  header += '\n';
  const size_t length = header.size() - kPreamble - 2;  // at most a few hundred: six extents
  header[kPreamble] = static_cast<char>(length & 255);
  header[kPreamble + 1] = static_cast<char>(length >> 8);
  const std::span<const std::byte> head = std::as_bytes(std::span<const char>(header));
  std::vector<std::byte> out(head.begin(), head.end());
  out.insert(out.end(), section.bytes.begin(), section.bytes.end());
  return out;
}

}  // namespace pith
