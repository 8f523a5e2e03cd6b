// A word-level language model: embedding, LSTM layers, linear decoder (Zaremba et al. 2014; PyTorch's example).
#pragma once

#include <memory>

#include "nn/layers/dropout.h"
#include "nn/layers/embedding.h"
#include "nn/layers/linear.h"
#include "nn/layers/lstm.h"
#include "nn/module.h"

namespace pith::nn {

struct LanguageModelOptions {
  int64_t words = 0;
  int64_t embedding = 200;
  int64_t hidden = 200;
  int64_t layers = 2;
  double dropout = 0.2;
  /// The decoder's weight is the embedding's (Press & Wolf 2017); needs embedding == hidden.
  bool tied = false;
};

/// Names: encoder.weight, rnn.weight_ih_l0, ..., decoder.weight, decoder.bias; tied: no decoder.weight, it is
/// encoder.weight. x: s32 word indices [steps, n] -> logits [steps, n, words].
///
/// The hidden state is carried from one call to the next and cut from its history there (truncated backpropagation).
/// Call reset_state() where a new text begins or n changes.
class LanguageModel : public Module {
 public:
  /// Zeros; make_language_model fills it. Throws ArgumentError for sizes below 1 or a tie of unequal widths.
  explicit LanguageModel(const LanguageModelOptions& options);
  std::string_view type() const override { return "LanguageModel"; }

  void reset_state() { state_ = {}; }
  const LstmState& state() const { return state_; }
  void set_state(LstmState state) { state_ = std::move(state); }
  const LanguageModelOptions& options() const { return options_; }

 protected:
  Variable forward(const Variable& x) override;

 private:
  LanguageModelOptions options_;
  Dropout* drop_;
  Embedding* encoder_;
  Lstm* rnn_;
  Linear* decoder_;
  LstmState state_;
};

/// Initialised as PyTorch's example: encoder and decoder weights uniform in +-0.1, decoder bias 0, LSTM uniform in
/// +-1/sqrt(hidden).
std::unique_ptr<LanguageModel> make_language_model(const LanguageModelOptions& options, uint64_t seed);

}  // namespace pith::nn
