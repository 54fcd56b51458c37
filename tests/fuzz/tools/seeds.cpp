// Writes inputs to begin with: seeds FOLDER makes FOLDER/<fuzzer>/<name> for each fuzzer. What fuzzing adds is found again; the
// corpora that are checked in are these and the smallest set of inputs that reaches as much as a long run did.
#include <capnp/message.h>
#include <capnp/serialize.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "bus/message/json.hpp"
#include "bus/transport/blocks.hpp"
#include "discovery/protocol/codec.hpp"
#include "tests/fuzz/schemas.hpp"

namespace {

using namespace polybus;
using namespace polybus::discovery;

class Corpus {
 public:
  Corpus(const std::string& folder, const std::string& fuzzer) : folder_(folder + "/" + fuzzer) {
    std::filesystem::create_directories(folder_);
  }
  void add(const std::string& name, std::string_view bytes) const {
    std::ofstream(folder_ + "/" + name, std::ios::binary) << bytes;
  }
  void add(const std::string& name, std::span<const std::byte> bytes, const std::string& before = "") const {
    add(name, before + std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }

 private:
  std::string folder_;
};

std::string operator+(std::string text, const Frame& frame) {
  return text.append(reinterpret_cast<const char*>(frame.bytes.data()), frame.bytes.size());
}

SchemaInfo schema() {
  const Schema pose = Schema::parse_file(POLYBUS_TEST_SOURCE_DIR "/tests/python/words.capnp").at("Pose");
  const auto bundle = pose.bundle();
  return {pose.fingerprint(), pose.type_name(),
          std::make_shared<const std::vector<std::byte>>(bundle.begin(), bundle.end())};
}

void write_control(const std::string& folder) {
  const Corpus corpus(folder, "control");
  const Frame node = encode(Request{2, AddNode{7, "n", "c++"}, {}}), gone = encode(Request{3, RemoveNode{7}, {}});
  const Frame pub = encode(Request{
      4,
      Advertise{.end = 1, .node = 1, .topic = "b", .publisher_id = 9, .schema = {}, .history = 1, .quota_bytes = 1},
      {}});
  const Frame typed = encode(Request{
      5, Advertise{.end = 2, .node = 1, .topic = "c", .publisher_id = 8, .schema = schema(), .exclusive = true}, {}});
  const Frame sub = encode(Request{
      6,
      Subscribe{.end = 3, .node = 1, .topic = "a", .subscriber_id = 7, .schema = {}, .queue_depth = 4, .history = 4},
      {}});
  const Frame blocking = encode(Request{
      7,
      Subscribe{
          .end = 4, .node = 1, .topic = "c", .subscriber_id = 6, .schema = {}, .queue_depth = 1, .blocking = true},
      {}});
  const Frame connected = encode(Request{0, Connected{0, {}}, {}}),
              attached = encode(Request{0, Attached{1, true}, {}});
  const Frame failed = encode(Request{0, Connected{0, Failure{Code::limit, "no"}}, {}});
  const Frame unmapped = encode(Request{0, ExtentUnmapped{0, 1}, {}}),
              closed = encode(Request{0, ConnectionClosed{0}, {}});
  const Frame wake = encode(Request{9, GiveWakeFd{3}, {}}), detached = encode(Request{0, Detached{0}, {}});
  const Frame no_pub = encode(Request{0, ClosePublisher{1}, {}}), no_sub = encode(Request{0, CloseSubscriber{3}, {}});
  const Frame leave = encode(Request{0, Leave{}, {}});
  corpus.add("life", std::string("\xff") + node + pub + sub + connected + attached + wake + closed + no_pub + no_sub +
                         gone + leave);
  corpus.add("pieces", std::string("\x03") + pub + attached + typed + blocking + connected + no_pub);
  corpus.add("refusal", std::string("\x40") + sub + failed + unmapped + detached + sub);
  corpus.add("questions", std::string("\x80") + encode(Request{3, AskGraph{}, {}}) +
                              encode(Request{4, AskTopicSchema{"a"}, {}}) + encode(Request{5, SetWatch{true}, {}}) +
                              typed);
  corpus.add("again", std::string("\x80") + encode(Request{1, Join{"0.0.1", 0, 0, ""}, {}}));
}

void write_notices(const std::string& folder) {
  const Corpus corpus(folder, "notice");
  const auto add = [&](const std::string& name, decltype(Notice::body) body) {
    corpus.add(name, encode(Notice{std::move(body), {}}).bytes);
  };
  add("failure", Reply{1, Failure{Code::limit, "full"}});
  add("joined", Reply{1, Joined{POLYBUS_VERSION, 7, "default", 42}});
  add("placed", Reply{2, Placed{{1, 2, 3, 4}, 5, 6, true}});
  add("subscribed", Reply{3, Subscribed{5, 6, false, schema()}});
  add("schema", Reply{4, TopicSchema{schema()}});
  add("connect", Event{Connect{1, 2, 3, 4, {5, 6, 7, 8}, 9, 10, "n", schema()}});
  add("attach", Event{Attach{1, 2, 3, 4, 5, 6, 7, "n"}});
  add("detach", Event{Detach{1, 2}});
  add("gone", Event{PublisherGone{1, 2}});
  add("settled", Event{Settled{1}});
  add("event", Event{GraphEvent{"node_added", "t", "n", "x", 3}});
}

void write_messages(const std::string& folder) {
  const Corpus messages(folder, "message"), texts(folder, "json");
  const char* said[] = {
      R"({})",
      R"({"bool":true,"int8":-1,"int64":"-5","uint64":"18446744073709551615","float64":"NaN","level":"info","text":"é"})",
      R"({"data":"AAEC","point":{"x":1,"name":"p"},"int32s":[1,2,3],"bools":[true,false],"texts":["a","b"],"datas":["AA=="]})",
      R"({"points":[{"x":1},{"y":2}],"matrix":[[1,2],[]],"grid":[[{"x":1}],[]],"voids":[null],"empties":[{},{}],"levels":["warn"]})",
      R"({"place":{"room":4,"label":"l"},"word":"w","shape":{"square":{"side":2}},"self":{"self":{"text":"deep"}}})",
      R"({"uint8s":[1],"uint16s":[2],"uint32s":[3],"uint64s":["4"],"float32s":[1e10,"-Infinity"],"where":{"x":-0.0}})"};
  int number = 0;
  for (const char* json : said) {
    capnp::MallocMessageBuilder message;
    bus::from_json(fuzz::everything(), json, message);
    const auto words = capnp::messageToFlatArray(message);
    messages.add("said-" + std::to_string(number), std::as_bytes(std::span(words.begin(), words.size())));
    texts.add("said-" + std::to_string(number++), std::string_view(json));
  }
}

void write_bundles(const std::string& folder) {
  const Corpus corpus(folder, "bundle");
  corpus.add("everything", fuzz::everything().bundle());
  const auto file = Schema::parse_file(POLYBUS_TEST_SOURCE_DIR "/tests/python/words.capnp");
  for (const std::string& name : file.names()) corpus.add(name, file.at(name).bundle());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: seeds FOLDER\n");
    return 2;
  }
  write_control(argv[1]);
  write_notices(argv[1]);
  write_messages(argv[1]);
  write_bundles(argv[1]);
  return 0;
}
