#include "tensor/checksum.h"

#include <xxhash.h>

#include <cstdint>
#include <new>

namespace pith {

struct Checksum::State {
  XXH3_state_t* xxh3 = XXH3_createState();
  State() {
    if (xxh3 == nullptr) throw std::bad_alloc();
    XXH3_64bits_reset(xxh3);
  }
  ~State() { XXH3_freeState(xxh3); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

Checksum::Checksum() : state_(std::make_unique<State>()) {}
Checksum::~Checksum() = default;

void Checksum::add(std::span<const std::byte> bytes) {
  if (!bytes.empty()) XXH3_64bits_update(state_->xxh3, bytes.data(), bytes.size());
}

void Checksum::add_text(const std::string& text) {
  add_number(static_cast<int64_t>(text.size()));
  add(std::as_bytes(std::span<const char>(text)));
}

void Checksum::add_number(int64_t number) { add(std::as_bytes(std::span<const int64_t>(&number, 1))); }

std::string Checksum::digest() const {
  constexpr char kHex[] = "0123456789abcdef";
  const uint64_t hash = XXH3_64bits_digest(state_->xxh3);
  std::string out;
  for (int shift = 60; shift >= 0; shift -= 4) out += kHex[(hash >> shift) & 15];
  return out;
}

}  // namespace pith
