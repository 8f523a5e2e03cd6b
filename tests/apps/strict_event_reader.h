// A reader of TensorBoard's event files that shares no code with the writer and accepts nothing but what the two
// formats define: TFRecord's frames (length, masked CRC-32C of it, bytes, masked CRC-32C of them) and the fields of
// tensorflow/core/util/event.proto and framework/summary.proto, each with its own wire type, once, in any order.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace pith::test {

struct HistogramEvent {
  double min = 0, max = 0, num = 0, sum = 0, sum_squares = 0;
  std::vector<double> limits, buckets;
};
struct Event {
  double wall_time = 0;
  int64_t step = 0;
  std::string version;  ///< of the first event alone
  std::string tag;      ///< "" in the first event
  bool is_histogram = false;
  float scalar = 0;
  HistogramEvent histogram;
};

/// Throws std::runtime_error for anything that the formats do not allow.
class StrictEventReader {
 public:
  static std::vector<Event> read(std::string_view file) {
    std::vector<Event> events;
    while (!file.empty()) events.push_back(event_of(take_record(file)));
    demand(!events.empty() && events[0].version == "brain.Event:2", "the first event tells the version");
    for (size_t i = 1; i < events.size(); ++i) demand(events[i].version.empty() && !events[i].tag.empty(), "a value");
    return events;
  }

 private:
  static void demand(bool holds, const char* what) {
    if (!holds) throw std::runtime_error(std::string("event file: expected ") + what);
  }
  /// Bit by bit, from the polynomial of RFC 3720.
  static uint32_t masked_crc(std::string_view bytes) {
    uint32_t crc = 0xffffffffu;
    for (const char c : bytes) {
      crc ^= static_cast<unsigned char>(c);
      for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? (crc >> 1) ^ 0x82f63b78u : crc >> 1;
    }
    crc = ~crc;
    return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
  }
  template <class T>
  static T number(std::string_view bytes) {
    T value;
    demand(bytes.size() == sizeof value, "a number of its size");
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  static std::string_view take(std::string_view& from, size_t bytes) {
    demand(bytes <= from.size(), "more bytes");
    const std::string_view taken = from.substr(0, bytes);
    from.remove_prefix(bytes);
    return taken;
  }
  static std::string_view take_record(std::string_view& file) {
    const std::string_view length = take(file, 8);
    demand(number<uint32_t>(take(file, 4)) == masked_crc(length), "the checksum of the length");
    const std::string_view bytes = take(file, number<uint64_t>(length));
    demand(number<uint32_t>(take(file, 4)) == masked_crc(bytes), "the checksum of the record");
    return bytes;
  }

  static uint64_t take_varint(std::string_view& from) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(from, 1)[0]);
      value |= static_cast<uint64_t>(byte & 127u) << shift;
      if (byte < 128) return value;
    }
    throw std::runtime_error("event file: a varint of more than ten bytes");
  }
  /// field -> its bytes; a varint as eight of them. types: field -> the wire type that it must have.
  static std::map<unsigned, std::string> fields(std::string_view message, const std::map<unsigned, unsigned>& types) {
    std::map<unsigned, std::string> found;
    while (!message.empty()) {
      const uint64_t key = take_varint(message);
      const auto field = static_cast<unsigned>(key >> 3);
      const auto known = types.find(field);
      demand(known != types.end() && known->second == (key & 7), "a known field of its type");
      demand(found.count(field) == 0, "each field once");
      if ((key & 7) == 0) {
        const uint64_t value = take_varint(message);
        found[field].assign(reinterpret_cast<const char*>(&value), sizeof value);
      } else {
        const size_t bytes = (key & 7) == 1 ? 8 : (key & 7) == 5 ? 4 : take_varint(message);
        found[field] = take(message, bytes);
      }
    }
    return found;
  }
  static std::vector<double> doubles(const std::string& packed) {
    demand(packed.size() % 8 == 0, "packed doubles");
    std::vector<double> values(packed.size() / 8);
    std::memcpy(values.data(), packed.data(), packed.size());
    return values;
  }

  static Event event_of(std::string_view record) {
    auto f = fields(record, {{1, 1}, {2, 0}, {3, 2}, {5, 2}});
    Event e;
    e.wall_time = number<double>(f.at(1));
    if (f.count(2) > 0) e.step = number<int64_t>(f[2]);
    if (f.count(3) > 0) e.version = f[3];
    demand(f.count(3) + f.count(5) == 1, "a version or a summary");
    if (f.count(5) == 0) return e;
    auto value = fields(fields(f[5], {{1, 2}}).at(1), {{1, 2}, {2, 5}, {5, 2}});
    e.tag = value.at(1);
    demand(value.count(2) + value.count(5) == 1, "a number or a histogram");
    e.is_histogram = value.count(5) > 0;
    if (e.is_histogram)
      e.histogram = histogram_of(value[5]);
    else
      e.scalar = number<float>(value[2]);
    return e;
  }
  static HistogramEvent histogram_of(const std::string& bytes) {
    auto f = fields(bytes, {{1, 1}, {2, 1}, {3, 1}, {4, 1}, {5, 1}, {6, 2}, {7, 2}});
    HistogramEvent h{number<double>(f.at(1)), number<double>(f.at(2)), number<double>(f.at(3)), number<double>(f.at(4)),
                     number<double>(f.at(5)), doubles(f.at(6)),        doubles(f.at(7))};
    demand(!h.limits.empty() && h.limits.size() == h.buckets.size(), "a limit for each bucket");
    for (size_t i = 1; i < h.limits.size(); ++i) demand(h.limits[i - 1] < h.limits[i], "rising limits");
    double count = 0;
    for (const double b : h.buckets) count += b;
    demand(count == h.num && h.min <= h.max && h.limits.back() >= h.max, "buckets that hold every value");
    return h;
  }
};

}  // namespace pith::test
