// What only running a network tells of its layers: how long each takes alone, and how many zeros it reads.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "data/loader.h"
#include "nn/integer_network.h"

namespace pith::apps {

/// Of one layer run alone, as it would run in inference; microseconds.
struct LayerLatency {
  double best = 0, median = 0;
  int64_t runs = 0;
};

/// Each Conv2d and Linear of the model, by name, on what a batch of `batch` images [c, h, w] of noise brings to it.
/// Runs each for at least `milliseconds` and 5 times. The layer stands alone: its batch norm, sum and ReLU are not
/// counted.
std::map<std::string, LayerLatency> layer_latencies(nn::Module& model, const Shape& image, int64_t batch,
                                                    double milliseconds = 20);
/// Each layer of an integer network by name, from the integers it reads to those it puts out, within the network:
/// requantization, sum and ReLU are counted.
std::map<std::string, LayerLatency> integer_latencies(const nn::IntegerNetwork& network, int64_t batch,
                                                      double milliseconds = 200);
/// The network in evaluation, likewise. The batch norms are used as they are; fold first for what inference costs.
LayerLatency network_latency(nn::Module& model, const Shape& image, int64_t batch, double milliseconds = 100);

/// Share of exact zeros, in percent, among what each Conv2d and Linear reads over all batches of the loader.
std::map<std::string, double> input_zeros(nn::Module& model, data::Loader& loader);

}  // namespace pith::apps
