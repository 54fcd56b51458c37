// What busd and the processes of its bus say to each other, as plain structs; schemas/control.capnp has the words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <polybus/error.hpp>
#include <string>
#include <variant>
#include <vector>

#include "discovery/protocol/fd.hpp"
#include "discovery/protocol/graph.hpp"

namespace polybus::discovery {

// The bytes of a schema bundle; stored, handed on and compared by fingerprint.
using Bundle = std::shared_ptr<const std::vector<std::byte>>;

struct SchemaInfo {
  std::string fingerprint;
  std::string type_name;
  Bundle bundle;  // null: sent over this socket before
};

struct Failure {
  Code code = Code::internal;
  std::string message;
};

struct ExtentPlace {
  uint64_t id = 0;
  uint64_t offset = 0;
  uint64_t bytes = 0;
  uint64_t ticket = 0;  // of this handing over
};

// ---- process → busd --------------------------------------------------------------------------------------------------
struct Join {
  std::string library_version;
  uint32_t protocol = 0;
  uint64_t layout_hash = 0;
  std::string bus;
};
struct AddNode {
  uint64_t node = 0;
  std::string name, language;
};
struct RemoveNode {
  uint64_t node = 0;
};
struct Advertise {
  uint64_t end = 0, node = 0;
  std::string topic;
  uint64_t publisher_id = 0;
  std::optional<SchemaInfo> schema;
  uint32_t history = 0;
  bool exclusive = false;
  uint64_t quota_bytes = 0;
};
struct Subscribe {
  uint64_t end = 0, node = 0;
  std::string topic;
  uint64_t subscriber_id = 0;
  std::optional<SchemaInfo> schema;
  uint32_t queue_depth = 0;
  uint32_t history = 0;
  bool blocking = false;
};
struct ClosePublisher {
  uint64_t end = 0;
};
struct CloseSubscriber {
  uint64_t end = 0;
};
struct Connected {
  uint64_t connection = 0;
  std::optional<Failure> failure;
};
struct Attached {
  uint64_t connection = 0;
  bool attached = true;
};
struct Detached {
  uint64_t connection = 0;
};
struct ConnectionClosed {
  uint64_t connection = 0;
};
struct ExtentUnmapped {
  uint64_t extent = 0;
  uint64_t ticket = 0;  // of the latest handing over that was seen
};
struct GiveWakeFd {
  uint64_t end = 0;
};
struct AskGraph {};
struct AskTopicSchema {
  std::string topic;
};
struct AskSchema {
  std::string fingerprint;
};
struct SetWatch {
  bool on = true;
};
struct Leave {};

// A join is always request 1, so that busd can refuse whom it has not read yet. A refusal that answers kComeAgain instead
// passes: who gets it joins again until its time is up.
inline constexpr uint64_t kJoin = 1;
inline constexpr uint64_t kComeAgain = 0;

struct Request {
  uint64_t id = 0;  // 0: no reply wanted
  std::variant<Join, AddNode, RemoveNode, Advertise, Subscribe, ClosePublisher, CloseSubscriber, Connected, Attached,
               Detached, ConnectionClosed, ExtentUnmapped, GiveWakeFd, AskGraph, AskTopicSchema, AskSchema, SetWatch,
               Leave>
      body;
  std::vector<SharedFd> fds;
};

// ---- busd → process --------------------------------------------------------------------------------------------------
struct Done {};
struct Joined {
  std::string library_version;
  uint64_t instance = 0;
  std::string bus;
  uint32_t busd_pid = 0;
};
struct Placed {
  ExtentPlace extent;
  uint64_t block = 0;
  uint32_t stat_slot = 0;
  bool settled = false;
};
struct Subscribed {
  uint64_t block = 0;
  uint32_t stat_slot = 0;
  bool settled = false;
  std::optional<SchemaInfo> topic_schema;
};
struct TopicSchema {
  std::optional<SchemaInfo> schema;
};

struct Reply {
  uint64_t id = 0;
  std::variant<Failure, Done, Joined, Placed, Subscribed, Graph, TopicSchema> body;
};

struct Connect {
  uint64_t connection = 0, end = 0;
  uint64_t block = 0;
  uint32_t ready_index = 0;
  ExtentPlace extent;
  uint64_t publisher_id = 0;
  uint32_t pid = 0;
  std::string node;
  std::optional<SchemaInfo> schema;
};
struct Attach {
  uint64_t connection = 0, end = 0;
  uint64_t block = 0, subscriber_block = 0;
  uint32_t history = 0;
  uint64_t kept_until = 0;
  uint32_t pid = 0;
  std::string node;
};
struct Detach {
  uint64_t connection = 0, end = 0;
};
struct PublisherGone {
  uint64_t connection = 0, end = 0;
};
struct TakeWakeFd {
  uint64_t connection = 0, end = 0;
};
struct Settled {
  uint64_t end = 0;
};

using Event = std::variant<Connect, Attach, Detach, PublisherGone, TakeWakeFd, Settled, GraphEvent>;

struct Notice {
  std::variant<Reply, Event> body;
  std::vector<SharedFd> fds;
};

}  // namespace polybus::discovery
