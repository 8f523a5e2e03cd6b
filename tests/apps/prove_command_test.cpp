// `pith prove` and `pith explain` on a packed LeNet-5: what they print, the certificate and its thousand mutations, the
// refusals.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "apps/verifier/verify.h"
#include "tensor/container.h"
#include "tensor/error.h"
#include "tests/apps/program.h"
#include "tests/apps/tiny_data.h"

namespace pith {
namespace {

using test::Outcome;
using test::run_program;
using Json = nlohmann::json;

class ProveCommand : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new test::TemporaryDirectory;
    root_ = test::tiny_mnist(*folder_);
    const Outcome o = run_program(*folder_, test::tiny_training(root_, folder_->file("run"), {"--epochs", "1"}));
    ASSERT_EQ(o.code, 0) << o.err;
    for (const char* name : {"w8", "w4", "w2", "dynamic"}) {
      std::vector<std::string> a{
          "quantize",   "--model",       "lenet5",      "--weights", folder_->file("run/checkpoints/best.safetensors"),
          "--data",     "mnist",         "--data-root", root_,       "--out",
          packed(name), "--calibration", "40",          "--quiet"};
      if (std::string(name) == "w4") a.insert(a.end(), {"--bits-weights", "4", "--bits-activations", "4"});
      if (std::string(name) == "w2") a.insert(a.end(), {"--bits-weights", "2", "--weight-range", "mse"});
      if (std::string(name) == "dynamic") a.insert(a.end(), {"--method", "dynamic"});
      const Outcome q = run_program(*folder_, a);
      ASSERT_EQ(q.code, 0) << q.err;
    }
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }
  static std::string packed(const std::string& name) { return folder_->file(name + ".safetensors"); }
  static Outcome run(const std::vector<std::string>& arguments) { return run_program(*folder_, arguments); }
  static std::string certificate(const std::string& name) {
    const std::string path = folder_->file(name + ".proof.json");
    const Outcome o = run({"prove", packed(name), "--out", path, "--quiet"});
    EXPECT_EQ(o.code, 0) << o.err;
    return path;
  }
  static void expect_refused(const std::vector<std::string>& arguments, int code, const std::string& says) {
    test::expect_refused(*folder_, arguments, code, says);
  }

  static test::TemporaryDirectory* folder_;
  static std::string root_;
};
test::TemporaryDirectory* ProveCommand::folder_ = nullptr;
std::string ProveCommand::root_;

bool is_true(const std::string& certificate, const std::string& network) try {
  apps::verifier::verify(certificate, network);
  return true;
} catch (const Error&) {
  return false;
}

TEST_F(ProveCommand, ProvesAttainsAndSeesNoOverflowOnTheTestSet) {
  for (const char* name : {"w8", "w4", "w2", "dynamic"}) {
    const Outcome o = run({"prove", packed(name), "--data", "mnist", "--data-root", root_, "--json", "--quiet"});
    ASSERT_EQ(o.code, 0) << o.err;
    const Json json = Json::parse(o.out);
    EXPECT_EQ(json.at("layers").size(), 5u);
    EXPECT_EQ(json.at("attained"), json.at("channels"));
    EXPECT_EQ(json.at("observed").at("outside"), 0);
    EXPECT_EQ(json.at("observed").at("images"), 50);
    EXPECT_GT(json.at("observed").at("sums"), 50 * 1000);
    EXPECT_FALSE(json.at("layers")[0].at("reason").get<std::string>().empty());
  }
}

TEST_F(ProveCommand, WritesCertificatesThatItsVerifierAcceptsAndOthersDoNotFit) {
  for (const char* name : {"w8", "w4", "w2", "dynamic"}) {
    const Outcome o = run({"prove", "--check", certificate(name), packed(name), "--json"});
    EXPECT_EQ(o.code, 0) << o.err;
    EXPECT_GT(Json::parse(o.out).at("channels"), 200);
  }
  EXPECT_NE(read_container(packed("w2")).find("fc1.kept"), nullptr);  // half of them zero: the verifier read these, too
  expect_refused({"prove", "--check", certificate("w4"), packed("w8")}, 3, "not true");
  expect_refused({"prove", "--check", packed("w8"), packed("w8")}, 3, "expected a certificate");
  expect_refused({"prove", "--check", certificate("w8"), certificate("w8")}, 3, "expected a packed network");
  expect_refused({"prove", "--check", folder_->file("absent.json"), packed("w8")}, 1, "absent.json");
}

TEST_F(ProveCommand, RejectsAThousandOfAThousandMutatedCertificates) {
  const std::string path = certificate("w8"), bad = folder_->file("mutated.json");
  const std::string good = test::read_text(path);
  ASSERT_TRUE(is_true(path, packed("w8")));
  std::mt19937 random(11);
  int rejected = 0;
  for (int i = 0; i < 1000; ++i) {
    std::string text = good;
    const size_t at = random() % text.size();
    if (i % 4 == 0) {  // another digit where there is one
      const size_t digit = text.find_first_of("0123456789", at);
      const size_t place = digit == std::string::npos ? text.find_first_of("0123456789") : digit;
      text[place] = static_cast<char>('0' + (text[place] - '0' + 1 + random() % 9) % 10);
    } else if (i % 4 == 1) {
      text[at] = static_cast<char>(text[at] ^ (1 << random() % 8));
    } else if (i % 4 == 2) {
      text.erase(at, 1 + random() % 3);
    } else {
      text.insert(at, 1, " 0-9,"[random() % 5]);
    }
    test::write_text(bad, text);
    if (text != good && !is_true(bad, packed("w8")))
      ++rejected;
    else
      ADD_FAILURE() << "mutation " << i << " at byte " << at << " passed";
  }
  EXPECT_EQ(rejected, 1000);
}

TEST_F(ProveCommand, RejectsEveryClaimThatIsOffByOne) {
  using Ordered = nlohmann::ordered_json;
  const std::string path = certificate("w4"), bad = folder_->file("claim.json");
  const Ordered good = Ordered::parse(test::read_text(path));
  const auto expect_rejected = [&](const Ordered& claims, const std::string& what) {
    test::write_text(bad, claims.dump(1) + "\n");
    EXPECT_FALSE(is_true(bad, packed("w4"))) << what;
  };
  for (size_t i = 0; i < good.at("layers").size(); ++i) {
    for (const char* key : {"depth", "input_bits", "zero_point", "weight_bits", "rule_bits", "accumulator", "kernel"}) {
      Ordered claims = good;
      claims["layers"][i][key] = claims["layers"][i][key].get<int64_t>() + 1;
      expect_rejected(claims, key);
    }
    for (const char* key : {"lowest", "highest"})
      for (const int by : {-1, 1}) {
        Ordered claims = good;
        auto& last = claims["layers"][i][key].back();
        last = last.get<int64_t>() + by;
        expect_rejected(claims, key);
      }
    Ordered less = good, more = good;
    less["layers"].erase(i);
    expect_rejected(less, "a layer less");
    more["layers"][i]["trust"] = "me";
    expect_rejected(more, "an entry more");
  }
}

TEST_F(ProveCommand, ExplainsEveryLayerAsItWasComputed) {
  for (const char* name : {"w8", "w4", "w2", "dynamic"})
    for (const char* place : {"conv1:3,4,5", "pool1:1,2,3", "conv2:0,0,1", "fc1:0,0,7", "fc3:0,0,9"}) {
      const std::string text = place;
      const size_t colon = text.find(':');
      const std::vector<std::string> arguments{
          "explain", packed(name),  "--layer", text.substr(0, colon), "--pixel", text.substr(colon + 1), "--index",
          "7",       "--data-root", root_};
      const Outcome o = run(arguments);
      ASSERT_EQ(o.code, 0) << place << o.err;
      EXPECT_NE(o.out.find(": the same"), std::string::npos) << o.out;
      for (size_t at = 0, end = 0; at < o.out.size(); at = end + 1) {
        end = o.out.find('\n', at);
        EXPECT_LE(end - at, 80u) << o.out.substr(at, end - at);
      }
      std::vector<std::string> json = arguments;
      json.push_back("--json");
      const Outcome j = run(json);
      ASSERT_EQ(j.code, 0) << j.err;
      EXPECT_TRUE(Json::parse(j.out).at("same")) << j.out;
    }
}

TEST_F(ProveCommand, RefusesWithOneSentence) {
  expect_refused({"explain", packed("w8"), "--layer", "conv9", "--data-root", root_}, 2, "conv9");
  expect_refused({"explain", packed("w8"), "--layer", "conv1", "--pixel", "1,2", "--data-root", root_}, 2, "--pixel");
  expect_refused({"explain", packed("w8"), "--layer", "conv1", "--pixel", "99,0,0", "--data-root", root_}, 2, "99");
  expect_refused({"explain", packed("w8"), "--layer", "conv1", "--index", "50", "--data-root", root_}, 2, "--index");
  expect_refused({"explain", packed("w8"), "--data-root", root_}, 2, "--layer");
  expect_refused({"explain", folder_->file("run/checkpoints/best.safetensors"), "--layer", "conv1"}, 3, "packed");
  expect_refused({"prove", folder_->file("run/checkpoints/best.safetensors")}, 3, "packed");
  expect_refused({"prove", packed("w8"), "--check", "x", "--out", "y"}, 2, "--check");
}

}  // namespace
}  // namespace pith
