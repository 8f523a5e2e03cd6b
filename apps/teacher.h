// Knowledge distillation: a trained network whose softened answers a student learns beside the labels (Hinton, Vinyals,
// Dean 2015).
//
// Invariant: the teacher is never trained; its file is known by checksum, so that a run that goes on has the same one.
#pragma once

#include <memory>

#include "apps/training_options.h"
#include "autograd/variable.h"
#include "data/dataset.h"
#include "nn/module.h"

namespace pith::apps {

class Teacher {
 public:
  /// The network in options.teacher for these images and classes: float weights of options.teacher_model, or a packed
  /// file, which answers on integers and so sooner. Throws what loading throws, and FormatError where the file is
  /// another than the run began with or a packed one is for other images or classes.
  Teacher(const TrainingOptions& options, const data::Dataset& dataset);

  /// student_weight * loss + distill_weight * T^2 KL(teacher || student) from epoch distill_start on, `loss` before.
  /// logits: the student's for these images.
  Variable blend(const Variable& loss, const Variable& logits, const Tensor& images, int64_t epoch) const;

 private:
  const TrainingOptions options_;
  std::unique_ptr<nn::Module> model_;
};

/// Checksum of a teacher's file, for the settings.
std::string checksum_of_file(const std::string& path);

}  // namespace pith::apps
