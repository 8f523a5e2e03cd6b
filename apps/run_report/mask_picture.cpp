#include "apps/run_report/mask_picture.h"

#include <algorithm>

#include "data/image_file.h"
#include "tensor/error.h"

namespace pith::apps {

std::vector<std::byte> mask_picture(const Tensor& w) {
  const int rank = w.shape().rank();
  if ((rank != 2 && rank != 4) || w.numel() == 0)
    throw ShapeError("mask_picture: wants a weight of two or four axes with elements, got " + text(w.shape()));
  constexpr int64_t kRows = 256, kColumns = 768;
  const int64_t rows = w.shape()[0], columns = w.numel() / rows;
  const int64_t height = std::min(rows, kRows), width = std::min(columns, kColumns);
  const std::vector<float> values = w.to_vector<float>();
  std::vector<int64_t> kept(static_cast<size_t>(height * width)), all(kept.size());
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) {
      const auto pixel = static_cast<size_t>(r * height / rows * width + c * width / columns);
      kept[pixel] += values[static_cast<size_t>(r * columns + c)] != 0;
      ++all[pixel];
    }
  }
  data::Image image{height, width, 1, std::vector<uint8_t>(kept.size())};
  for (size_t i = 0; i < kept.size(); ++i) image.pixels[i] = static_cast<uint8_t>(255 - 255 * kept[i] / all[i]);
  return data::encode_png(image);
}

}  // namespace pith::apps
