#include "apps/event_file.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cmath>
#include <vector>

#include "apps/append_file.h"
#include "apps/protobuf_wire.h"

namespace pith::apps {
namespace {

using namespace wire;

constexpr std::array<uint32_t, 256> make_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = (c >> 1) ^ ((c & 1) ? 0x82f63b78u : 0u);
    table[i] = c;
  }
  return table;
}

uint32_t masked(std::string_view bytes) {
  const uint32_t crc = crc32c(std::as_bytes(std::span(bytes.data(), bytes.size())));
  return std::rotr(crc, 15) + 0xa282ead8u;
}

double now() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

/// HistogramProto: min 1, max 2, num 3, sum 4, sum_squares 5, bucket_limit 6, bucket 7.
std::string histogram(std::span<const float> values) {
  constexpr int kBuckets = 30;
  double low = INFINITY, high = -INFINITY, sum = 0, squares = 0, count = 0;
  for (const float f : values) {
    if (!std::isfinite(f)) continue;
    const double v = f;
    low = std::min(low, v), high = std::max(high, v);
    sum += v, squares += v * v, ++count;
  }
  if (count == 0) low = high = 0;
  const double width = high > low ? (high - low) / kBuckets : 1;
  std::vector<double> limits(kBuckets), buckets(kBuckets);
  for (int i = 0; i < kBuckets; ++i) limits[i] = low + width * (i + 1);
  limits.back() = std::max(limits.back(), high);
  for (const float f : values) {
    if (std::isfinite(f)) buckets[std::min(kBuckets - 1, static_cast<int>((f - low) / width))] += 1;
  }
  std::string out;
  put_double(out, 1, low), put_double(out, 2, high), put_double(out, 3, count);
  put_double(out, 4, sum), put_double(out, 5, squares);
  put_doubles(out, 6, limits), put_doubles(out, 7, buckets);
  return out;
}

}  // namespace

uint32_t crc32c(std::span<const std::byte> bytes) {
  static constexpr std::array<uint32_t, 256> kTable = make_table();
  uint32_t crc = ~0u;
  for (const std::byte b : bytes) crc = kTable[(crc ^ static_cast<uint32_t>(b)) & 255] ^ (crc >> 8);
  return ~crc;
}

EventFile::EventFile(const std::string& path, int64_t length) : path_(path), file_(open_for_append(path, length)) {
  length_ = length;
  if (length > 0) return;
  std::string event;
  put_double(event, 1, now());
  put_bytes(event, 3, "brain.Event:2");
  write_record(event);
}

EventFile::~EventFile() { ::close(file_); }

void EventFile::write_record(const std::string& event) {
  std::string length;
  put(length, static_cast<uint64_t>(event.size()));
  pending_ += length;
  put(pending_, masked(length));
  pending_ += event;
  put(pending_, masked(event));
}

// Event: wall_time 1, step 2, summary 5; Summary: value 1.
void EventFile::add_summary(int64_t step, const std::string& value) {
  std::string summary, event;
  put_bytes(summary, 1, value);
  put_double(event, 1, now());
  put_integer(event, 2, step);
  put_bytes(event, 5, summary);
  write_record(event);
}

// Summary.Value: tag 1, simple_value 2 (float), histo 5.
void EventFile::add_scalar(std::string_view tag, int64_t step, double value) {
  std::string out;
  put_bytes(out, 1, tag);
  put_float(out, 2, static_cast<float>(value));
  add_summary(step, out);
}

void EventFile::add_histogram(std::string_view tag, int64_t step, std::span<const float> values) {
  std::string out;
  put_bytes(out, 1, tag);
  put_bytes(out, 5, histogram(values));
  add_summary(step, out);
}

int64_t EventFile::sync() {
  append_and_sync(file_, path_, pending_);
  length_ += static_cast<int64_t>(pending_.size());
  pending_.clear();
  return length_;
}

std::string event_file_name() {
  char host[256] = "localhost";
  if (::gethostname(host, sizeof host - 1) != 0) host[0] = '\0';
  return "events.out.tfevents." + std::to_string(static_cast<int64_t>(now())) + "." + host;
}

}  // namespace pith::apps
