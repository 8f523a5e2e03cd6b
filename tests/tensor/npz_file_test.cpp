#include "tensor/npz_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "tensor/error.h"
#include "tensor/zip_file.h"
#include "tests/support/files.h"
#include "tests/support/hostile_bytes.h"
#include "tests/support/python.h"

namespace pith {
namespace {

using test::Bytes;
using testing::HasSubstr;

/// An .npy file by hand: version 1.0, this header text, this many bytes of data.
Bytes npy(const std::string& header, size_t data_bytes, char major = 1) {
  std::string text = "\x93NUMPY";
  text += {major, '\0', static_cast<char>(header.size() & 255), static_cast<char>(header.size() >> 8)};
  if (major > 1) text += std::string(2, '\0');
  Bytes out = test::bytes_of(text + header);
  for (size_t i = 0; i < data_bytes; ++i) out.push_back(static_cast<std::byte>(i));
  return out;
}

Section parse(std::span<const std::byte> bytes) { return parse_npy(bytes, "a", "a.npy"); }
Container parse_archive(std::span<const std::byte> bytes) { return parse_npz(bytes, "a.npz"); }

Bytes archive_of(const std::vector<ZipMember>& members) { return zip_bytes(members); }

TEST(NpyArray, ReadsHandMadeFiles) {
  const Section s = parse(npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }   \n", 6));
  EXPECT_EQ(s.dtype, "U8");
  EXPECT_EQ(s.shape, Shape({2, 3}));
  EXPECT_EQ(s.bytes.back(), std::byte{5});
  EXPECT_EQ(parse(npy("{\"shape\":(),'fortran_order':False,'descr':'<f8'}\n", 8, 2)).shape, Shape({}));
  EXPECT_EQ(parse(npy("{'descr': '<i4', 'fortran_order': False, 'shape': (0,)}\n", 0, 3)).shape, Shape({0}));
}

TEST(NpyArray, TurnsColumnMajorArraysIntoRowMajor) {
  const Section s = parse(npy("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3)}\n", 6));
  const uint8_t expected[] = {0, 2, 4, 1, 3, 5};
  EXPECT_EQ(std::memcmp(s.bytes.data(), expected, 6), 0);
}

TEST(NpyArray, RefusesWhatItDoesNotKnow) {
  const auto header = [](const char* descr, const char* fortran, const char* shape) {
    return std::string("{'descr': ") + descr + ", 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n";
  };
  const struct {
    Bytes file;
    const char* says;
  } cases[] = {
      {Bytes(5), "byte 0: expected \\x93NUMPY"},
      {test::bytes_of("\x93NUMPX\x01\x00 and more"), "byte 0: expected \\x93NUMPY"},
      {npy(header("'|u1'", "False", "(1,)"), 1, 4), "byte 6: expected version 1.0, 2.0 or 3.0, found 4.0"},
      {npy(header("'|O'", "False", "(1,)"), 1), "objects, which only a program can read"},
      {npy(header("'>f4'", "False", "(1,)"), 4), "found '>f4'"},
      {npy(header("'<c8'", "False", "(1,)"), 8), "found '<c8'"},
      {npy(header("[('a', '<f4')]", "False", "(1,)"), 4), "found a record"},
      {npy(header("'|u1'", "0", "(1,)"), 1), "True or False"},
      {npy(header("'|u1'", "False", "(1)"), 1), "expected ',', found ')'"},
      {npy(header("'|u1'", "False", "[1]"), 1), "expected '('"},
      {npy(header("'|u1'", "False", "(-1,)"), 1), "a whole number from 0 on, found '-'"},
      {npy(header("'|u1'", "False", "(1 2)"), 1), "expected ','"},
      {npy(header("'|u1'", "False", "(,)"), 1), "a whole number from 0 on, found ','"},
      {npy(header("'|u1'", "False", "(9223372036854775808,)"), 1), "within 63 bits"},
      {npy(header("'<f8'", "False", "(9223372036854775807,)"), 1), "do not fit 63 bits"},
      {npy(header("'|u1'", "False", "(4294967296, 4294967296)"), 1), "does not fit 63 bits"},
      {npy(header("'|u1'", "False", "(1,1,1,1,1,1,1)"), 1), "at most 6 axes"},
      {npy(header("'|u1'", "False", "(2,)"), 1), "expected 2 bytes of U8 [2], found 1"},
      {npy(header("'|u1'", "False", "(2,)"), 3), "expected 2 bytes of U8 [2], found 3"},
      {npy("{'descr': '|u1', 'descr': '|u1', 'shape': (1,)}\n", 1), "once each, found 'descr'"},
      {npy("{'descr': '|u1', 'shape': (1,)}\n", 1), "once each, found fewer"},
      {npy("{'descr': '|u1', 'x': 1}\n", 1), "found 'x'"},
      {npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1,)} x\n", 1), "only spaces behind"},
      {npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}", 1), "a line end behind the header"},
      {npy("__import__('os').system('true')\n", 1), "expected '{'"},
      {npy(std::string("{'descr': '|u1', \0'shape': (1,)}\n", 33), 1), "expected text, found NUL"},
      {npy("{'descr': '|u1\n", 1), "the end of a string"},
      {npy("", 0), "a line end behind the header"},
  };
  for (const auto& [file, says] : cases) {
    const std::string message = test::refusal_of(parse, file);
    EXPECT_THAT(message, HasSubstr(says));
    EXPECT_THAT(message, HasSubstr("a.npy: byte "));
  }
}

TEST(NpzFile, ComesBackAsItWasWrittenInEveryType) {
  const test::TemporaryDirectory folder;
  Container c;
  for (const char* dtype : {"F32", "F64", "F16", "I32", "I64", "I8", "U8", "BOOL"}) {
    Section s{std::string("layer.") + dtype, dtype, {2, 3}, Bytes(section_bytes(dtype, {2, 3}))};
    for (size_t i = 0; i < s.bytes.size(); ++i) s.bytes[i] = static_cast<std::byte>(i & 1);
    c.sections.push_back(s);
  }
  c.sections.push_back(Section::of("scalar", Tensor::full({}, 3)));
  c.sections.push_back(Section::of("empty", Tensor::zeros({3, 0})));
  write_npz(folder.file("a.npz"), c);
  const Container back = read_npz(folder.file("a.npz"));
  ASSERT_EQ(back.sections.size(), c.sections.size());
  for (size_t i = 0; i < c.sections.size(); ++i) {
    EXPECT_EQ(back.sections[i].name, c.sections[i].name);
    EXPECT_EQ(back.sections[i].dtype, c.sections[i].dtype);
    EXPECT_EQ(back.sections[i].shape, c.sections[i].shape);
    EXPECT_EQ(back.sections[i].bytes, c.sections[i].bytes);
  }
  const std::vector<uint8_t> first = test::read_bytes(folder.file("a.npz"));
  write_npz(folder.file("a.npz"), c);
  EXPECT_EQ(test::read_bytes(folder.file("a.npz")), first);
  c.sections[0].dtype = "BF16";
  EXPECT_THROW(write_npz(folder.file("a.npz"), c), FormatError);
  EXPECT_EQ(test::read_bytes(folder.file("a.npz")), first);
}

TEST(NpzFile, RefusesArchivesThatAreNone) {
  const Bytes one = npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}\n", 1);
  EXPECT_THAT(test::refusal_of(parse_archive, Bytes()), HasSubstr("a.npz: expected a zip archive"));
  EXPECT_THAT(test::refusal_of(parse_archive, test::bytes_of("no zip at all")), HasSubstr("expected a zip archive"));
  EXPECT_THAT(test::refusal_of(parse_archive, archive_of({{"a.txt", one}})), HasSubstr("end with .npy"));
  EXPECT_THAT(test::refusal_of(parse_archive, archive_of({{"a.npy", test::bytes_of("x")}})),
              HasSubstr("('a.npy'): byte 0"));
  EXPECT_THROW(read_npz("/nonexistent/a.npz"), IoError);
}

TEST(NpzFile, RefusesTwoArraysOfOneName) {
  const Bytes one = npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}\n", 1);
  Bytes file = archive_of({{"a.npy", one}, {"b.npy", one}});
  for (size_t i = 0; i + 5 <= file.size(); ++i)
    if (std::memcmp(file.data() + i, "b.npy", 5) == 0) file[i] = std::byte{'a'};
  EXPECT_THAT(test::refusal_of(parse_archive, file), HasSubstr("already exists"));
}

TEST(NpzFile, AcceptsNoDamagedFile) {
  Container c;
  c.sections.push_back(Section::of("w", Tensor::from(std::vector<float>{1, 2, 3}, {3})));
  c.sections.push_back(Section::of("n", Tensor::full({}, 7, DType::s32)));
  std::vector<ZipMember> members;
  for (const Section& s : c.sections) members.push_back({s.name + ".npy", npy_bytes(s)});
  const Bytes good = archive_of(members);
  int read = 0;
  const auto visit = [&](const Bytes& bad, const std::string& deed) {
    if (!test::refusal_of(parse_archive, bad).empty()) return;
    ++read;  // zip has bytes that mean nothing here (times, versions): then the arrays must be the same
    const Container back = parse_archive(bad);
    ASSERT_LE(back.sections.size(), 2u) << deed;
    for (const Section& s : back.sections)
      EXPECT_TRUE(s.bytes == c.sections[0].bytes || s.bytes == c.sections[1].bytes) << deed;
  };
  test::for_each_small_damage(good, visit);
  test::for_each_random_damage(good, 3000, 2, visit);
  EXPECT_GT(read, 0);
}

TEST(NpzFile, RefusesABombBeforeItUnpacks) {
  if (!test::python_has("numpy")) GTEST_SKIP() << "no Python with numpy here";
  const test::TemporaryDirectory folder;
  ASSERT_EQ(test::run_python(folder, R"(
import zipfile
with zipfile.ZipFile("bomb.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
    with z.open("a.npy", "w", force_zip64=True) as f:
        for i in range(300): f.write(bytes(1 << 20))
)"),
            "");
  EXPECT_LT(std::filesystem::file_size(folder.file("bomb.npz")), 1u << 20);
  try {
    read_npz(folder.file("bomb.npz"));
    FAIL() << "read a bomb";
  } catch (const FormatError& error) {
    EXPECT_THAT(error.what(), HasSubstr("would unpack to 314572800 bytes"));
  }
}

TEST(NpzFile, ReadsWhatNumPyWrites) {
  if (!test::python_has("numpy")) GTEST_SKIP() << "no Python with numpy here";
  const test::TemporaryDirectory folder;
  ASSERT_EQ(test::run_python(folder, R"(
import numpy as np
a = np.arange(24).reshape(2, 3, 4)
arrays = {t: a.astype(t) for t in ["f4", "f8", "f2", "i4", "i8", "i1", "u1"]}
arrays.update(b=a % 2 == 0, fortran=np.asfortranarray(a.astype("f4")), empty=np.zeros((0, 3), "f4"), scalar=np.float32(2.5))
np.savez("a.npz", **arrays)
np.savez_compressed("b.npz", **arrays)
np.savez("objects.npz", a=np.array([{}], dtype=object))
)"),
            "");
  for (const char* name : {"a.npz", "b.npz"}) {
    const Container c = read_npz(folder.file(name));
    ASSERT_EQ(c.sections.size(), 11u);
    for (const char* section : {"f4", "f8", "f2", "i4", "i8", "i1", "u1", "fortran"}) {
      const Tensor t = c.find(section)->tensor().to(DType::f32);
      ASSERT_EQ(t.shape(), Shape({2, 3, 4}));
      for (int i = 0; i < 24; ++i) EXPECT_EQ(t.data<float>()[i], static_cast<float>(i)) << section;
    }
    EXPECT_EQ(c.find("b")->tensor().data<uint8_t>()[2], 1);
    EXPECT_EQ(c.find("empty")->shape, Shape({0, 3}));
    EXPECT_EQ(c.find("scalar")->tensor().item(), 2.5);
  }
  EXPECT_THROW(read_npz(folder.file("objects.npz")), FormatError);
}

TEST(NpzFile, IsReadByNumPy) {
  if (!test::python_has("numpy")) GTEST_SKIP() << "no Python with numpy here";
  const test::TemporaryDirectory folder;
  Container c;
  c.sections.push_back(Section::of("layer.weight", Tensor::from(std::vector<float>{1, 2, 3, 4, 5, 6}, {2, 3})));
  c.sections.push_back(Section::of("one", Tensor::from(std::vector<int8_t>{-1}, {1})));
  c.sections.push_back(Section::of("scalar", Tensor::full({}, 0.1, DType::f64)));
  write_npz(folder.file("a.npz"), c);
  EXPECT_EQ(test::run_python(folder, R"(
import numpy as np
z = np.load("a.npz")
assert sorted(z.files) == ["layer.weight", "one", "scalar"], z.files
assert z["layer.weight"].tolist() == [[1, 2, 3], [4, 5, 6]] and z["layer.weight"].dtype == np.float32
assert z["one"].tolist() == [-1] and z["one"].dtype == np.int8
assert z["scalar"].shape == () and z["scalar"] == 0.1
)"),
            "");
}

}  // namespace
}  // namespace pith
