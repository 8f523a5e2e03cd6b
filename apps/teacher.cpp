#include "apps/teacher.h"

#include "autograd/ops/arithmetic.h"
#include "autograd/ops/softmax_loss.h"
#include "nn/checkpoint.h"
#include "nn/fold.h"
#include "nn/models.h"
#include "tensor/atomic_file.h"
#include "tensor/checksum.h"
#include "tensor/error.h"

namespace pith::apps {
namespace {

constexpr size_t kTeacherLimit = size_t{4} << 30;  ///< bytes

}  // namespace

std::string checksum_of_file(const std::string& path) {
  Checksum sum;
  sum.add(read_file(path, kTeacherLimit));
  return sum.digest();
}

Teacher::Teacher(const TrainingOptions& o, const data::Dataset& dataset) : options_(o) {
  if (const std::string found = checksum_of_file(o.teacher); found != o.teacher_sum)
    throw FormatError(o.teacher + ": expected the teacher that the run began with, checksum " + o.teacher_sum +
                      ", found " + found);
  nn::ModelOptions options;
  options.classes = static_cast<int64_t>(dataset.classes().size());
  options.input = dataset.image_shape();
  model_ = nn::make_model(o.teacher_model, options);
  nn::load_weights(o.teacher, *model_);
  nn::fold_batch_norm(*model_);  // it only answers
}

Variable Teacher::blend(const Variable& loss, const Variable& logits, const Tensor& images, int64_t epoch) const {
  if (epoch < options_.distill_start) return loss;
  Tensor answers;
  {
    const NoGradient no_gradient;
    answers = model_->call(Variable(images)).value().contiguous();
  }
  const Variable distilled = distillation_loss(logits, answers, options_.distill_temperature);
  return add(affine(loss, options_.student_weight), affine(distilled, options_.distill_weight));
}

}  // namespace pith::apps
