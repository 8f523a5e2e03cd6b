#include "data/gzip_file.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "tensor/atomic_file.h"
#include "tensor/error.h"

namespace pith::data {
namespace {

constexpr size_t kFirstOutput = size_t{1} << 16, kMaxStep = size_t{1} << 30;

/// A z_stream that ends itself, reading gzip members from memory.
class Inflater {
 public:
  Inflater(std::span<const std::byte> in, const std::string& path) : in_(in), path_(path) {
    // 15: the largest window; + 16: gzip only, header and check sum are verified by zlib.
    if (inflateInit2(&z_, 15 + 16) != Z_OK) throw Error(path + ": zlib could not start (out of memory?)");
  }
  ~Inflater() { inflateEnd(&z_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Fills `out` as far as the member goes; returns the bytes written. done() tells whether the member has ended.
  size_t fill(std::span<uint8_t> out) {
    size_t written = 0;
    while (written < out.size() && !done_) {
      const size_t room = std::min(out.size() - written, kMaxStep), given = std::min(in_.size() - at_, kMaxStep);
      z_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in_.data() + at_));
      z_.avail_in = static_cast<uInt>(given);
      z_.next_out = out.data() + written;
      z_.avail_out = static_cast<uInt>(room);
      step(given);
      at_ += given - z_.avail_in;
      written += room - z_.avail_out;
    }
    return written;
  }
  bool done() const { return done_; }
  bool at_end() const { return at_ == in_.size(); }
  /// Begins the next member, which must follow at once.
  void next_member() {
    if (!is_gzip(in_.subspan(at_)))
      throw FormatError(path_ + ": " + std::to_string(in_.size() - at_) + " bytes that are not gzip follow at byte " +
                        std::to_string(at_) + "; the file is damaged");
    inflateReset(&z_);
    done_ = false;
  }

 private:
  void step(size_t given) {
    const int code = inflate(&z_, Z_NO_FLUSH);
    if (code == Z_STREAM_END) {
      done_ = true;
    } else if (code == Z_BUF_ERROR || (code == Z_OK && given == 0)) {
      throw FormatError(path_ + ": the gzip stream is cut short after byte " + std::to_string(in_.size()) +
                        "; fetch the file again");
    } else if (code != Z_OK) {
      throw FormatError(path_ + ": the gzip stream is damaged near byte " + std::to_string(at_ + given - z_.avail_in) +
                        " (" + (z_.msg ? z_.msg : "zlib refuses it") + "); fetch the file again");
    }
  }

  z_stream z_{};
  std::span<const std::byte> in_;
  const std::string& path_;
  size_t at_ = 0;
  bool done_ = false;
};

}  // namespace

bool is_gzip(std::span<const std::byte> bytes) {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b};
}

std::vector<uint8_t> inflate_gzip(std::span<const std::byte> bytes, size_t limit, const std::string& path) {
  if (!is_gzip(bytes)) throw FormatError(path + ": expected a gzip file (bytes 1f 8b at byte 0)");
  Inflater inflater(bytes, path);
  std::vector<uint8_t> out(std::min(limit + 1, std::max(kFirstOutput, 4 * bytes.size())));
  size_t size = 0;
  for (;;) {
    size += inflater.fill(std::span(out).subspan(size));
    if (size > limit)
      throw FormatError(path + ": inflates to more than the " + std::to_string(limit) + " bytes expected at most");
    if (inflater.done()) {
      if (inflater.at_end()) break;
      inflater.next_member();
    } else {
      out.resize(std::min(limit + 1, 2 * out.size()));
    }
  }
  out.resize(size);
  return out;
}

std::vector<uint8_t> read_inflated(const std::string& path, size_t limit) {
  const size_t overhead = limit / 1024 + 4096;  // bytes that deflate cannot shrink grow by less than this
  const std::vector<std::byte> bytes = read_file(path, limit + overhead);
  if (is_gzip(bytes)) return inflate_gzip(bytes, limit, path);
  if (bytes.size() > limit)
    throw FormatError(path + ": has " + std::to_string(bytes.size()) + " bytes, expected at most " +
                      std::to_string(limit));
  std::vector<uint8_t> out(bytes.size());
  if (!bytes.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
  return out;
}

}  // namespace pith::data
