// The network as a graph of its leaves: who reads whose output (nn/trace.h), drawn by Graphviz's `dot`, which is looked
// for when it is needed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nn/module.h"

namespace pith::apps {

/// A leaf that ran; inputs are places of earlier leaves in the list, -1 is the image.
struct GraphNode {
  std::string name, type, attributes;
  Shape output;
  std::vector<int64_t> inputs;
  int64_t parameters = 0;
  int64_t weights = 0, zeros = 0;  ///< of its parameters of two or more axes
};

/// The leaves in the order in which they run for an image [c, h, w], batch 1, in evaluation.
std::vector<GraphNode> network_graph(nn::Module& model, const Shape& image);

/// In Graphviz's language. Shapes stand on the edges; with `parameters` their number, too, and the sizes in the nodes.
/// The fuller of zeros a layer's weight, the darker its fill.
std::string dot_text(const std::vector<GraphNode>& graph, const Shape& image, const std::string& title,
                     bool parameters);

/// Draws `dot` as a PNG at `path`. Throws IoError where Graphviz is missing or fails, or the file cannot be written.
void draw_png(const std::string& dot, const std::string& path);

}  // namespace pith::apps
