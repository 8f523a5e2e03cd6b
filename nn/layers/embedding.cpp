#include "nn/layers/embedding.h"

#include "nn/apply.h"

namespace pith::nn {

Embedding::Embedding(int64_t words, int64_t features)
    : weight_(add_parameter("weight", Tensor::zeros({words, features}))) {}

Variable Embedding::forward(const Variable& x) { return apply_embedding(weight_, x.value()); }

}  // namespace pith::nn
