// Everything busd holds for its one bus, and the small operations that all parts of it need.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "discovery/registry/book.hpp"
#include "discovery/registry/ranges.hpp"
#include "discovery/registry/records.hpp"
#include "discovery/registry/schema_store.hpp"
#include "discovery/registry/stat_slots.hpp"

namespace polybus::registry {

struct Bus {
  Bus(std::string bus_name, uint64_t instance_id, std::shared_ptr<bus::StatFile> stat_file);

  const std::string name;
  const uint64_t instance;
  Book book;
  Ranges window;  // behind the book
  StatSlots stat;
  uint64_t next_id;  // of sessions, connections and extents; starts at random, so that no other run uses the same ones
  std::map<uint64_t, std::unique_ptr<Session>> sessions;
  std::map<std::string, std::unique_ptr<Topic>> topics;
  std::unordered_map<Publisher*, std::unique_ptr<Publisher>> publishers;
  std::unordered_map<Subscriber*, std::unique_ptr<Subscriber>> subscribers;
  std::unordered_map<uint64_t, std::unique_ptr<Connection>> connections;
  uint32_t kept_publishers = 0;  // gone, but some of the newest values of their topics are theirs
  SchemaStore schemas;

  Topic& topic(const std::string& name);  // made if it is not there; throws LIMIT
  Connection* find_connection(uint64_t id) const;

  // To a process, if its socket is there.
  static void tell(Session* session, discovery::Event event, std::vector<discovery::SharedFd> fds = {});
  // The schema for a process: with the bundle if it does not have it yet.
  static std::optional<discovery::SchemaInfo> for_session(Session& session,
                                                          const std::optional<discovery::SchemaInfo>&);
  // To everybody who watches the graph.
  void announce(const char* event, const End& end);
  void announce(discovery::GraphEvent event);
};

uint64_t random_number();

// "node talker (pid 12, python)"
std::string describe(const std::string& node, uint32_t pid, const std::string& language);
std::string describe(const End& end);

}  // namespace polybus::registry
