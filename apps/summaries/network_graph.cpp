#include "apps/summaries/network_graph.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "apps/summaries/module_listing.h"
#include "nn/trace.h"
#include "tensor/atomic_file.h"
#include "tensor/error.h"

namespace pith::apps {
namespace {

/// Every parameter is the layer's own: leaves have no module below.
void count_parameters(nn::Module& m, GraphNode& node) {
  m.visit_parameters([&](const std::string&, nn::Parameter& p) {
    node.parameters += p.value().numel();
    if (p.shape().rank() < 2) return;
    const std::vector<float> values = p.value().to_vector<float>();
    node.weights += std::ssize(values);
    node.zeros += std::count(values.begin(), values.end(), 0.0F);
  });
}

/// A quoted string of Graphviz; also keeps HTML and line ends of a hostile name out.
std::string quoted(const std::string& name) {
  std::string out = "\"";
  for (const char c : visible(name)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

/// White for dense, darker blue with more zeros.
std::string fill_of(const GraphNode& n) {
  if (n.weights == 0) return "#f4f4f4";
  const double share = static_cast<double>(n.zeros) / static_cast<double>(n.weights);
  const auto mix = [&](int full) { return static_cast<int>(255 - share * (255 - full)); };
  return fmt::format("#{:02x}{:02x}{:02x}", mix(0x4a), mix(0x90), mix(0xd9));
}

std::string node_line(size_t i, const GraphNode& n, bool parameters) {
  std::string label = quoted(n.name);
  label.pop_back();
  label += "\\n" + n.type;
  if (parameters && !n.attributes.empty()) label += "\\n" + n.attributes;
  if (n.zeros > 0)
    label += fmt::format("\\n{:.1f} % zeros", 100.0 * static_cast<double>(n.zeros) / static_cast<double>(n.weights));
  return fmt::format("  n{} [label={}\", fillcolor=\"{}\"]\n", i, label, fill_of(n));
}

struct File {
  int descriptor = -1;
  std::string path;
  ~File() {
    if (descriptor >= 0) ::close(descriptor);
    if (!path.empty()) ::unlink(path.c_str());
  }
};

/// A temporary file holding `bytes`.
void fill_temporary(File& file, const std::string& bytes) {
  file.path = (std::filesystem::temp_directory_path() / "pith-graph-XXXXXX").string();
  file.descriptor = ::mkstemp(file.path.data());
  if (file.descriptor < 0) throw IoError(file.path + ": cannot make a temporary file: " + std::strerror(errno));
  if (::write(file.descriptor, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
    throw IoError(file.path + ": cannot write: " + std::strerror(errno));
}

}  // namespace

std::vector<GraphNode> network_graph(nn::Module& model, const Shape& image) {
  std::vector<GraphNode> graph;
  for (nn::TraceStep& step : nn::trace(model, image)) {
    GraphNode node{std::move(step.name), std::string(step.layer->type()), attributes_of(*step.layer), step.output,
                   std::move(step.inputs)};
    count_parameters(*step.layer, node);
    graph.push_back(std::move(node));
  }
  return graph;
}

std::string dot_text(const std::vector<GraphNode>& graph, const Shape& image, const std::string& title,
                     bool parameters) {
  std::string out = fmt::format(
      "digraph {} {{\n  label={}; labelloc=t; fontname=\"sans-serif\";\n"
      "  node [shape=box, style=\"rounded,filled\", fillcolor=white, fontname=\"sans-serif\", fontsize=11]\n"
      "  edge [fontname=\"sans-serif\", fontsize=9]\n  image [label=\"image\", shape=oval]\n",
      quoted(title), quoted(title));
  for (size_t i = 0; i < graph.size(); ++i) out += node_line(i, graph[i], parameters);
  for (size_t i = 0; i < graph.size(); ++i) {
    for (const int64_t from : graph[i].inputs) {
      const std::string tail = from < 0 ? "image" : fmt::format("n{}", from);
      std::string label = text(from < 0 ? image : graph[static_cast<size_t>(from)].output);
      if (parameters && graph[i].parameters > 0) label += fmt::format("\\n{} parameters", graph[i].parameters);
      out += fmt::format("  {} -> n{} [label=\"{}\"]\n", tail, i, label);
    }
  }
  return out + "}\n";
}

void draw_png(const std::string& dot, const std::string& path) {
  File source, picture;
  fill_temporary(source, dot);
  fill_temporary(picture, "");
  const std::string output = "-o" + picture.path;
  char* const argv[] = {const_cast<char*>("dot"), const_cast<char*>("-Tpng"), const_cast<char*>(output.c_str()),
                        const_cast<char*>(source.path.c_str()), nullptr};
  pid_t child = 0;
  const int failed = ::posix_spawnp(&child, "dot", nullptr, nullptr, argv, environ);
  if (failed == ENOENT)
    throw IoError(
        "pictures are drawn by Graphviz's `dot`, which is not here; install the package graphviz, or ask for "
        "--kind model");
  if (failed != 0) throw IoError(std::string("dot: cannot start: ") + std::strerror(failed));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw IoError("dot: failed to draw " + path);
  write_file_atomically(path, read_file(picture.path, size_t{1} << 28));
}

}  // namespace pith::apps
