// Channels: which channels of a network are one and the same, who makes them, who reads them, and which of them are
// constant. A channel that a residual sum, a depthwise convolution or a batch norm passes on is the same channel; so
// the parts of all weights that must go together have one number. The rules of each layer stand in channels.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nn/trace.h"

namespace pith::compress {

/// One channel (or feature) of one value.
struct Channel {
  int64_t id = 0;            ///< ask ChannelMap::root which of them are one
  bool is_constant = false;  ///< the same number at every pixel of every image, in evaluation
  double value = 0;          ///< which
};

/// An axis of a parameter or buffer, and the channels that its places belong to.
struct Binding {
  std::string tensor;  ///< dotted name
  int axis = 0;
  std::vector<int64_t> ids = {};
  std::string maker = {};  ///< the layer whose filters these are, or "": others follow them
};

/// A convolution or linear layer that mixes its inputs: the place where a channel matters or does not.
struct Reader {
  std::string name;  ///< of the layer; its weight is [out, in, ...]
  nn::Module* layer = nullptr;
  std::vector<Channel> inputs = {};
  std::vector<bool> weighs = {};  ///< per input: is one of its weights not 0?
  bool pads = false;              ///< its border reads zeros, where a constant input is not constant
  bool has_bias = false;
  std::string norm_mean = {};  ///< running mean of the batch norm that alone reads it, or ""
};

class ChannelMap {
 public:
  /// Walks the network. Throws Error for a layer whose channels it does not know (LSTM, Embedding, ...) and where a
  /// layer runs twice.
  explicit ChannelMap(const std::vector<nn::TraceStep>& steps);

  int64_t root(int64_t id) const;
  int64_t count() const { return static_cast<int64_t>(parent_.size()); }
  /// May the channel never go? Those of the image, of the network's outputs, and of layers that fix their width.
  bool is_locked(int64_t id) const { return locked_[static_cast<size_t>(root(id))]; }
  const std::vector<Binding>& bindings() const { return bindings_; }
  const std::vector<Reader>& readers() const { return readers_; }

 private:
  friend class ChannelWalk;
  std::vector<int64_t> parent_;
  std::vector<bool> locked_;
  std::vector<Binding> bindings_;
  std::vector<Reader> readers_;
};

}  // namespace pith::compress
