// `pith export`: a network as a file for other programs: C or ONNX.
#include <fmt/format.h>

#include <filesystem>

#include "apps/checks.h"
#include "apps/cli.h"
#include "apps/exports/c_source.h"
#include "apps/exports/onnx_file.h"
#include "apps/exports/quantized_onnx.h"
#include "apps/named_network.h"
#include "apps/report.h"
#include "apps/summaries/table.h"
#include "nn/fold.h"
#include "nn/integer_network.h"
#include "nn/quantized_training.h"
#include "tensor/atomic_file.h"
#include "tensor/error.h"

namespace pith::apps {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  pith export w8a8.safetensors --out resnet20.c          (then: cc -O3 -DPITH_CHECK resnet20.c && ./a.out)\n"
    "  pith export w8a8.safetensors --out resnet20.onnx       (QuantizeLinear and DequantizeLinear)\n"
    "  pith export runs/r20 --out resnet20.onnx               (float, batch norm folded)\n"
    "  pith export dense.safetensors --model resnet20-cifar --out resnet20.onnx";

struct Options {
  CommonOptions common;
  NetworkChoice network;
  std::string out;
  bool keeps_norm = false;
};

/// What was made of the network, and what --json says of it besides the file.
struct Made {
  std::string text, form;
  Json facts = Json::object();
};

/// A packed network, or what a run in whole numbers trained; null: a float network.
std::unique_ptr<nn::IntegerNetwork> integers_of(nn::Module& network) {
  if (const auto* const packed = dynamic_cast<const nn::IntegerNetwork*>(&network))
    return std::make_unique<nn::IntegerNetwork>(packed->spec());
  if (auto* const trained = dynamic_cast<nn::QuantizedTraining*>(&network))
    return std::make_unique<nn::IntegerNetwork>(trained->spec());
  return nullptr;
}

Made as_c(const NamedNetwork& n, const std::string& out) {
  const auto integers = integers_of(*n.network);
  if (integers == nullptr)
    throw ArgumentError("--out " + out + ": a C file computes on integers, the weights of " + n.weights +
                        " are real; `pith quantize` packs them");
  CSource c = c_source(*integers, std::filesystem::path(out).stem().string());
  Made made{.text = std::move(c.text),
            .form = fmt::format("C99, integers: void {}(const float *image, float *logits)\n"
                                "{} bytes of constants, {} bytes of static memory",
                                c.function, c.constant_bytes, c.static_bytes)};
  made.facts = {{"function", c.function}, {"constant_bytes", c.constant_bytes}, {"static_bytes", c.static_bytes}};
  return made;
}

Made as_onnx(NamedNetwork& n, bool keeps_norm) {
  if (const auto integers = integers_of(*n.network))
    return {.text = quantized_onnx(integers->spec(), n.model), .form = "ONNX, integers (QDQ)"};
  if (!keeps_norm) nn::fold_batch_norm(*n.network);
  return {.text = onnx_text(*n.network, n.images.image, n.model),
          .form = std::string("ONNX, float, batch norm ") + (keeps_norm ? "as it is" : "folded")};
}

void export_network(const Options& o) {
  apply(o.common);
  Console console(o.common.console);
  const std::string ending = std::filesystem::path(o.out).extension().string();
  if (ending != ".c" && ending != ".onnx")
    throw ArgumentError("--out takes the file to write, named .c or .onnx, not \"" + visible(o.out) + "\"");
  NamedNetwork n = open_network(o.network);
  const Made made = ending == ".c" ? as_c(n, o.out) : as_onnx(n, o.keeps_norm);
  write_file_atomically(o.out, std::as_bytes(std::span(made.text.data(), made.text.size())));
  console.result(fmt::format("{}: {} bytes, {}", o.out, made.text.size(), made.form));
  if (!console.json()) return;
  Json json{{"out", o.out}, {"bytes", made.text.size()}, {"model", n.model}, {"weights", n.weights}};
  json.update(made.facts);
  console.document(json.dump(2));
}

}  // namespace

void add_export(CLI::App& program, Action& action) {
  auto o = std::make_shared<Options>();
  CLI::App& c = add_command(program, "export", "write a network as C or ONNX", o->common, kExamples);
  c.add_option("network", o->network.path, "a file of `pith quantize`, the folder of a run, or weights with --model")
      ->required();
  c.add_option("-o,--out", o->out, "file to write: .c (packed networks) or .onnx")->required();
  c.add_option("-m,--model", o->network.model, "what network a file of weights is of");
  c.add_option("-d,--data", o->network.data,
               "data set whose classes and images it knows; default: what the model's "
               "name speaks of");
  c.add_option("--data-root", o->network.data_root, "where data sets lie; default: $PITH_DATA, then ~/.cache/pith");
  c.add_flag("--keep-norm", o->keeps_norm, "float ONNX: batch norm stays a node of its own");
  c.callback([o, &action] { action = [o] { export_network(*o); }; });
}

}  // namespace pith::apps
