// Integer weights in a file: what goes in comes out, in as many bytes as were counted by hand.
#include "nn/packed_weights.h"

#include <gtest/gtest.h>

#include "tensor/error.h"
#include "tests/support/files.h"

namespace pith::nn {
namespace {

/// 1,600 weights, every `every`-th of them not 0: all levels from the lowest to the highest, in turn (of 16 bits every
/// 41st).
Tensor weights(int bits, int every) {
  const int most = bits == 1 ? 1 : (1 << (bits - 1)) - 1, apart = bits == 16 ? 41 : 1;
  std::vector<int32_t> w(1600, 0);
  for (size_t i = 0, n = 0; i < w.size(); i += static_cast<size_t>(every), ++n) {
    const int magnitude = most - static_cast<int>(n / 2 % static_cast<size_t>(most / apart)) * apart;
    w[i] = n % 2 == 0 ? magnitude : -magnitude;
  }
  const Tensor all = Tensor::from(w, {10, 160});
  return bits == 16 ? all : all.to(DType::s8);
}

size_t bytes(const Container& file) {
  size_t all = 0;
  for (const Section& s : file.sections) all += s.bytes.size();
  return all;
}

TEST(PackedWeights, ComeBackDenseAndSparseAtEveryWidth) {
  for (const int bits : {1, 2, 3, 4, 5, 6, 7, 8, 16})
    for (const int every : {1, 2, 7, 200}) {
      if (bits == 1 && every > 1) continue;
      Container file;
      add_weights(file, "w", weights(bits, every), bits);
      const Tensor back = weights_from(file, "file", "w", bits, {10, 160});
      const Tensor before = weights(bits, every);
      ASSERT_EQ(back.dtype(), before.dtype());
      EXPECT_EQ(back.to(DType::s32).to_vector<int32_t>(), before.to(DType::s32).to_vector<int32_t>())
          << bits << " bits, 1/" << every;
    }
}

TEST(PackedWeights, TakeTheBytesOfTheirBits) {
  const auto size = [](int bits, int every) {
    Container file;
    add_weights(file, "w", weights(bits, every), bits);
    return bytes(file);
  };
  // Dense, 1,600 b / 8; sparse with 160 kept: 200 bytes of places, 160 of 8 bits, 80 of 4 bits.
  EXPECT_EQ(size(16, 1), 3200u);
  EXPECT_EQ(size(8, 1), 1600u);
  EXPECT_EQ(size(4, 1), 800u);
  EXPECT_EQ(size(2, 1), 400u);
  EXPECT_EQ(size(1, 1), 200u);
  EXPECT_EQ(size(16, 10), 520u);
  EXPECT_EQ(size(8, 10), 360u);
  EXPECT_EQ(size(4, 10), 280u);
  // Ternary weights that are not 0 have a sign alone: 200 + 160 / 8.
  EXPECT_EQ(size(2, 10), 220u);
}

TEST(PackedWeights, StayDenseWhereSparseIsNoSmaller) {
  Container file;
  add_weights(file, "w", weights(2, 2), 2);  // 200 + 100 and the header of a section more, against 400
  EXPECT_EQ(file.find("w.kept"), nullptr);
}

TEST(PackedWeights, RefuseWhatIsNeverWritten) {
  Container file;
  add_weights(file, "w", weights(8, 10), 8);
  file.sections[0].bytes[3] = std::byte{0};
  EXPECT_NE(test::message_of<FormatError>([&] {
              weights_from(file, "file", "w", 8, {10, 160});
            }).find("no zero among"),
            std::string::npos);
  file = {};
  add_weights(file, "w", weights(2, 1), 2);
  file.sections[0].bytes[0] = std::byte{3};
  EXPECT_NE(test::message_of<FormatError>([&] {
              weights_from(file, "file", "w", 2, {10, 160});
            }).find("codes up to 2"),
            std::string::npos);
  file = {};
  add_weights(file, "w", weights(16, 1), 16);
  file.sections[0].bytes[0] = std::byte{0x00}, file.sections[0].bytes[1] = std::byte{0x80};  // -32768
  EXPECT_NE(
      test::message_of<FormatError>([&] { weights_from(file, "file", "w", 16, {10, 160}); }).find("at most 32767"),
      std::string::npos);
  EXPECT_THROW(add_weights(file, "w", Tensor::full({4}, 32768, DType::s32), 16), ArgumentError);
  EXPECT_THROW(add_weights(file, "w", Tensor::full({4}, 2, DType::s8), 2), ArgumentError);
  EXPECT_THROW(add_weights(file, "w", Tensor::zeros({4}, DType::s8), 1), ArgumentError);
}

TEST(PackedWeights, PackCodesByHand) {
  // 3 bits, lowest first: 1 = 100, 6 = 011, 5 = 101 -> 1000 1110 1 -> bytes 0b01110001, 1.
  const std::vector<uint8_t> codes{1, 6, 5};
  const std::vector<std::byte> bytes = pack_codes(codes, 3);
  EXPECT_EQ(bytes, (std::vector<std::byte>{std::byte{0b01110001}, std::byte{1}}));
  EXPECT_EQ(unpack_codes(bytes, 3, 3), codes);
}

}  // namespace
}  // namespace pith::nn
