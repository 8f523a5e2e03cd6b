// The training loop of the language model: running text instead of images, perplexity instead of top-1.
//
// Invariant: as apps/training.h; the hidden state that runs on from batch to batch is part of the checkpoint.
#pragma once

#include "apps/compression.h"
#include "apps/console.h"
#include "apps/run_directory.h"
#include "apps/training_options.h"
#include "data/text.h"
#include "nn/language_model.h"

namespace pith::apps {

/// Sums over predicted words.
struct TextScore {
  double loss_sum = 0;
  int64_t words = 0;
  double loss() const { return loss_sum / static_cast<double>(words); }
  double perplexity() const;  ///< exp(loss)
};

/// Texts and network: everything that may be refused before a run begins.
struct TextTask {
  std::vector<int32_t> train, validation, test;  ///< validation: the last part of the training text, or nothing
  std::unique_ptr<nn::LanguageModel> model;      ///< with weights from the seed or from options.init
  std::unique_ptr<Compression> compression;
};
/// Throws what data::open_text throws.
TextTask open_text_task(const TrainingOptions& options);

/// Perplexity of a text, the hidden state running on from its beginning; `on_batch` may throw to stop. The model's mode
/// and hidden state are restored.
TextScore evaluate_text(nn::LanguageModel& model, const std::vector<int32_t>& text, const TrainingOptions& options,
                        const std::function<void()>& on_batch);

struct LanguageResult {
  int64_t best_epoch = -1;  ///< 0-based
  TextScore test;           ///< of the best epoch's weights
};
/// As train(). Batches of options.batch_size columns, options.bptt words a step.
LanguageResult train_language(const TrainingOptions& options, const TextTask& task, RunDirectory& run,
                              Console& console);

}  // namespace pith::apps
