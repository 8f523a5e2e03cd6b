#include "data/text.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "data/data_root.h"
#include "data/gzip_file.h"
#include "tensor/error.h"

namespace pith::data {
namespace {

namespace fs = std::filesystem;
constexpr size_t kMaxBytes = size_t{1} << 30;
constexpr std::string_view kEndOfLine = "<eos>", kUnknown = "<unk>", kBlanks = " \t\r\v\f";

void append_words(std::string_view line, std::vector<std::string>& tokens) {
  for (size_t at = line.find_first_not_of(kBlanks); at != line.npos;) {
    const size_t end = std::min(line.find_first_of(kBlanks, at), line.size());
    tokens.emplace_back(line.substr(at, end - at));
    at = line.find_first_not_of(kBlanks, end);
  }
  tokens.emplace_back(kEndOfLine);
}

/// name.txt or name.txt.gz in a folder, "" where neither is there.
std::string text_path(const fs::path& folder, const std::string& name) {
  for (const char* ending : {".txt", ".txt.gz"})
    if (const fs::path p = folder / (name + ending); fs::exists(p)) return p.string();
  return "";
}

}  // namespace

std::vector<std::string> tokenize(std::string_view text) {
  std::vector<std::string> tokens;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    append_words(text.substr(0, end), tokens);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return tokens;
}

std::vector<std::string> read_tokens(const std::string& path) {
  const std::vector<uint8_t> bytes = read_inflated(path, kMaxBytes);
  if (bytes.empty()) throw FormatError(path + ": the text is empty");
  return tokenize({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

Vocabulary::Vocabulary(const std::vector<std::string>& tokens) {
  std::vector<std::pair<int64_t, int32_t>> counts;  // (-count, order of appearance)
  for (const std::string& token : tokens) {
    const auto [at, is_new] = ids_.try_emplace(token, static_cast<int32_t>(counts.size()));
    if (is_new) {
      counts.emplace_back(0, at->second);
      words_.push_back(token);
    }
    --counts[static_cast<size_t>(at->second)].first;
  }
  std::sort(counts.begin(), counts.end());
  std::vector<std::string> sorted;
  for (const auto& [count, appeared] : counts) sorted.push_back(std::move(words_[static_cast<size_t>(appeared)]));
  words_ = std::move(sorted);
  if (!ids_.contains(std::string(kUnknown))) words_.emplace_back(kUnknown);
  for (size_t i = 0; i < words_.size(); ++i) ids_[words_[i]] = static_cast<int32_t>(i);
  unknown_ = ids_.at(std::string(kUnknown));
}

int32_t Vocabulary::id(std::string_view word) const {
  const auto at = ids_.find(std::string(word));
  return at == ids_.end() ? unknown_ : at->second;
}

const std::string& Vocabulary::word(int32_t id) const {
  if (id < 0 || id >= size())
    throw ArgumentError("vocabulary: word " + std::to_string(id) + " of " + std::to_string(size()) + " was asked for");
  return words_[static_cast<size_t>(id)];
}

std::vector<int32_t> Vocabulary::encode(const std::vector<std::string>& tokens) const {
  std::vector<int32_t> ids;
  ids.reserve(tokens.size());
  for (const std::string& token : tokens) ids.push_back(id(token));
  return ids;
}

TextSource open_text(const std::string& name, const std::string& root) {
  const fs::path folder = fs::is_directory(name) ? fs::path(name) : fs::path(data_root(root)) / name;
  std::string train = text_path(folder, "train");
  if (train.empty()) train = text_path(folder, "valid");
  if (train.empty())
    throw IoError((folder / "train.txt").string() + ": no such file (nor .gz, nor valid.txt); give a folder of texts");
  const std::string test = text_path(folder, "test");
  if (test.empty()) throw IoError((folder / "test.txt").string() + ": no such file (nor .gz); it is what is scored");
  const std::vector<std::string> tokens = read_tokens(train);
  Vocabulary vocabulary(tokens);
  std::vector<int32_t> trained_on = vocabulary.encode(tokens), tested_with = vocabulary.encode(read_tokens(test));
  return {std::move(vocabulary), std::move(trained_on), std::move(tested_with), train};
}

TextBatcher::TextBatcher(std::vector<int32_t> tokens, int64_t n, int64_t steps)
    : tokens_(std::move(tokens)), n_(n), steps_(steps), rows_(0) {
  if (n < 1 || steps < 1)
    throw ArgumentError("text: batches of " + std::to_string(n) + " columns and " + std::to_string(steps) +
                        " steps; at least 1 of each");
  rows_ = static_cast<int64_t>(tokens_.size()) / n;
  if (rows_ < 2)
    throw ArgumentError("text: " + std::to_string(tokens_.size()) + " words do not make two rows of " +
                        std::to_string(n) + " columns");
}

TextBatch TextBatcher::batch(int64_t i) const {
  if (i < 0 || i >= batches())
    throw ArgumentError("text: batch " + std::to_string(i) + " of " + std::to_string(batches()) + " was asked for");
  const int64_t first = i * steps_, steps = std::min(steps_, rows_ - 1 - first);
  TextBatch b{Tensor::empty({steps, n_}, DType::s32), Tensor::empty({steps, n_}, DType::s32)};
  int32_t *inputs = b.inputs.mutable_data<int32_t>(), *targets = b.targets.mutable_data<int32_t>();
  for (int64_t t = 0; t < steps; ++t)
    for (int64_t j = 0; j < n_; ++j) {
      const int32_t* const at = tokens_.data() + j * rows_ + first + t;
      *inputs++ = at[0];
      *targets++ = at[1];
    }
  return b;
}

}  // namespace pith::data
