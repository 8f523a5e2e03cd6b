#include "tensor/pth_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "tensor/error.h"
#include "tensor/pickle_machine.h"
#include "tensor/zip_file.h"
#include "tests/support/files.h"
#include "tests/support/hostile_bytes.h"
#include "tests/support/python.h"

namespace pith {
namespace {

using namespace std::string_literals;
using test::Bytes;
using test::bytes_of;
using testing::HasSubstr;

// Pieces of pickles by hand.
std::string text(const std::string& s) { return "X"s + static_cast<char>(s.size()) + "\0\0\0"s + s; }
std::string small(int n) { return "K"s + static_cast<char>(n); }
std::string storage(int elements, const std::string& type = "FloatStorage", const std::string& key = "0") {
  return "(" + text("storage") + "ctorch\n" + type + "\n" + text(key) + text("cpu") + small(elements) + "tQ";
}
const std::string kDictionary = "ccollections\nOrderedDict\n)R";
/// size and stride: pushed tuples.
std::string tensor(const std::string& store, int offset, const std::string& size, const std::string& stride) {
  return "ctorch._utils\n_rebuild_tensor_v2\n(" + store + small(offset) + size + stride + "\x89" + kDictionary + "tR";
}
std::string pair(int a, int b) { return small(a) + small(b) + "\x86"; }
std::string state(const std::string& value) { return "\x80\x02}" + text("w") + value + "s."; }

Bytes archive_of(const std::string& pickle, size_t storage_bytes = 24) {
  Bytes data(storage_bytes);
  for (size_t i = 0; i < storage_bytes / 4; ++i) {
    const float value = static_cast<float>(i);
    std::memcpy(data.data() + 4 * i, &value, 4);
  }
  const std::vector<ZipMember> members{
      {"m/data.pkl", bytes_of(pickle)}, {"m/data/0", data}, {"m/version", bytes_of("3\n")}};
  return zip_bytes(members);
}

Container parse(std::span<const std::byte> bytes) { return parse_pth(bytes, "a.pth"); }
std::string refusal(const Bytes& bytes) { return test::refusal_of(parse, bytes); }

std::vector<float> floats(const Section& s) {
  const Tensor t = s.tensor();
  return {t.data<float>(), t.data<float>() + t.numel()};
}

TEST(PthFile, ReadsAHandMadeStateDictionary) {
  const Container c = parse(archive_of(state(tensor(storage(6), 0, pair(2, 3), pair(3, 1)))));
  ASSERT_EQ(c.sections.size(), 1u);
  EXPECT_EQ(c.sections[0].name, "w");
  EXPECT_EQ(c.sections[0].shape, Shape({2, 3}));
  EXPECT_EQ(floats(c.sections[0]), (std::vector<float>{0, 1, 2, 3, 4, 5}));
}

TEST(PthFile, HonoursStridesAndOffsets) {
  const auto values = [](int offset, const std::string& size, const std::string& stride) {
    return floats(parse(archive_of(state(tensor(storage(6), offset, size, stride)))).sections.at(0));
  };
  EXPECT_EQ(values(0, pair(3, 2), pair(1, 3)), (std::vector<float>{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(values(1, pair(2, 2), pair(3, 1)), (std::vector<float>{1, 2, 4, 5}));
  EXPECT_EQ(values(5, pair(2, 2), pair(0, 0)), (std::vector<float>{5, 5, 5, 5}));
  EXPECT_EQ(values(2, ")", ")"), (std::vector<float>{2}));
  EXPECT_TRUE(values(200, pair(0, 9), pair(9, 9)).empty());
}

TEST(PthFile, RefusesTensorsThatLeaveTheirStorage) {
  const auto says = [](int offset, const std::string& size, const std::string& stride, int elements = 6) {
    return refusal(archive_of(state(tensor(storage(elements), offset, size, stride))));
  };
  EXPECT_THAT(says(1, pair(2, 3), pair(3, 1)),
              HasSubstr("tensor 'w': expected a tensor within its storage, found element 6 of a storage of 6"));
  EXPECT_THAT(says(0, pair(2, 3), pair(4, 1)), HasSubstr("element 6 of a storage of 6"));
  EXPECT_THAT(says(0, pair(2, 3), small(3) + "\x85"), HasSubstr("1 strides for shape [2, 3]"));
  EXPECT_THAT(says(0, pair(2, 3), pair(3, 1), 7), HasSubstr("expected 7 elements of F32, found 24 bytes"));
  const std::string big = "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f"s, minus = "J\xff\xff\xff\xff"s;
  EXPECT_THAT(says(0, pair(2, 3), big + big + "\x86"), HasSubstr("63 bits"));
  EXPECT_THAT(says(0, big + big + "\x86", pair(0, 0)), HasSubstr("63 bits"));
  EXPECT_THAT(says(0, big + "\x85", small(0) + "\x85"), HasSubstr("63 bits"));
  EXPECT_THAT(says(0, small(2) + minus + "\x86", pair(3, 1)), HasSubstr("negative extent"));
  EXPECT_THAT(says(3, pair(2, 2), minus + small(1) + "\x86"), HasSubstr("a stride of -1"));
  EXPECT_THAT(refusal(archive_of(state("ctorch._utils\n_rebuild_tensor_v2\n(" + storage(6) + minus + pair(1, 1) +
                                       pair(1, 1) + "\x89" + kDictionary + "tR"))),
              HasSubstr("an offset of -1"));
  // A stride of 0 makes 2^31 - 1 elements out of one: refused before memory is taken.
  EXPECT_THAT(says(0, "J\xff\xff\xff\x7f\x85"s, small(0) + "\x85"), HasSubstr("would unpack to 8589934588 bytes"));
}

TEST(PthFile, RefusesEveryGlobalThatIsNoTensor) {
  for (const char* global :
       {"os\nsystem", "builtins\neval", "torch\nload", "torch.storage\n_load_from_bytes",
        "torch._utils\n_rebuild_tensor", "collections\nCounter", "numpy.core.multiarray\n_reconstruct"}) {
    const std::string message =
        refusal(archive_of("\x80\x02"
                           "c"s +
                           global + "\n" + text("true") + "\x85R."));
    std::string name = global;
    name[name.find('\n')] = ' ';
    EXPECT_THAT(message, HasSubstr("byte 2: expected only tensors"));
    EXPECT_THAT(message, HasSubstr("the global '" + name + "'"));
  }
}

TEST(PthFile, RefusesEveryOpcodeThatIsNotOfAStateDictionary) {
  const std::string allowed = "\x80(NKMJ\x8aGX)t\x85\x86\x87]}aesuqrhjcQRb.\x88\x89";
  int refused = 0;
  for (int opcode = 0; opcode < 256; ++opcode) {
    if (allowed.find(static_cast<char>(opcode)) != std::string::npos) continue;
    ++refused;
    EXPECT_THAT(refusal(archive_of("\x80\x02"s + static_cast<char>(opcode) + std::string(20, 'x'))),
                HasSubstr("byte 2: expected an opcode of a state dictionary, found opcode " + std::to_string(opcode)));
  }
  EXPECT_EQ(refused, 256 - 31);
}

TEST(PthFile, RefusesPicklesThatMakeNoSense) {
  const struct {
    std::string pickle;
    const char* says;
  } cases[] = {
      {"", "1 more bytes"},
      {"\x80\x04N.", "protocol 4"},
      {"\x80\x02", "1 more bytes, found 0"},
      {"\x80\x02.", "one value at the end, found 0"},
      {"\x80\x02NN.", "one value at the end, found 2"},
      {"\x80\x02(N.", "one value at the end"},
      {"\x80\x02N.x", "the end of the file"},
      {"\x80\x02N.", "expected a state dictionary, found None"},
      {"\x80\x02s.", "a value on the stack, found none"},
      {"\x80\x02}N.", "one value at the end"},
      {"\x80\x02}Ns.", "a value on the stack"},
      {"\x80\x02NNNs.", "expected a dictionary, found None"},
      {"\x80\x02}(Nu.", "keys with values"},
      {"\x80\x02u.", "a mark on the stack"},
      {"\x80\x02(NK\x01s.", "a value on the stack"},
      {"\x80\x02h\x05.", "a remembered value, found none under 5"},
      {"\x80\x02q\x05.", "a value on the stack"},
      {"\x80\x02X\xff\xff\xff\xffw.", "4294967295 more bytes"},
      {"\x80\x02\x8a\x09"
       "123456789.",
       "a number within 64 bits"},
      {"\x80\x02"
       "cno line end",
       "1 more bytes"},
      {"\x80\x02NR.", "expected a tuple, found None"},
      {"\x80\x02N)R.", "expected a global, found None"},
      {"\x80\x02"
       "ccollections\nOrderedDict\nN\x85R.",
       "collections OrderedDict' with arguments"},
      {"\x80\x02"
       "ctorch\nFloatStorage\n)R.",
       "torch FloatStorage' with arguments"},
      {"\x80\x02"
       "ctorch._utils\n_rebuild_tensor_v2\n)R.",
       "a tensor of 6 facts"},
      {"\x80\x02"
       "ctorch._utils\n_rebuild_parameter\n)R.",
       "a parameter of 3 facts"},
      {"\x80\x02)Q.", "a storage of 5 facts"},
      {"\x80\x02NQ.", "expected a tuple, found None"},
      {state("N"), "expected a tensor under 'w', found None"},
      {"\x80\x02}K\x01Ns.", "names as keys"},
      {"\x80\x02}(" + text("w") + tensor(storage(6), 0, ")", ")") + text("w") + tensor(storage(6), 0, ")", ")") + "u.",
       "the name 'w' twice"},
      {state(tensor(storage(6, "FloatStorage", "../../1"), 0, ")", ")")),
       "expected a member 'm/data/../../1', found none"},
      {state(tensor(storage(6, "DoubleStorage"), 0, ")", ")")), "expected 6 elements of F64, found 24 bytes"},
      {state(tensor("N", 0, ")", ")")), "expected a storage, found None"},
      {state(tensor(storage(6), 0, "N", ")")), "expected a tuple, found None"},
      {state(tensor(storage(6), 0, "N\x85", ")")), "expected a whole number, found None"},
  };
  for (const auto& [pickle, says] : cases) {
    const std::string message = refusal(archive_of(pickle));
    EXPECT_THAT(message, HasSubstr(says));
    EXPECT_THAT(message, HasSubstr("a.pth"));
  }
}

TEST(PthFile, IsNotHurtByDepthAndCircles) {
  std::string deep = "\x80\x02}";
  deep += text("state_dict") + "}s" + text("x");
  for (int i = 0; i < 100'000; ++i) deep += ']';
  for (int i = 0; i < 99'999; ++i) deep += 'a';
  EXPECT_EQ(parse(archive_of(deep + "s.")).sections.size(), 0u);
  EXPECT_EQ(parse(archive_of("\x80\x02}q\x01" + text("state_dict") + "}s" + text("self") + "h\x01s.")).sections.size(),
            0u);
  EXPECT_THAT(refusal(archive_of("\x80\x02(" + std::string(600'000, 'N') + "t.")), HasSubstr("at most 500000 values"));
}

TEST(PthFile, RefusesArchivesThatAreNoneOfTorch) {
  EXPECT_THAT(refusal(bytes_of("\x80\x02\x8a\nl\xfc\x9c\x46\xf9 the format of torch before 1.6")),
              HasSubstr("a.pth: expected a zip archive"));
  EXPECT_THAT(refusal(zip_bytes(std::vector<ZipMember>{{"x", Bytes(3)}})),
              HasSubstr("expected a member FOLDER/data.pkl"));
  EXPECT_THAT(refusal(zip_bytes(std::vector<ZipMember>{{"a/data.pkl", Bytes(3)}, {"b/data.pkl", Bytes(3)}})),
              HasSubstr("found two"));
  const std::vector<ZipMember> big{{"m/data.pkl", bytes_of("}.")}, {"m/byteorder", bytes_of("big")}};
  EXPECT_THAT(refusal(zip_bytes(big)), HasSubstr("expected the byte order 'little', found 'big'"));
  EXPECT_THROW(read_pth("/nonexistent/a.pth"), IoError);
}

TEST(PthFile, AcceptsNoDamagedFile) {
  const std::string pickle = state(tensor(storage(6), 0, pair(2, 3), pair(3, 1)));
  const Bytes good = archive_of(pickle);
  const Section expected = parse(good).sections.at(0);
  const auto visit = [&](const Bytes& bad, const std::string& deed) {
    if (!refusal(bad).empty()) return;
    for (const Section& s : parse(bad).sections) EXPECT_EQ(s.bytes, expected.bytes) << deed;
  };
  test::for_each_small_damage(good, visit);
  test::for_each_random_damage(good, 3000, 3, visit);
  // The machine alone, where no checksum of the archive stands before it: any answer but a crash.
  int read = 0;
  const auto run = [&](const Bytes& bad, const std::string&) {
    if (test::refusal_of([](std::span<const std::byte> b) { run_pickle(b, "p"); }, bad).empty()) ++read;
  };
  test::for_each_small_damage(bytes_of(pickle), run);
  test::for_each_random_damage(bytes_of(pickle), 5000, 4, run);
  EXPECT_GT(read, 0);
}

TEST(PthFile, ReadsWhatTorchWrites) {
  if (!test::python_has("torch")) GTEST_SKIP() << "no Python with torch here";
  const test::TemporaryDirectory folder;
  ASSERT_EQ(test::run_python(folder, R"(
import collections, torch
a = torch.arange(24.).reshape(2, 3, 4)
tensors = collections.OrderedDict(
    f32=a, f64=a.double(), f16=a.half(), bf16=a.bfloat16(), i64=a.long(), i32=a.int(), i16=a.short(), i8=a.char(),
    u8=a.byte(), flags=a > 11, turned=a.permute(2, 0, 1).contiguous().permute(1, 2, 0), part=torch.arange(100.)[20:44].reshape(2, 3, 4),
    scalar=torch.tensor(2.5), empty=torch.zeros(0, 3), parameter=torch.nn.Parameter(a))
torch.save(tensors, "plain.pth")
torch.save({"epoch": 3, "best": 0.5, "arch": "x", "list": [1, None, True, -5, 1 << 40], "state_dict": tensors}, "nested.pth")
torch.save(tensors, "old.pth", _use_new_zipfile_serialization=False)
net = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3))
torch.save(net.state_dict(), "net.pth")
torch.save(net, "program.pth")
opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
net(torch.ones(1, 2, 4, 4)).sum().backward(); opt.step()
torch.save({"state_dict": net.state_dict(), "optimizer": opt.state_dict()}, "run.pth")
)"),
            "");
  for (const char* name : {"plain.pth", "nested.pth"}) {
    const Container c = read_pth(folder.file(name));
    ASSERT_EQ(c.sections.size(), 15u);
    for (const char* section :
         {"f32", "f64", "f16", "bf16", "i64", "i32", "i16", "i8", "u8", "turned", "part", "parameter"}) {
      const Tensor t = c.find(section)->tensor().to(DType::f32);
      ASSERT_EQ(t.shape(), Shape({2, 3, 4}));
      const float first = section == "part"s ? 20 : 0;
      for (int i = 0; i < 24; ++i) EXPECT_EQ(t.data<float>()[i], first + static_cast<float>(i)) << section;
    }
    EXPECT_EQ(c.find("flags")->tensor().data<uint8_t>()[12], 1);
    EXPECT_EQ(c.find("flags")->tensor().data<uint8_t>()[11], 0);
    EXPECT_EQ(c.find("scalar")->tensor().item(), 2.5);
    EXPECT_EQ(c.find("empty")->shape, Shape({0, 3}));
  }
  EXPECT_EQ(read_pth(folder.file("net.pth")).sections.size(), 7u);
  EXPECT_EQ(read_pth(folder.file("run.pth")).sections.size(), 7u);
  EXPECT_THROW(read_pth(folder.file("old.pth")), FormatError);
  try {
    read_pth(folder.file("program.pth"));
    FAIL() << "read a program";
  } catch (const FormatError& error) {
    EXPECT_THAT(error.what(), HasSubstr("the global 'torch.nn.modules.container Sequential'"));
  }
}

}  // namespace
}  // namespace pith
