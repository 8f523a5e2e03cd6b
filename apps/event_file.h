// TensorBoard's event file: a row of records, each length, masked crc32c(length), bytes, masked crc32c(bytes); the
// bytes are a protobuf `Event`, written by hand here because it has five fields (tensorflow/core/util/event.proto).
//
// Invariant: what lies in the file up to the length that sync() returned is whole records on the disk. One thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace pith::apps {

/// CRC-32C (Castagnoli, as RFC 3720): crc32c("123456789") == 0xe3069283.
uint32_t crc32c(std::span<const std::byte> bytes);

class EventFile {
 public:
  /// Opens `path` for appending after its first `length` bytes, which are kept; the rest is cut off. length 0 begins a
  /// new file. Throws IoError, or FormatError where the file is shorter than `length`.
  EventFile(const std::string& path, int64_t length);
  ~EventFile();
  EventFile(const EventFile&) = delete;
  EventFile& operator=(const EventFile&) = delete;

  /// One number under `tag` ("train/loss") at `step`. Throws IoError.
  void add_scalar(std::string_view tag, int64_t step, double value);
  /// The distribution of `values` in 30 equal buckets; values that are not finite are left out.
  void add_histogram(std::string_view tag, int64_t step, std::span<const float> values);
  /// Brings everything to the disk; bytes of the file. Throws IoError.
  int64_t sync();

 private:
  void add_summary(int64_t step, const std::string& value);
  void write_record(const std::string& event);

  std::string path_;
  int file_ = -1;
  std::string pending_;  ///< records not yet written
  int64_t length_ = 0;   ///< bytes in the file
};

/// Name of a new event file: "events.out.tfevents.<seconds>.<host>".
std::string event_file_name();

}  // namespace pith::apps
