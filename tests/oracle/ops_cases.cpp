// Writes random calls of every catalogue row with our values and gradients to one safetensors file, for torch_ops.py.
// Sections of case i: "i/input0", ..., "i/direction", "i/value", "i/gradient0", ..., "i/attribute/NAME"; metadata "i"
// is the row's name. All f64.
#include <cstdio>
#include <cstdlib>

#include "autograd/catalog.h"
#include "tensor/container.h"
#include "tensor/error.h"

namespace pith {
namespace {

constexpr uint64_t kCases = 60;

void add_case(Container& out, const CatalogRow& row, uint64_t item) {
  Draw draw(99, item, 4);
  const Example e = row.random(draw);
  const std::string key = std::to_string(out.metadata.size());
  out.metadata[key] = row.name;
  const auto write = [&](const std::string& name, const Tensor& t) {
    if (t.defined()) out.sections.push_back(Section::of(key + "/" + name, t));
  };
  std::vector<Variable> v;
  for (const Tensor& t : e.inputs) v.emplace_back(t, true);
  const Variable y = e.call(v);
  const Tensor direction = output_direction(y.shape(), DType::f64);
  y.backward(direction);
  write("value", y.value());
  write("direction", direction);
  for (size_t i = 0; i < v.size(); ++i) {
    write("input" + std::to_string(i), e.inputs[i]);
    write("gradient" + std::to_string(i), v[i].gradient());
  }
  for (const auto& [name, numbers] : e.attributes)
    write("attribute/" + name, Tensor::from(numbers, {static_cast<int64_t>(numbers.size())}));
}

int run(const char* path) {
  Container out;
  for (const CatalogRow& row : catalog())
    for (uint64_t i = 0; i < kCases; ++i) add_case(out, row, i);
  write_container(path, out);
  return 0;
}

}  // namespace
}  // namespace pith

int main(int argc, char** argv) {
  try {
    if (argc == 2) return pith::run(argv[1]);
    std::fprintf(stderr, "usage: %s FILE\n", argv[0]);
    return 2;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
