// An ONNX file in another reader's hands: onnx's own checker, then PyTorch node by node (tests/oracle/onnx_check.py).
#pragma once

#include <cstdlib>
#include <string>

#include "tests/apps/program.h"
#include "tests/support/golden.h"

namespace pith::test {

/// Exit code of that reader for a model that gives `logits` [n, ...] for `images` [n, c, h, w], f32: 0 where it gets
/// the same within `share` of the largest, 1 where not, 77 where Debian's packages are missing.
inline int onnx_check(const std::string& model, const Tensor& images, const Tensor& logits, double share = 2e-4) {
  const TemporaryDirectory folder;
  const auto write = [&](const char* name, const Tensor& t) {
    const std::vector<float> values = t.to_vector<float>();
    write_text(folder.file(name), {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)});
  };
  write("x.f32", images);
  write("y.f32", logits);
  write_text(folder.file("m.onnx"), model);
  const std::string command = "/usr/bin/python3 " + std::string(PITH_DOCS) + "/../tests/oracle/onnx_check.py " +
                              folder.file("m.onnx") + " " + folder.file("x.f32") + " " + folder.file("y.f32") + " " +
                              std::to_string(images.shape()[0]) + " " + std::to_string(share);
  return WEXITSTATUS(std::system(command.c_str()));
}

}  // namespace pith::test
