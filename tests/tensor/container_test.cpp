#include "tensor/container.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "tensor/error.h"
#include "tests/support/files.h"
#include "tests/support/hostile_bytes.h"
#include "tests/support/python.h"

namespace pith {
namespace {

using test::Bytes;
using testing::HasSubstr;

/// A file by hand: the header with its true length (or another), then the data.
Bytes file_of(const std::string& header, size_t data_bytes, int64_t length = -1) {
  const uint64_t told = length < 0 ? header.size() : static_cast<uint64_t>(length);
  Bytes out(8);
  std::memcpy(out.data(), &told, 8);
  const Bytes text = test::bytes_of(header);
  out.insert(out.end(), text.begin(), text.end());
  out.resize(out.size() + data_bytes, std::byte{7});
  return out;
}

Container parse(std::span<const std::byte> bytes) { return parse_container(bytes, "a.safetensors"); }
std::string refusal(const Bytes& bytes) { return test::refusal_of(parse, bytes); }

Container small_container() {
  Container c;
  c.metadata["arch"] = "lenet";
  c.sections.push_back(Section::of("w", Tensor::from(std::vector<float>{1, 2, 3, 4, 5, -0.0f}, {2, 3})));
  c.sections.push_back(Section::of("empty", Tensor::zeros({0, 4}, DType::u8)));
  c.sections.push_back(Section::of("count", Tensor::full({}, 7, DType::s32)));
  return c;
}

Bytes file_of(const Container& c) {
  const test::TemporaryDirectory folder;
  write_container(folder.file("a"), c);
  const std::vector<uint8_t> raw = test::read_bytes(folder.file("a"));
  const auto bytes = std::as_bytes(std::span(raw));
  return {bytes.begin(), bytes.end()};
}

void expect_equal(const Container& a, const Container& b) {
  ASSERT_EQ(a.sections.size(), b.sections.size());
  for (size_t i = 0; i < a.sections.size(); ++i) {
    EXPECT_EQ(a.sections[i].name, b.sections[i].name);
    EXPECT_EQ(a.sections[i].dtype, b.sections[i].dtype);
    EXPECT_EQ(a.sections[i].shape, b.sections[i].shape);
    EXPECT_EQ(a.sections[i].bytes, b.sections[i].bytes);
  }
}

TEST(Container, ComesBackAsItWasWritten) {
  Container c = small_container();
  c.metadata["text"] = "quotes \" and \\, \xc3\xa9, \n and \x01";
  const Container back = parse(file_of(c));
  expect_equal(back, c);
  EXPECT_EQ(back.metadata.at("arch"), "lenet");
  EXPECT_EQ(back.metadata.at("text"), c.metadata.at("text"));
  EXPECT_EQ(back.metadata.size(), 3u);  // and the checksum
}

TEST(Container, CarriesEveryTypeOfTheFormatUnchanged) {
  Container c;
  for (const char* dtype : {"BOOL", "U8",  "I8",  "U16", "I16",     "F16",     "BF16",    "U32",     "I32",     "F32",
                            "U64",  "I64", "F64", "C64", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F6_E2M3", "F6_E3M2", "F4"}) {
    Section s{dtype, dtype, {3, 4}, Bytes(section_bytes(dtype, {3, 4}))};
    for (size_t i = 0; i < s.bytes.size(); ++i) s.bytes[i] = static_cast<std::byte>(i * 37 + 11);
    c.sections.push_back(s);
  }
  EXPECT_EQ(c.sections.back().bytes.size(), 6u);  // 12 values of 4 bits
  expect_equal(parse(file_of(c)), c);
}

TEST(Container, WritesTheSameBytesForTheSameContent) {
  EXPECT_EQ(file_of(small_container()), file_of(small_container()));
  EXPECT_EQ(file_of(parse(file_of(small_container()))), file_of(small_container()));
}

TEST(Container, BeginsItsDataAtAMultipleOf64) {
  Container c;
  for (int i = 0; i < 70; ++i) {
    c.metadata["x"] += 'y';
    uint64_t length = 0;
    std::memcpy(&length, file_of(c).data(), 8);
    EXPECT_EQ((length + 8) % 64, 0u);
  }
}

TEST(Container, ReadsAHandMadeFileInTheOrderOfItsBytes) {
  const Container c = parse(file_of(R"({"b":{"dtype":"U8","shape":[2],"data_offsets":[4,6]},)"
                                    R"( "a":{"shape":[],"dtype":"F32","data_offsets":[0,4]}}   )",
                                    6));
  ASSERT_EQ(c.sections.size(), 2u);
  EXPECT_EQ(c.sections[0].name, "a");
  EXPECT_EQ(c.sections[1].shape, Shape({2}));
  EXPECT_TRUE(parse(file_of("{}", 0)).sections.empty());
}

TEST(Container, RefusesWhatTheFormatForbids) {
  const auto entry = [](const char* shape, const char* offsets, const char* dtype = "F32") {
    return std::string(R"({"dtype":")") + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
  };
  const auto one = [&](const std::string& e) { return R"({"w":)" + e + "}"; };
  const std::string good = entry("[1]", "[0,4]");
  ASSERT_EQ(refusal(file_of(one(good), 4)), "");
  const std::string deep = std::string(100'000, '[');
  const struct {
    Bytes file;
    const char* says;
  } cases[] = {
      {Bytes(7), "byte 0: expected a header length of 8 bytes, found a file of 7 bytes"},
      {file_of("{}", 0, 100'000'001), "at most 100000000 bytes, found 100000001 bytes"},
      {file_of("{}", 0, std::numeric_limits<int64_t>::max()), "at most 100000000 bytes"},
      {file_of("{}", 0, 3), "header within the file of 10 bytes, found one of 3 bytes"},
      {file_of("", 0), "begins with '{', found an empty one"},
      {file_of(" {}", 0), "begins with '{'"},
      {file_of("[]", 0), "begins with '{'"},
      {file_of("{\"w\":", 0), "byte 13: expected JSON"},
      {file_of("{} x", 0), "byte 11: expected JSON"},
      {file_of(std::string("{}\0 x", 5), 0), "byte 10: expected JSON, found NUL"},
      {file_of("{\"\xff\":{}}", 0), "expected JSON"},
      {file_of(one(good), 3), "last section to end at the end of the file, found data of 3 bytes, sections of 4"},
      {file_of(one(good), 5), "last section to end at the end of the file, found data of 5 bytes, sections of 4"},
      {file_of("{}", 1), "last section to end"},
      {file_of(R"({"a":)" + good + R"(,"b":)" + entry("[1]", "[2,6]") + "}", 6), "without hole or overlap"},
      {file_of(R"({"a":)" + good + R"(,"b":)" + entry("[1]", "[5,9]") + "}", 9), "without hole or overlap"},
      {file_of(R"({"a":)" + good + R"(,"b":)" + good + "}", 4), "without hole or overlap"},
      {file_of(one(entry("[1]", "[4,8]")), 8), "without hole or overlap"},
      {file_of(one(entry("[1]", "[4,0]")), 4), "data_offsets [begin, end]"},
      {file_of(one(entry("[1]", "[0]")), 4), "data_offsets [begin, end]"},
      {file_of(one(entry("[1]", "[0,4,4]")), 4), "data_offsets [begin, end]"},
      {file_of(one(entry("[1]", "[0,-4]")), 4), "whole numbers from 0 on"},
      {file_of(one(entry("[1]", "[0,4.0]")), 4), "found the number '4.0'"},
      {file_of(one(entry("[1]", "[0,4e0]")), 4), "found the number '4e0'"},
      {file_of(one(entry("[1]", "[0,18446744073709551615]")), 4), "found the number 18446744073709551615"},
      {file_of(one(entry("[1]", "[0,18446744073709551616]")), 4), "found the number '18446744073709551616'"},
      {file_of(one(entry("[1]", "[0,9223372036854775807]")), 4), "4 bytes for section 'w' F32 [1]"},
      {file_of(one(entry("[2]", "[0,4]")), 4), "8 bytes for section 'w' F32 [2], found data_offsets of 4 bytes"},
      {file_of(one(entry("[4294967296,4294967296]", "[0,0]")), 0), "does not fit 63 bits"},
      {file_of(one(entry("[4294967296,4294967297,0]", "[0,0]")), 0), "does not fit 63 bits"},
      {file_of(one(entry("[4611686018427387904]", "[0,0]")), 0), "do not fit 63 bits"},
      {file_of(one(entry("[9223372036854775807]", "[0,0]", "U8")), 0), "do not fit 63 bits"},
      {file_of(one(entry("[1,1,1,1,1,1,1]", "[0,4]")), 4), "at most 6 axes"},
      {file_of(one(entry("[-1]", "[0,4]")), 4), "whole numbers from 0 on"},
      {file_of(one(entry("1", "[0,4]")), 4), "an array 'shape' for section 'w', found a whole number"},
      {file_of(one(entry("[\"1\"]", "[0,4]")), 4), "found a string"},
      {file_of(one(entry("[1]", "[0,4]", "F33")), 4), "the type 'F33' is not one of safetensors'"},
      {file_of(one(entry("[1]", "[0,1]", "F4")), 1), "end inside a byte"},
      {file_of(one(R"({"dtype":"F32","shape":[1]})"), 4), "dtype, shape and data_offsets"},
      {file_of(one(R"({"dtype":4,"shape":[1],"data_offsets":[0,4]})"), 4), "dtype, shape and data_offsets"},
      {file_of(one("[]"), 4), "found an array"},
      {file_of(R"({"w":)" + good + R"(,"w":)" + good + "}", 4), "found the key 'w' twice"},
      {file_of(R"({"w":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4), "'dtype' twice"},
      {file_of(R"({"__metadata__":{"a":"1","a":"2"}})", 0), "found the key 'a' twice"},
      {file_of(R"({"__metadata__":{"a":1}})", 0), "a string as metadata 'a', found a whole number"},
      {file_of(R"({"__metadata__":"a"})", 0), "__metadata__ to be an object"},
      {file_of(R"({"__metadata__":{"a":null}})", 0), "found null"},
      {file_of(R"({"__metadata__":{"a":true}})", 0), "found true or false"},
      {file_of(R"({"a":)" + deep, 0), "found a value nested deeper"},
      {file_of("{\"\\u001b[31mred\":[]}", 0), R"(section '\x1b[31mred')"},
  };
  for (const auto& [file, says] : cases) {
    const std::string message = refusal(file);
    EXPECT_THAT(message, HasSubstr(says));
    EXPECT_THAT(message, HasSubstr("a.safetensors: "));
  }
}

TEST(Container, RefusesAMillionValuesWithoutHoldingThem) {
  std::string header = R"({"a":[)";
  for (int i = 0; i < 1'000'000; ++i) header += "[],";
  EXPECT_THAT(refusal(file_of(header + "[]]}", 0)), HasSubstr("more than 500000 values"));
}

TEST(Container, AcceptsNoDamagedFile) {
  const Bytes good = file_of(small_container());
  int files = 0;
  const auto visit = [&](const Bytes& bad, const std::string& deed) {
    ++files;
    if (refusal(bad).empty()) {
      const Container read = parse(bad);  // harmless: the content must be the same (JSON's spaces may differ)
      expect_equal(read, small_container());
      EXPECT_EQ(read.metadata, parse(good).metadata) << deed;
    }
  };
  test::for_each_small_damage(good, visit);
  EXPECT_GT(files, 1000);
  test::for_each_random_damage(good, 5000, 1, [&](const Bytes& bad, const std::string&) {
    if (bad != good && refusal(bad).empty() && parse(bad).metadata.contains(kChecksumKey))
      expect_equal(parse(bad), small_container());
  });
}

TEST(Container, NamesTheDamageThatOnlyTheChecksumSees) {
  Bytes bad = file_of(small_container());
  bad.back() ^= std::byte{1};
  EXPECT_THAT(refusal(bad), HasSubstr("the file is damaged"));
}

TEST(Container, KeepsItsChecksumWhenAnotherToolLaysItOutAnew) {
  Container c = parse(file_of(small_container()));
  std::swap(c.sections[0], c.sections[2]);
  const Container moved = parse(file_of(c));
  EXPECT_EQ(moved.metadata, c.metadata);
  c.metadata["arch"] = "other";
  EXPECT_NE(parse(file_of(c)).metadata.at(kChecksumKey), moved.metadata.at(kChecksumKey));
}

TEST(Container, RefusesToWriteWhatCouldNotBeReadAndKeepsTheOldFile) {
  const test::TemporaryDirectory folder;
  const std::string path = folder.file("a");
  test::write_text(path, "old");
  const auto refused = [&](Container c) {
    EXPECT_THROW(write_container(path, c), FormatError);
    EXPECT_EQ(test::read_text(path), "old");
  };
  Container c = small_container();
  c.sections.push_back(c.sections[0]);
  refused(c);
  c = small_container();
  c.sections[0].name = "__metadata__";
  refused(c);
  c.sections[0].name = "\xff";
  refused(c);
  c = small_container();
  c.sections[0].bytes.pop_back();
  refused(c);
  c = small_container();
  c.sections[0].dtype = "F128";
  refused(c);
}

TEST(Container, IsReadFromDiskAsFromMemory) {
  const test::TemporaryDirectory folder;
  write_container(folder.file("a"), small_container());
  expect_equal(read_container(folder.file("a")), small_container());
  EXPECT_THROW(read_container(folder.file("none")), IoError);
  EXPECT_THROW(read_container(folder.path()), IoError);
}

template <class T>
Section raw_section(const char* dtype, const std::vector<T>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {"s", dtype, {static_cast<int64_t>(values.size())}, {bytes.begin(), bytes.end()}};
}

TEST(Section, KeepsTheFiveTypesOfTensors) {
  for (const DType dtype : {DType::f32, DType::f64, DType::s32, DType::s8, DType::u8}) {
    const Tensor t = Tensor::full({2, 3}, 5, dtype);
    const Tensor back = Section::of("t", t.transpose(0, 1)).tensor();
    EXPECT_EQ(back.dtype(), dtype);
    EXPECT_EQ(back.shape(), Shape({3, 2}));
  }
  const Tensor t = Tensor::from(std::vector<int32_t>{1, 2, 3, 4, 5, 6}, {2, 3}).transpose(0, 1);
  const Tensor back = Section::of("t", t).tensor();
  EXPECT_EQ(std::vector<int32_t>(back.data<int32_t>(), back.data<int32_t>() + 6),
            (std::vector<int32_t>{1, 4, 2, 5, 3, 6}));
}

TEST(Section, WidensHalfPrecisionExactly) {
  const Tensor half =
      raw_section<uint16_t>("F16", {0x3c00, 0xc000, 0x7bff, 0x0001, 0x8000, 0x7c00, 0x7e00, 0x3555}).tensor();
  const float* h = half.data<float>();
  EXPECT_EQ(h[0], 1.0f);
  EXPECT_EQ(h[1], -2.0f);
  EXPECT_EQ(h[2], 65504.0f);
  EXPECT_EQ(h[3], 0x1p-24f);
  EXPECT_TRUE(h[4] == 0 && std::signbit(h[4]));
  EXPECT_TRUE(std::isinf(h[5]));
  EXPECT_TRUE(std::isnan(h[6]));
  EXPECT_EQ(h[7], 0.333251953125f);
  const Tensor brain = raw_section<uint16_t>("BF16", {0x3f80, 0xc040, 0x7f80}).tensor();
  EXPECT_EQ(brain.data<float>()[0], 1.0f);
  EXPECT_EQ(brain.data<float>()[1], -3.0f);
  EXPECT_TRUE(std::isinf(brain.data<float>()[2]));
}

TEST(Section, NarrowsWholeNumbersOnlyWhereTheyFit) {
  const int64_t low = std::numeric_limits<int32_t>::min(), high = std::numeric_limits<int32_t>::max();
  const Tensor t = raw_section<int64_t>("I64", {low, -1, high}).tensor();
  EXPECT_EQ(t.data<int32_t>()[0], low);
  EXPECT_EQ(t.data<int32_t>()[2], high);
  EXPECT_THROW(raw_section<int64_t>("I64", {high + 1}).tensor(), FormatError);
  EXPECT_THROW(raw_section<int64_t>("I64", {low - 1}).tensor(), FormatError);
  EXPECT_THROW(raw_section<uint32_t>("U32", {0x80000000u}).tensor(), FormatError);
  EXPECT_THROW(raw_section<uint64_t>("U64", {~uint64_t{0}}).tensor(), FormatError);
  EXPECT_EQ(raw_section<int16_t>("I16", {-7}).tensor().data<int32_t>()[0], -7);
  EXPECT_EQ(raw_section<uint16_t>("U16", {65535}).tensor().data<int32_t>()[0], 65535);
  EXPECT_EQ(raw_section<uint8_t>("BOOL", {0, 1}).tensor().data<uint8_t>()[1], 1);
  EXPECT_THROW(raw_section<uint8_t>("BOOL", {2}).tensor(), FormatError);
  EXPECT_THROW(raw_section<uint8_t>("F8_E4M3", {2}).tensor(), FormatError);
}

TEST(Container, IsUnderstoodByAReaderThatSharesNoCode) {
  if (!test::python_has("numpy")) GTEST_SKIP() << "no Python with numpy here";
  const test::TemporaryDirectory folder;
  Container c = small_container();
  c.sections.push_back(Section::of("d", Tensor::full({2, 1, 3}, 0.1, DType::f64)));
  write_container(folder.file("a.safetensors"), c);
  EXPECT_EQ(test::run_python(folder, R"(
import json, numpy, struct
raw = open("a.safetensors", "rb").read()
length, = struct.unpack("<Q", raw[:8])
header = json.loads(raw[8:8 + length])
assert header.pop("__metadata__")["arch"] == "lenet"
types = {"F32": "<f4", "F64": "<f8", "U8": "|u1", "I32": "<i4"}
data = raw[8 + length:]
a = {k: numpy.frombuffer(data[v["data_offsets"][0]:v["data_offsets"][1]], types[v["dtype"]]).reshape(v["shape"])
     for k, v in header.items()}
assert list(a) == ["w", "empty", "count", "d"], list(a)
assert a["w"].tolist() == [[1, 2, 3], [4, 5, 0]] and numpy.signbit(a["w"][1, 2])
assert a["empty"].shape == (0, 4)
assert a["count"].shape == () and a["count"] == 7
assert a["d"].shape == (2, 1, 3) and (a["d"] == 0.1).all()
)"),
            "");
}

TEST(Container, ReadsPublishedCheckpoints) {
  const std::string folder = test::real_data("checkpoints");
  if (folder.empty()) GTEST_SKIP() << "set PITH_DATA to the folder of the data sets for this test";
  for (const char* name : {"checkpoint_trained_dense", "checkpoint_trained_ch_regularized_dense"}) {
    const Container c = read_container(folder + "/" + name + ".safetensors");
    EXPECT_EQ(c.metadata.at("arch"), "resnet20_cifar");
    ASSERT_NE(c.find("conv1.weight"), nullptr);
    EXPECT_EQ(c.find("conv1.weight")->tensor().shape(), Shape({16, 3, 3, 3}));
  }
  const Container masks = read_container(folder + "/checkpoint_trained_ch_regularized_dense.masks.safetensors");
  EXPECT_EQ(masks.sections.size(), 7u);
  for (const Section& s : masks.sections) EXPECT_EQ(s.tensor().dtype(), DType::u8);
}

}  // namespace
}  // namespace pith
