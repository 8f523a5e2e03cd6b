// What a student hears: the answers of float weights, or those of a packed file on integers; and which files are
// refused.
#include "apps/teacher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "autograd/ops/softmax_loss.h"
#include "nn/checkpoint.h"
#include "nn/models.h"
#include "nn/packed_network.h"
#include "tensor/error.h"
#include "tests/support/files.h"
#include "tests/support/proved_networks.h"

namespace pith::apps {
namespace {

using testing::HasSubstr;

/// Says what images there are; nobody looks at them.
class Described : public data::Dataset {
 public:
  Described(Shape image, size_t classes) : image_(image), classes_(classes, "some") {}
  int64_t size() const override { return 0; }
  const Shape& image_shape() const override { return image_; }
  const std::vector<std::string>& classes() const override { return classes_; }
  std::span<const uint8_t> pixels(int64_t) const override { return {}; }
  int32_t label(int64_t) const override { return 0; }

 private:
  Shape image_;
  std::vector<std::string> classes_;
};

const Shape kImage{1, 12, 12};

TrainingOptions options_of(const std::string& file) {
  TrainingOptions o;
  o.teacher = file;
  o.teacher_model = "lenet5";
  o.teacher_sum = checksum_of_file(file);
  o.distill_temperature = 2;
  o.distill_weight = 1;
  o.student_weight = 0;
  return o;
}

/// The loss of a student that answered `logits`, with nothing but the teacher to learn from.
double heard(const TrainingOptions& o, const Tensor& images, const Tensor& logits, const Shape& image = kImage) {
  const Teacher teacher(o, Described(image, 10));
  return teacher.blend(Variable(Tensor::full({}, 7)), Variable(logits), images, 0).value().item();
}

TEST(Teacher, AnswersWithAPackedFilesIntegers) {
  const test::TemporaryDirectory folder;
  const nn::IntegerSpec spec = test::quantized_network("lenet5", kImage, {.bits_weights = 4});
  nn::write_packed_network(folder.file("w4.safetensors"), spec);
  const Tensor images = test::waves(5, kImage, 3), logits = test::wave({5, 10}, 1, DType::f32);
  const Tensor answers = nn::IntegerNetwork(spec).run(images).contiguous();
  const double expected = distillation_loss(Variable(logits), answers, 2).value().item();
  EXPECT_GT(expected, 0.01);
  EXPECT_EQ(heard(options_of(folder.file("w4.safetensors")), images, logits), expected);
}

TEST(Teacher, AnswersWithFloatWeightsAsTheirNetworkDoesInEvaluation) {
  const test::TemporaryDirectory folder;
  const Shape image{3, 8, 8};
  const auto model = nn::make_model("resnet20-cifar", {.input = image, .seed = 5});  // whose batch norms are folded
  nn::save_checkpoint(folder.file("f32.safetensors"), *model, nullptr, nullptr);
  model->set_training(false);
  TrainingOptions o = options_of(folder.file("f32.safetensors"));
  o.teacher_model = "resnet20-cifar";
  const Tensor images = test::waves(5, image, 3), logits = test::wave({5, 10}, 1, DType::f32);
  const NoGradient inference;
  const Tensor answers = model->call(Variable(images)).value().contiguous();
  const double expected = distillation_loss(Variable(logits), answers, 2).value().item();
  EXPECT_NEAR(heard(o, images, logits, image), expected, 1e-5 * expected);
}

TEST(Teacher, RefusesAPackedFileForOtherImagesOrClasses) {
  const test::TemporaryDirectory folder;
  const std::string file = folder.file("w8.safetensors");
  nn::write_packed_network(file, test::quantized_network("lenet5", kImage, {}));
  const auto refusal = [&](const Shape& image, size_t classes) {
    return test::message_of<FormatError>([&] { Teacher(options_of(file), Described(image, classes)); });
  };
  EXPECT_THAT(refusal({3, 32, 32}, 10),
              HasSubstr("w8.safetensors: expected a teacher for images of [3, 32, 32], found"));
  EXPECT_THAT(refusal(kImage, 7), HasSubstr("w8.safetensors: expected a teacher of 7 classes, found one of 10"));
}

}  // namespace
}  // namespace pith::apps
