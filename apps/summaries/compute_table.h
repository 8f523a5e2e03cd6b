// The compute table: Distiller's columns, then what an engine knows besides.
#pragma once

#include <map>

#include "apps/summaries/layer_measurement.h"
#include "apps/summaries/table.h"
#include "nn/compute.h"

namespace pith::apps {

/// A weight as a file holds it.
struct StoredWeight {
  std::string format;  ///< "F32", "I8", ...: the type as written
  int64_t bytes = 0;
};
/// By parameter, from a file of weights. Throws IoError or FormatError.
std::map<std::string, StoredWeight> stored_weights(const std::string& path);

/// What was measured; empty maps where nothing was.
struct ComputeFacts {
  std::map<std::string, StoredWeight> stored;
  std::map<std::string, LayerLatency> latency;
  std::map<std::string, double> input_zeros;
};

/// Name, Type, Attrs, IFM, IFM volume, OFM, OFM volume, Weights volume, MACs as Distiller has them; Density (%),
/// Effective MACs (zeros subtracted), Acc bits (8x8: 16 + ceil(log2(products a sum)), what an accumulator needs that
/// never overflows); and Format, Bytes, IFM zeros (%), Best (us), Median (us) where they are known.
Table compute_summary(nn::Module& model, const Shape& image, const ComputeFacts& facts = {});

}  // namespace pith::apps
