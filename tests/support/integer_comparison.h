// The integers of every value of a network, compared by equality: packed inference with the training-time graph, and
// with the slow twin.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "nn/integer_network.h"
#include "nn/quantized_training.h"
#include "tensor/kernels/table.h"
#include "tests/support/integer_twin.h"

namespace pith::test {

/// Integers of all values that differ between the graph, in the mode it is in, and the packed network `spec`; how many
/// were compared is added to `seen`.
inline int64_t differing(nn::QuantizedTraining& training, const nn::IntegerSpec& spec, const Tensor& x,
                         const KernelTable& table, int64_t& seen) {
  std::vector<std::vector<float>> graph;
  training.run(Variable(x), [&](int64_t, const Tensor& v) { graph.push_back(v.to_vector<float>()); });
  int64_t count = 0;
  nn::IntegerNetwork(spec).run(
      x,
      [&](int64_t value, const ops::QuantizedTensor& q) {
        const std::vector<float> packed = q.values.to_vector<float>();
        const std::vector<float>& real = graph[static_cast<size_t>(value)];
        ASSERT_EQ(packed.size(), real.size());
        for (size_t i = 0; i < real.size(); ++i) count += packed[i] - static_cast<float>(q.zero_point) != real[i];
        seen += std::ssize(real);
      },
      table);
  return count;
}

/// Every integer and every logit of `spec` is the twin's.
inline void expect_twin(const nn::IntegerSpec& spec, const Tensor& x, const KernelTable& table,
                        const std::string& what) {
  const IntegerTwin twin(spec, x);
  const Tensor logits = nn::IntegerNetwork(spec).run(
      x,
      [&](int64_t value, const ops::QuantizedTensor& q) {
        if (value == std::ssize(spec.layers)) return;
        EXPECT_EQ(q.values.to_vector<uint8_t>(), twin.values().integers[static_cast<size_t>(value)])
            << what << " batch " << x.shape()[0] << " value " << value << " " << table.isa;
      },
      table);
  EXPECT_EQ(logits.to_vector<float>(), twin.values().logits) << what;
}

}  // namespace pith::test
