#include "tensor/container.h"

#include <gtest/gtest.h>

#include "tensor/error.h"
#include "tests/support/files.h"

namespace pith {
namespace {

TEST(Container, ComesBackAsItWasWritten) {
  const test::TemporaryDirectory folder;
  Container c;
  c.metadata["arch"] = "lenet \"5\" \xc3\xa9\n";
  c.sections.push_back(Section::of("w", Tensor::from(std::vector<float>{1, 2, 3, 4, 5, -0.0f}, {2, 3})));
  c.sections.push_back(Section::of("empty", Tensor::zeros({0, 4}, DType::u8)));
  c.sections.push_back(Section::of("scalar", Tensor::full({}, 7, DType::s32)));
  write_container(folder.file("a.safetensors"), c);
  const Container back = read_container(folder.file("a.safetensors"));
  ASSERT_EQ(back.sections.size(), 3u);
  EXPECT_EQ(back.metadata.at("arch"), c.metadata.at("arch"));
  for (const Section& s : c.sections) {
    ASSERT_NE(back.find(s.name), nullptr);
    EXPECT_EQ(back.find(s.name)->bytes, s.bytes);
    EXPECT_EQ(back.find(s.name)->dtype, s.dtype);
    EXPECT_EQ(back.find(s.name)->shape, s.shape);
  }
}

}  // namespace
}  // namespace pith
