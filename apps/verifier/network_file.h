// A packed network as the verifier reads it: integers alone, from the bytes of the file (nn/packed_network.h says how
// they lie). Shares no code with the reader that inference uses.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pith::apps::verifier {

struct FileLayer {
  std::string name, kind;
  int64_t input = 0;       ///< value that it reads; 0 is the network's input, i + 1 what layer i gives
  int64_t bits = 1;        ///< of the weights
  int64_t value_bits = 8;  ///< of what it gives
  int64_t rows = 0, depth = 0;
  std::vector<int> weights;   ///< rows x depth
  std::vector<int64_t> bias;  ///< rows; empty with dynamic ranges
  bool sums() const { return kind == "conv" || kind == "linear" || kind == "mean_pool"; }
};

struct NetworkFile {
  std::string model, content;  ///< content: the checksum that the file states
  bool is_dynamic = false;
  int64_t input_bits = 8;
  std::vector<int64_t> zero_points;  ///< one a value
  std::vector<FileLayer> layers;
};

/// Throws FormatError or IoError naming the file.
NetworkFile read_network_file(const std::string& path);
/// The whole file. Throws IoError.
std::string file_text(const std::string& path);

}  // namespace pith::apps::verifier
