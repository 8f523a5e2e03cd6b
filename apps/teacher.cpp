#include "apps/teacher.h"

#include "apps/classification_task.h"
#include "autograd/ops/arithmetic.h"
#include "autograd/ops/softmax_loss.h"
#include "nn/fold.h"
#include "nn/integer_network.h"
#include "nn/packed_network.h"
#include "tensor/atomic_file.h"
#include "tensor/checksum.h"
#include "tensor/error.h"

namespace pith::apps {
namespace {

constexpr size_t kTeacherLimit = size_t{4} << 30;  ///< bytes

std::unique_ptr<nn::Module> float_network(const TrainingOptions& o, const data::Dataset& dataset) {
  TrainingOptions trained;
  trained.model = o.teacher_model;
  trained.init = o.teacher;
  auto model = make_network(trained, dataset);
  nn::fold_batch_norm(*model);  // it only answers
  return model;
}

std::unique_ptr<nn::Module> packed_network(const TrainingOptions& o, const data::Dataset& dataset) {
  nn::IntegerSpec spec = nn::read_packed_network(o.teacher);
  if (spec.input != dataset.image_shape())
    throw FormatError(o.teacher + ": expected a teacher for images of " + text(dataset.image_shape()) +
                      ", found one for " + text(spec.input));
  auto model = std::make_unique<nn::IntegerNetwork>(std::move(spec));
  const Shape& image = dataset.image_shape();
  const Tensor answer = model->run(Tensor::zeros({1, image[0], image[1], image[2]}));
  if (answer.shape()[1] != std::ssize(dataset.classes()))
    throw FormatError(o.teacher + ": expected a teacher of " + std::to_string(dataset.classes().size()) +
                      " classes, found one of " + std::to_string(answer.shape()[1]));
  return model;
}

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
  model_ = nn::is_packed_network(o.teacher) ? packed_network(o, dataset) : float_network(o, dataset);
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
