// Text for language models: words split by spaces, numbered by a vocabulary, cut into batches of running text.
//
// Invariant: the vocabulary comes from the training text alone; a word it does not know is `<unk>`. Every line ends in
// the token `<eos>`, an empty one too (the reading that gives WikiText-2 its published 217646 and 245569 tokens).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tensor/tensor.h"

namespace pith::data {

/// The tokens of a text: words between ASCII blanks, and "<eos>" for every line. The last line needs no newline.
std::vector<std::string> tokenize(std::string_view text);

/// The tokens of a file, plain or gzip by content. Throws IoError; FormatError for a file without tokens or over 1 GiB.
std::vector<std::string> read_tokens(const std::string& path);

/// Words and their numbers: number 0 is the most frequent word; equal counts go by first appearance.
class Vocabulary {
 public:
  /// The words of a training text, and "<unk>" (last where the text has none).
  explicit Vocabulary(const std::vector<std::string>& tokens);

  int64_t size() const { return static_cast<int64_t>(words_.size()); }
  /// The number of a word; that of "<unk>" for a word that is not here.
  int32_t id(std::string_view word) const;
  /// Throws ArgumentError outside [0, size()).
  const std::string& word(int32_t id) const;
  std::vector<int32_t> encode(const std::vector<std::string>& tokens) const;

 private:
  std::vector<std::string> words_;
  std::unordered_map<std::string, int32_t> ids_;
  int32_t unknown_ = 0;
};

/// A folder of texts, as numbers.
struct TextSource {
  Vocabulary vocabulary;
  std::vector<int32_t> train, test;
  std::string trained_on;  ///< path of the file that `train` and the vocabulary come from
};

/// Opens "wikitext-2" (below `root`, see data_root) or a folder: train.txt, or valid.txt where there is no train.txt,
/// to train on; test.txt to test with; each plain or .gz. Throws IoError where a text is missing.
TextSource open_text(const std::string& name, const std::string& root = "");

/// Inputs and the words that follow them: s32 [steps, n] each.
struct TextBatch {
  Tensor inputs, targets;
};

/// Cuts a text into n columns that run on from batch to batch, `steps` words at a time (truncated backpropagation
/// through time): column j is the j-th n-th part of the text; words that do not fill a row are left out.
class TextBatcher {
 public:
  /// Throws ArgumentError for n or steps below 1, or a text with fewer than two rows of n words.
  TextBatcher(std::vector<int32_t> tokens, int64_t n, int64_t steps);

  int64_t batches() const { return (rows_ - 2) / steps_ + 1; }
  /// Words that are predicted in one pass over the text.
  int64_t predictions() const { return (rows_ - 1) * n_; }
  /// Batch i: row t of the inputs is row i * steps + t of the columns. The last batch may have fewer rows.
  /// Throws ArgumentError outside [0, batches()).
  TextBatch batch(int64_t i) const;

 private:
  std::vector<int32_t> tokens_;
  int64_t n_, steps_, rows_;
};

}  // namespace pith::data
