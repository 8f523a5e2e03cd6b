#include "nn/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "nn/models.h"
#include "tensor/container.h"
#include "tensor/error.h"
#include "tensor/npz_file.h"
#include "tests/support/files.h"
#include "tests/support/hostile_bytes.h"
#include "tests/support/python.h"

namespace pith::nn {
namespace {

using testing::HasSubstr;

/// Two parameters and a buffer under dotted names; forward does nothing.
class Part : public Module {
 public:
  explicit Part(float first) {
    std::vector<float> values(15);
    for (size_t i = 0; i < values.size(); ++i) values[i] = first + static_cast<float>(i);
    add_parameter("weight", Tensor::from(values, {3, 5}));
    add_parameter("bias", Tensor::full({3}, first));
    add_buffer("running_mean", Tensor::full({3}, first / 2));
  }
  std::string_view type() const override { return "Part"; }

 protected:
  Variable forward(const Variable& x) override { return x; }
};
class Toy : public Module {
 public:
  explicit Toy(float first) {
    add_module("a", std::make_unique<Part>(first));
    add_module("b", std::make_unique<Part>(first + 100));
  }
  std::string_view type() const override { return "Toy"; }

 protected:
  Variable forward(const Variable& x) override { return x; }
};

Parameter& parameter(Module& model, const std::string& name) {
  Parameter* found = nullptr;
  model.visit_parameters([&](const std::string& n, Parameter& p) {
    if (n == name) found = &p;
  });
  if (found == nullptr) throw std::runtime_error("no parameter " + name);
  return *found;
}

std::shared_ptr<const Mask> odd_mask() {
  std::vector<float> keep(15);
  for (size_t i = 0; i < keep.size(); ++i) keep[i] = static_cast<float>(i % 2);
  return std::make_shared<const Mask>(Mask::from(Tensor::from(keep, {3, 5}), Granularity::row));
}

/// Everything about a model and its optimizer as one comparable value.
std::vector<std::string> snapshot(Module& model, Optimizer* optimizer) {
  std::vector<std::string> out;
  const auto add = [&](const std::string& name, const Tensor& t) {
    const Section s = Section::of(name, t);
    out.push_back(name + s.dtype + text(s.shape) +
                  std::string(reinterpret_cast<const char*>(s.bytes.data()), s.bytes.size()));
  };
  model.visit_parameters([&](const std::string& name, Parameter& p) {
    add(name, p.value());
    if (p.mask()) add(name + std::string(pith::name(p.mask()->granularity())), p.mask()->to_tensor());
    if (p.quant()) out.push_back(name + std::to_string(p.quant()->bits) + std::to_string(p.quant()->scale.at(0)));
  });
  model.visit_buffers([&](const std::string& name, Tensor& b) { add(name, b); });
  if (optimizer != nullptr) {
    optimizer->visit_state([&](const std::string& name, Tensor& t) { add(name, t); });
    out.push_back(std::to_string(optimizer->steps()));
  }
  return out;
}

void step(Module& model, Optimizer& optimizer, double gradient) {
  model.visit_parameters([&](const std::string&, Parameter& p) {
    p.clear_gradient();
    p.set_gradient(Tensor::full(p.shape(), gradient));
  });
  optimizer.step(0.125);
}

RunState some_run() {
  RunState run;
  run.settings = {{"model", "toy"}, {"lr", "0.1"}, {"note", "a \"quoted\" \xc3\xa9"}};
  run.epoch = 3;
  run.step = int64_t{1} << 40;
  run.rate_state = {0.1, -0.0, std::numeric_limits<double>::infinity(), 1e-310, -std::numeric_limits<double>::max()};
  run.best = 1.0 / 3;
  run.best_epoch = -1;
  run.metrics_bytes = 77;
  run.events_bytes = 99;
  run.running = {2.5, 3};
  return run;
}

/// The message of the FormatError that `act` throws, or "".
template <class F>
std::string refusal(const F& act) {
  try {
    act();
  } catch (const FormatError& error) {
    return error.what();
  }
  return "";
}

using MakeOptimizer = std::unique_ptr<Optimizer> (*)(Module&);
std::unique_ptr<Optimizer> sgd(Module& m) { return make_sgd(m, {.momentum = 0.9}); }
std::unique_ptr<Optimizer> adam(Module& m) { return make_adam(m, {}); }

TEST(Checkpoint, BringsBackModelMasksOptimizerAndRunToTheBit) {
  for (const MakeOptimizer make : {&sgd, &adam}) {
    const test::TemporaryDirectory folder;
    Toy model(1), other(50);
    const auto optimizer = make(model), other_optimizer = make(other);
    parameter(model, "a.weight").set_mask(odd_mask());
    parameter(model, "b.weight").set_quant(std::make_shared<const QuantParams>(QuantParams{4, true, {0.5f}, {1}}));
    parameter(other, "b.bias").set_mask(std::make_shared<const Mask>(Shape{3}));  // the file has none: it goes
    step(model, *optimizer, 0.3);
    step(model, *optimizer, -0.7);
    const RunState run = some_run();
    save_checkpoint(folder.file("a"), model, optimizer.get(), &run);
    const RunState back = load_checkpoint(folder.file("a"), other, other_optimizer.get());
    EXPECT_EQ(snapshot(other, other_optimizer.get()), snapshot(model, optimizer.get()));
    EXPECT_EQ(back.settings, run.settings);
    EXPECT_EQ(back.epoch, run.epoch);
    EXPECT_EQ(back.step, run.step);
    ASSERT_EQ(back.rate_state.size(), run.rate_state.size());
    EXPECT_EQ(std::memcmp(back.rate_state.data(), run.rate_state.data(), 5 * sizeof(double)), 0);
    EXPECT_EQ(back.best, run.best);
    EXPECT_EQ(back.best_epoch, run.best_epoch);
    EXPECT_EQ(back.metrics_bytes, run.metrics_bytes);
    EXPECT_EQ(back.events_bytes, run.events_bytes);
    EXPECT_EQ(back.running, run.running);
    // And both go on alike.
    step(model, *optimizer, 0.2);
    step(other, *other_optimizer, 0.2);
    EXPECT_EQ(snapshot(other, other_optimizer.get()), snapshot(model, optimizer.get()));
    // Same state, same bytes.
    save_checkpoint(folder.file("b"), model, optimizer.get(), &run);
    save_checkpoint(folder.file("c"), other, other_optimizer.get(), &back);
    EXPECT_EQ(test::read_bytes(folder.file("b")), test::read_bytes(folder.file("c")));
  }
}

TEST(Checkpoint, KeepsANotANumberOfTheRun) {
  const test::TemporaryDirectory folder;
  Toy model(1);
  RunState run;
  run.best = std::nan("");
  save_checkpoint(folder.file("a"), model, nullptr, &run);
  EXPECT_TRUE(std::isnan(load_checkpoint(folder.file("a"), model, nullptr).best));
}

TEST(Checkpoint, WritesMasksAsPackedBitsThatAnybodyCanRead) {
  const test::TemporaryDirectory folder;
  Toy model(1);
  parameter(model, "a.weight").set_mask(odd_mask());
  save_checkpoint(folder.file("a"), model, nullptr, nullptr);
  const Container c = read_container(folder.file("a"));
  ASSERT_NE(c.find("a.weight.mask"), nullptr);
  EXPECT_EQ(c.find("a.weight.mask")->bytes, (std::vector<std::byte>{std::byte{0xaa}, std::byte{0x2a}}));
  EXPECT_EQ(c.metadata.at("pith.masks"), R"({"a.weight":{"shape":[3,5],"granularity":"row"}})");
}

TEST(Checkpoint, ServesEvaluationWithoutOptimizerAndRun) {
  const test::TemporaryDirectory folder;
  Toy model(1), other(50), third(70);
  const auto optimizer = sgd(model);
  const RunState run = some_run();
  parameter(model, "a.weight").set_mask(odd_mask());
  save_checkpoint(folder.file("a"), model, optimizer.get(), &run);
  EXPECT_EQ(load_checkpoint(folder.file("a"), other, nullptr).epoch, 3);
  EXPECT_EQ(snapshot(other, nullptr), snapshot(model, nullptr));
  load_weights(folder.file("a"), third);
  EXPECT_EQ(snapshot(third, nullptr), snapshot(model, nullptr));
}

/// Saves a good checkpoint, lets `change` spoil it (with a new checksum), and expects a refusal that changes nothing.
template <class Change>
void expect_refused(const char* says, const Change& change) {
  const test::TemporaryDirectory folder;
  Toy model(1), other(50);
  const auto optimizer = sgd(model), other_optimizer = sgd(other);
  parameter(model, "a.weight").set_mask(odd_mask());
  parameter(other, "b.weight").set_mask(odd_mask());
  const RunState run = some_run();
  save_checkpoint(folder.file("a"), model, optimizer.get(), &run);
  Container c = read_container(folder.file("a"));
  change(c);
  write_container(folder.file("a"), c);
  const std::vector<std::string> before = snapshot(other, other_optimizer.get());
  const std::string message = refusal([&] { load_checkpoint(folder.file("a"), other, other_optimizer.get()); });
  EXPECT_THAT(message, HasSubstr(says));
  EXPECT_THAT(message, HasSubstr(folder.file("a")));
  EXPECT_EQ(snapshot(other, other_optimizer.get()), before) << says;
}

Section& section(Container& c, const std::string& name) {
  for (Section& s : c.sections)
    if (s.name == name) return s;
  throw std::runtime_error("no section " + name);
}

TEST(Checkpoint, RefusesByNameWhatDoesNotFitAndChangesNothing) {
  expect_refused("a checkpoint of Pith", [](Container& c) { c.metadata.erase("pith.checkpoint"); });
  expect_refused("checkpoint version 1, found '2'", [](Container& c) { c.metadata["pith.checkpoint"] = "2"; });
  expect_refused("a tensor 'b.bias' [3], found none",
                 [](Container& c) { std::erase_if(c.sections, [](const Section& s) { return s.name == "b.bias"; }); });
  expect_refused("shape [3] for 'b.running_mean', found [4]", [](Container& c) {
    section(c, "b.running_mean") = Section::of("b.running_mean", Tensor::zeros({4}));
  });
  expect_refused("type f32 for 'b.bias', found F64",
                 [](Container& c) { section(c, "b.bias") = Section::of("b.bias", Tensor::zeros({3}, DType::f64)); });
  expect_refused("only sections that the model has, found 'c.bias' [3]",
                 [](Container& c) { c.sections.push_back(Section::of("c.bias", Tensor::zeros({3}))); });
  expect_refused("a section 'a.weight.mask', found none", [](Container& c) {
    std::erase_if(c.sections, [](const Section& s) { return s.name == "a.weight.mask"; });
  });
  expect_refused("2 bytes U8 for 'a.weight.mask'", [](Container& c) {
    section(c, "a.weight.mask") = {"a.weight.mask", "U8", {3}, test::Bytes(3)};
  });
  expect_refused("zero bits behind the last position",
                 [](Container& c) { section(c, "a.weight.mask").bytes[1] |= std::byte{0x80}; });
  expect_refused("a mask of shape [3, 5] for 'a.weight', found [5, 3]", [](Container& c) {
    c.metadata["pith.masks"] = R"({"a.weight":{"shape":[5,3],"granularity":"row"}})";
  });
  expect_refused("the shape of a mask", [](Container& c) {
    c.metadata["pith.masks"] = R"({"a.weight":{"shape":[9223372036854775807,3],"granularity":"row"}})";
  });
  expect_refused("a granularity of masks, found 'x'",
                 [](Container& c) { c.metadata["pith.masks"] = R"({"a.weight":{"shape":[3,5],"granularity":"x"}})"; });
  expect_refused("which is no parameter", [](Container& c) {
    c.metadata["pith.masks"] = R"({"z":{"shape":[3,5],"granularity":"row"}})";
    section(c, "a.weight.mask").name = "z.mask";
  });
  expect_refused("only sections that the model has, found 'a.weight.mask'",
                 [](Container& c) { c.metadata["pith.masks"] = "{}"; });
  expect_refused("metadata 'pith.masks', found none", [](Container& c) { c.metadata.erase("pith.masks"); });
  expect_refused("the optimizer 'sgd', found 'adam'",
                 [](Container& c) { c.metadata["pith.optimizer"] = R"({"name":"adam","steps":3})"; });
  expect_refused("a member 'steps', found none",
                 [](Container& c) { c.metadata["pith.optimizer"] = R"({"name":"sgd"})"; });
  expect_refused("a section 'optimizer.a.bias.momentum', found none", [](Container& c) {
    std::erase_if(c.sections, [](const Section& s) { return s.name == "optimizer.a.bias.momentum"; });
  });
  expect_refused("shape [3] for 'optimizer.a.bias.momentum', found [2]", [](Container& c) {
    section(c, "optimizer.a.bias.momentum") = Section::of("optimizer.a.bias.momentum", Tensor::zeros({2}));
  });
  expect_refused("metadata 'pith.run', found none", [](Container& c) { c.metadata.erase("pith.run"); });
  expect_refused("(metadata pith.run): byte 0: expected a member 'settings'",
                 [](Container& c) { c.metadata["pith.run"] = "{}"; });
  expect_refused("found the key 'epoch' twice",
                 [](Container& c) { c.metadata["pith.run"] = R"({"epoch":1,"epoch":2})"; });
  expect_refused("a text that is a number, found 'x'", [](Container& c) {
    std::string& run = c.metadata["pith.run"];
    run.replace(run.find("\"running\":[\"2.5"), 15, "\"running\":[\"x");
  });
}

TEST(Checkpoint, RefusesEveryDamageOfTheFile) {
  const test::TemporaryDirectory folder;
  Part model(1), other(50);
  RunState run;
  run.epoch = 12345;
  save_checkpoint(folder.file("a"), model, nullptr, &run);
  const std::vector<uint8_t> raw = test::read_bytes(folder.file("a"));
  const auto bytes = std::as_bytes(std::span(raw));
  const std::vector<std::string> good = snapshot(model, nullptr), before = snapshot(other, nullptr);
  int read = 0;
  const auto visit = [&](const test::Bytes& bad, const std::string& deed) {
    test::write_bytes(folder.file("b"), bad);
    Part fresh(50);
    try {
      const RunState back = load_checkpoint(folder.file("b"), fresh, nullptr);
      EXPECT_EQ(snapshot(fresh, nullptr), good) << deed;  // nothing that counts was changed
      EXPECT_EQ(back.epoch, 12345) << deed;
      ++read;
    } catch (const FormatError&) {
      EXPECT_EQ(snapshot(fresh, nullptr), before) << deed;
    }
  };
  test::for_each_small_damage({bytes.begin(), bytes.end()}, visit);
  EXPECT_EQ(read, 0);
  test::for_each_random_damage({bytes.begin(), bytes.end()}, 300, 5, visit);
}

TEST(Checkpoint, KeepsTheOldOneOnAFullDisk) {
  const test::TemporaryDirectory folder;
  Toy old_model(1), model(2), other(50);
  save_checkpoint(folder.file("a"), old_model, nullptr, nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{512, 512};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      save_checkpoint(folder.file("a"), model, nullptr, nullptr);
    } catch (const IoError&) {
      ::_exit(0);
    }
    ::_exit(1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  load_checkpoint(folder.file("a"), other, nullptr);
  EXPECT_EQ(snapshot(other, nullptr), snapshot(old_model, nullptr));
  EXPECT_FALSE(std::filesystem::exists(folder.file("a.part")));
}

/// Toy's tensors under PyTorch's names, from the model itself.
Container weights_of(Module& model, const std::string& prefix = "") {
  Container c;
  model.visit_parameters(
      [&](const std::string& n, Parameter& p) { c.sections.push_back(Section::of(prefix + n, p.value())); });
  model.visit_buffers([&](const std::string& n, Tensor& b) { c.sections.push_back(Section::of(prefix + n, b)); });
  c.sections.push_back(Section::of(prefix + "a.num_batches_tracked", Tensor::full({}, 7, DType::s32)));
  return c;
}

TEST(Weights, AreReadFromSafetensorsAndNpzWithAndWithoutPrefix) {
  const test::TemporaryDirectory folder;
  for (const char* prefix : {"", "module."}) {
    Toy model(1), first(50), second(60);
    write_container(folder.file("named-wrongly.npz"), weights_of(model, prefix));
    load_weights(folder.file("named-wrongly.npz"), first);
    EXPECT_EQ(snapshot(first, nullptr), snapshot(model, nullptr));
    write_npz(folder.file("a.npz"), weights_of(model, prefix));
    load_weights(folder.file("a.npz"), second);
    EXPECT_EQ(snapshot(second, nullptr), snapshot(model, nullptr));
  }
}

TEST(Weights, RefuseMissingExtraMisshapenAndDoubledTensorsByName) {
  const test::TemporaryDirectory folder;
  Toy model(1);
  const auto says = [&](const auto& change) {
    Container c = weights_of(model);
    change(c);
    write_container(folder.file("a"), c);
    Toy other(50);
    const std::vector<std::string> before = snapshot(other, nullptr);
    const std::string message = refusal([&] { load_weights(folder.file("a"), other); });
    EXPECT_EQ(snapshot(other, nullptr), before);
    return message;
  };
  EXPECT_THAT(says([](Container& c) { c.sections.erase(c.sections.begin()); }),
              HasSubstr("a tensor 'a.weight' [3, 5], found none"));
  EXPECT_THAT(says([](Container& c) { c.sections.push_back(Section::of("fc.bias", Tensor::zeros({2}))); }),
              HasSubstr("only tensors that the model has, found 'fc.bias' [2]"));
  EXPECT_THAT(says([](Container& c) {
                section(c, "a.weight") = Section::of("a.weight", Tensor::zeros({5, 3}));
              }),
              HasSubstr("expected shape [3, 5] for 'a.weight', found [5, 3]"));
  EXPECT_THAT(says([](Container& c) {
                section(c, "a.weight") = Section::of("a.weight", Tensor::zeros({3, 5}, DType::s32));
              }),
              HasSubstr("expected type f32 for 'a.weight', found I32"));
  EXPECT_THAT(says([](Container& c) { c.sections.push_back(Section::of("module.a.bias", Tensor::zeros({3}))); }),
              HasSubstr("two tensors for 'a.bias'"));
  test::write_bytes(folder.file("old"), test::bytes_of("\x80\x02\x8a\x0a and so on"));
  EXPECT_THAT(refusal([&] { load_weights(folder.file("old"), model); }), HasSubstr("before 1.6"));
  test::write_text(folder.file("empty"), "");
  EXPECT_THAT(refusal([&] { load_weights(folder.file("empty"), model); }), HasSubstr("a header length of 8 bytes"));
  EXPECT_THROW(load_weights(folder.file("none"), model), IoError);
}

TEST(Weights, KeepPrunedPlacesZeroAndConvertFractions) {
  const test::TemporaryDirectory folder;
  Toy model(1), other(50);
  Container c = weights_of(model);
  section(c, "a.bias") = Section::of("a.bias", Tensor::full({3}, 0.25, DType::f64));
  write_container(folder.file("a"), c);
  parameter(other, "a.weight").set_mask(odd_mask());
  load_weights(folder.file("a"), other);
  EXPECT_EQ(parameter(other, "a.bias").value().data<float>()[2], 0.25f);
  const float* w = parameter(other, "a.weight").value().data<float>();
  for (int i = 0; i < 15; ++i) EXPECT_EQ(w[i], i % 2 == 1 ? 1.0f + static_cast<float>(i) : 0.0f);
}

TEST(Weights, AreReadFromWhatTorchSaves) {
  if (!test::python_has("torch")) GTEST_SKIP() << "no Python with torch here";
  const test::TemporaryDirectory folder;
  ASSERT_EQ(test::run_python(folder, R"(
import torch
def part(first):
    return {"weight": torch.arange(15.).reshape(3, 5) + first, "bias": torch.full((3,), first), "running_mean": torch.full((3,), first / 2)}
state = {f"{name}.{k}": v for name, first in (("a", 1.), ("b", 101.)) for k, v in part(first).items()}
state["a.num_batches_tracked"] = torch.tensor(3)
torch.save(state, "a.pth")
torch.save({"state_dict": {"module." + k: v for k, v in state.items()}, "epoch": 3}, "b.pth")
)"),
            "");
  Toy model(1);
  for (const char* name : {"a.pth", "b.pth"}) {
    Toy other(50);
    load_weights(folder.file(name), other);
    EXPECT_EQ(snapshot(other, nullptr), snapshot(model, nullptr));
  }
}

TEST(Weights, OfPublishedNetworksFitTheirModelsAndTheirMasks) {
  const std::string folder = test::real_data("checkpoints");
  if (folder.empty()) GTEST_SKIP() << "set PITH_DATA to the folder of the data sets for this test";
  for (const std::string name : {"checkpoint_trained_dense", "checkpoint_trained_ch_regularized_dense"}) {
    const auto model = make_model("resnet20-cifar");
    load_weights(folder + "/" + name + ".safetensors", *model);
    const Container c = read_container(folder + "/" + name + ".safetensors");
    const Section expected = *c.find("layer3.2.conv2.weight");
    EXPECT_EQ(Section::of("", parameter(*model, "layer3.2.conv2.weight").value()).bytes, expected.bytes);
  }
  const auto model = make_model("resnet20-cifar");
  load_weights(folder + "/checkpoint_trained_ch_regularized_dense.safetensors", *model);
  load_masks(folder + "/checkpoint_trained_ch_regularized_dense.masks.safetensors", *model);
  int masked = 0;
  model->visit_parameters([&](const std::string&, Parameter& p) {
    if (!p.mask()) return;
    ++masked;
    EXPECT_TRUE(is_zero_where_pruned(*p.mask(), p.value()));
  });
  EXPECT_EQ(masked, 7);
  EXPECT_THAT(refusal([&] {
                load_masks(folder + "/checkpoint_trained_ch_regularized_dense.masks.safetensors",
                           *make_model("lenet5"));
              }),
              HasSubstr("only masks of parameters that the model has"));
}

}  // namespace
}  // namespace pith::nn
