#include "tensor/formats/packed_bytes.h"

#include <algorithm>
#include <bit>

#include "tensor/refusal.h"

namespace pith {

static_assert(std::endian::native == std::endian::little, "numbers are written as they lie");

void PackedWriter::number(int64_t value) {
  const auto* const p = reinterpret_cast<const std::byte*>(&value);
  bytes_.insert(bytes_.end(), p, p + sizeof value);
}

void PackedWriter::append(const void* data, size_t bytes) {
  bytes_.resize(bytes_with_array(bytes_.size(), 0, 1));
  const auto* const p = static_cast<const std::byte*>(data);
  bytes_.insert(bytes_.end(), p, p + bytes);
}

int64_t PackedReader::number(const char* what, int64_t low, int64_t high) {
  last_ = at_;
  if (bytes_.size() - at_ < sizeof(int64_t)) refuse(std::string("8 bytes of ") + what, "the end");
  int64_t value;
  std::memcpy(&value, bytes_.data() + at_, sizeof value);
  if (value < low || value > high)
    refuse(std::string(what) + " in [" + std::to_string(low) + ", " + std::to_string(high) + "]",
           std::to_string(value));
  at_ += sizeof value;
  return value;
}

std::span<const std::byte> PackedReader::take(const char* what, int64_t count, size_t size) {
  last_ = at_;
  const size_t begin = bytes_with_array(at_, 0, 1), left = begin <= bytes_.size() ? bytes_.size() - begin : 0;
  if (begin > bytes_.size() || static_cast<uint64_t>(count) > left / size)
    refuse(std::to_string(count) + " elements of " + what + " of " + std::to_string(size) + " bytes",
           std::to_string(left) + " bytes");
  const auto gap = bytes_.subspan(at_, begin - at_);
  if (std::any_of(gap.begin(), gap.end(), [](std::byte b) { return b != std::byte{0}; }))
    refuse(std::string("zeros before ") + what, "others");
  last_ = begin;
  at_ = begin + static_cast<size_t>(count) * size;
  return bytes_.subspan(begin, at_ - begin);
}

void PackedReader::refuse(const std::string& expected, const std::string& found) const {
  pith::refuse(where_, last_, expected, found);
}

void PackedReader::finish() const {
  if (at_ != bytes_.size()) pith::refuse(where_, at_, "the end", std::to_string(bytes_.size() - at_) + " bytes more");
}

}  // namespace pith
