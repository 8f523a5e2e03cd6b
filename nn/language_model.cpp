#include "nn/language_model.h"

#include <string>

#include "nn/init.h"
#include "tensor/error.h"
#include "tensor/random.h"

namespace pith::nn {
namespace {

constexpr double kWordBound = 0.1;  // of the first encoder and decoder weights, as PyTorch's example has it

LanguageModelOptions checked(const LanguageModelOptions& o) {
  for (const int64_t size : {o.words, o.embedding, o.hidden, o.layers})
    if (size < 1) throw ArgumentError("language model: a size of " + std::to_string(size) + "; at least 1");
  if (o.tied && o.embedding != o.hidden)
    throw ArgumentError("language model: tied weights need equal widths, here are an embedding of " +
                        std::to_string(o.embedding) + " and a hidden width of " + std::to_string(o.hidden));
  return o;
}

void fill_words(Parameter& p, const RandomKey& key) {
  Tensor t = Tensor::empty(p.shape(), p.value().dtype());
  fill_uniform(t, -kWordBound, kWordBound, key);
  p.load(t);
}

}  // namespace

LanguageModel::LanguageModel(const LanguageModelOptions& options)
    : options_(checked(options)),
      drop_(&add_module("drop", std::make_unique<Dropout>(options.dropout))),
      encoder_(&add_module("encoder", std::make_unique<Embedding>(options.words, options.embedding))),
      rnn_(&add_module("rnn", std::make_unique<Lstm>(options.embedding, options.hidden,
                                                     LstmOptions{options.layers, options.dropout}))),
      decoder_(&add_module("decoder", options.tied ? std::make_unique<Linear>(encoder_->weight())
                                                   : std::make_unique<Linear>(options.hidden, options.words))) {}

Variable LanguageModel::forward(const Variable& x) {
  const Variable y = rnn_->call(drop_->call(encoder_->call(x)), state_);
  state_ = detach(state_);
  return decoder_->call(drop_->call(y));
}

std::unique_ptr<LanguageModel> make_language_model(const LanguageModelOptions& options, uint64_t seed) {
  auto model = std::make_unique<LanguageModel>(options);
  initialize(*model, seed);
  model->visit_parameters([&](const std::string& name, Parameter& p) {
    if (name == "encoder.weight") fill_words(p, {.seed = seed, .purpose = Purpose::init, .epoch = 1, .item = 0});
    if (name == "decoder.weight") fill_words(p, {.seed = seed, .purpose = Purpose::init, .epoch = 1, .item = 1});
    if (name == "decoder.bias") p.load(Tensor::zeros(p.shape(), p.value().dtype()));
  });
  return model;
}

}  // namespace pith::nn
