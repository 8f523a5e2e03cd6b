#include "compress/schedule/policy.h"

#include <cstring>

#include "tensor/error.h"

namespace pith::compress {

std::vector<Bound> bind(const Method& method, nn::Module& model) {
  std::vector<Bound> bound;
  std::vector<bool> used(method.selectors().size(), false);
  model.visit_parameters([&](const std::string& name, nn::Parameter& p) {
    for (size_t i = 0; i < used.size(); ++i) used[i] = used[i] || method.selectors()[i].matches(name);
    if (!method.takes(name, p.shape())) return;
    try {
      method.check(name, p.shape());
    } catch (const Error& e) {
      throw ArgumentError(name + ": " + e.what());
    }
    bound.push_back({name, &p});
  });
  for (size_t i = 0; i < used.size(); ++i)
    if (!used[i]) throw ArgumentError("no parameter of the model is called " + method.selectors()[i].pattern());
  return bound;
}

Tensor words_of(const Mask& mask) {
  std::vector<int32_t> halves(mask.words().size() * 2);
  std::memcpy(halves.data(), mask.words().data(), mask.words().size_bytes());
  return Tensor::from(halves, {static_cast<int64_t>(halves.size())});
}

std::shared_ptr<const Mask> mask_from(const Tensor& t, const Shape& shape) {
  if (t.dtype() != DType::s32) throw FormatError("schedule state: a mask is s32, here is " + text(t));
  const std::vector<int32_t> halves = t.to_vector<int32_t>();
  std::vector<uint64_t> words(halves.size() / 2);
  std::memcpy(words.data(), halves.data(), words.size() * sizeof(uint64_t));
  return std::make_shared<const Mask>(shape, std::move(words));
}

Tensor numbers_of(const std::vector<double>& values) {
  return Tensor::from(values, {static_cast<int64_t>(values.size())});
}

}  // namespace pith::compress
