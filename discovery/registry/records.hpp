// What busd knows: processes, nodes, topics, ends and connections. Plain records; Registry owns them and the functions in
// introductions, departures and kept_values change them.
#pragma once

#include <bitset>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bus/transport/limits.hpp"
#include "discovery/protocol/messages.hpp"

namespace polybus::registry {

struct Session;
struct Topic;
struct Publisher;
struct Subscriber;
struct Connection;

// Where notices to a process go. Never blocks and never fails: a process that does not read finds them when it does.
class Outbox {
 public:
  virtual ~Outbox() = default;
  virtual void send(discovery::Notice notice) = 0;
};

struct Node {
  std::string name, language;
};

// Fingerprints of schemas that a process has, because it sent them or was sent them: the newest few. What is forgotten is
// merely sent once more; a process keeps four times as many (SchemaCache).
class KnownSchemas {
 public:
  static constexpr size_t kMax = 256;

  // False: known already.
  bool insert(const std::string& fingerprint) {
    if (!known_.insert(fingerprint).second) return false;
    by_age_.push_back(fingerprint);
    if (by_age_.size() > kMax) {
      known_.erase(by_age_.front());
      by_age_.pop_front();
    }
    return true;
  }
  size_t size() const noexcept { return known_.size(); }

 private:
  std::set<std::string> known_;
  std::deque<std::string> by_age_;
};

// A process on the bus.
struct Session {
  uint64_t id = 0;
  Outbox* outbox =
      nullptr;  // null: its socket is gone. If the process lives on, its memory stays untouched until it dies
  uint32_t pid = 0;
  uint64_t process_start_ticks = 0;
  bool joined = false;
  bool watching = false;
  std::map<uint64_t, Node> nodes;
  std::map<uint64_t, Publisher*> publishers;    // live ones, by the process's number
  std::map<uint64_t, Subscriber*> subscribers;  // likewise
  std::set<Publisher*> publisher_records;       // also those that are gone but not free
  std::set<Subscriber*> subscriber_records;
  KnownSchemas known_schemas;
  // Introductions it has not answered, and since when: who does not answer is not waited for again.
  uint32_t unanswered = 0;
  std::chrono::steady_clock::time_point unanswered_since;
};

// The memory of one publisher.
struct ExtentRecord {
  discovery::ExtentPlace place;
  discovery::SharedFd fd;
  // Who has it mapped, by the ticket it was handed over with last: one may unmap it while the next one is on its way.
  std::map<Session*, uint64_t> holders;
};

// What publishers and subscribers have in common.
struct End {
  uint64_t number = 0;         // the process's own
  uint64_t id = 0;             // random, kept over restarts of busd
  Session* session = nullptr;  // null: the process is dead
  Topic* topic = nullptr;
  std::string node, language;
  uint32_t pid = 0;
  std::optional<discovery::SchemaInfo> schema;
  uint64_t block = 0;
  uint32_t stat_slot = 0;
  uint32_t history = 0;
  bool gone = false;       // closed, or its process is
  bool pinned = false;     // being looked at: not to be freed now
  uint32_t unsettled = 0;  // introductions that its process waits for
  std::vector<Connection*> connections;
};

struct Publisher : End {
  bool exclusive = false;
  bool kept = false;  // gone, but one of the newest values of the topic is its
  ExtentRecord extent;
};

struct Subscriber : End {
  uint32_t queue_depth = 0;
  bool blocking = false;
  discovery::SharedFd wake_fd;  // null: it sleeps on the doorbell
  std::bitset<bus::kPublishersPerSubscriberMax> ready_indexes;
};

// One publisher and one subscriber, being introduced, at work or parting:
//
//   connecting   the subscriber's process was told; it maps the extent and answers
//   attaching    the publisher's process was told; it pushes kept values and answers
//   open
//
// Its block is free when neither side will touch it again.
enum class Stage { connecting, attaching, open };

// Which of a publisher's kept values a newcomer gets: the newest `count` of those up to sequence `until`, and whatever the
// publisher, which does not wait for us, keeps after that. kNothingLater: nothing else.
struct KeptChoice {
  static constexpr uint64_t kNothingLater = UINT64_MAX;
  uint32_t count = 0;
  uint64_t until = kNothingLater;
};

struct Connection {
  uint64_t id = 0;
  Publisher* publisher = nullptr;
  Subscriber* subscriber = nullptr;
  uint64_t block = 0;
  uint32_t ready_index = 0;
  KeptChoice kept;  // values to be pushed at attach
  Stage stage = Stage::connecting;
  End* awaited_by = nullptr;  // whose process waits until it is open
  bool publisher_done = false;
  bool subscriber_done = false;
  bool goodbye_sent = false;  // the subscriber was told that the publisher is gone
  bool detach_sent = false;
};

// A schema that the topic's ends have, or had: each other one gets the next number.
struct SchemaVersion {
  uint32_t number = 0;
  discovery::SchemaInfo schema;
};

// Lives from its first end to its last, longer if values are kept.
struct Topic {
  std::string name;
  std::vector<Publisher*> publishers;  // also those that are gone but kept or in use
  std::vector<Subscriber*> subscribers;
  std::vector<SchemaVersion> versions;  // oldest first
  uint32_t newest_version = 0;
};

}  // namespace polybus::registry
