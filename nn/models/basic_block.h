// BasicBlock: the two-convolution block of residual networks (He et al. 2016), named as torchvision and Distiller have
// it.
#pragma once

#include "nn/layers/sequential.h"
#include "nn/module.h"

namespace pith::nn {

/// y = relu(bn2(conv2(relu1(bn1(conv1(x))))) + shortcut(x)). The shortcut is x itself, or downsample.0 (1 x 1
/// convolution) and downsample.1 (batch norm) where extent or width change. x [n, in, h, w] -> [n, out, h / stride, w /
/// stride].
class BasicBlock : public Module, public Staged {
 public:
  struct Widths {
    int64_t in, out, stride;
  };
  /// Shortcut::none makes the block of a plain network: no sum, no downsample.
  enum class Shortcut : bool { none, residual };
  BasicBlock(const Widths& s, Shortcut shortcut = Shortcut::residual);
  std::string_view type() const override { return "BasicBlock"; }
  std::vector<Stage> stages() const override { return {first_, second_}; }

 protected:
  Variable forward(const Variable& x) override;

 private:
  Stage first_, second_;
  Sequential* downsample_ = nullptr;
};

/// A column of `count` blocks "0", "1", ...; the first changes width and extent.
template <class Block, class... Rest>
std::unique_ptr<Sequential> make_column(int64_t count, typename Block::Widths widths, Rest... rest) {
  auto column = std::make_unique<Sequential>();
  for (int64_t i = 0; i < count; ++i) {
    column->add(std::make_unique<Block>(widths, rest...));
    widths = {widths.out, widths.out, 1};
  }
  return column;
}

}  // namespace pith::nn
