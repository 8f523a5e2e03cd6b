// Embedding: rows of a table by index.
#pragma once

#include "nn/module.h"

namespace pith::nn {

/// weight [words, features]. x: s32 indices [...] -> [..., features]. Throws FormatError for an index outside
/// [0, words).
class Embedding : public Module {
 public:
  Embedding(int64_t words, int64_t features);
  std::string_view type() const override { return "Embedding"; }
  Parameter& weight() { return weight_; }

 protected:
  Variable forward(const Variable& x) override;

 private:
  Parameter& weight_;
};

}  // namespace pith::nn
