#include "discovery/registry/bus.hpp"

#include <sys/random.h>

#include <polybus/error.hpp>

namespace polybus::registry {

Bus::Bus(std::string bus_name, uint64_t instance_id, std::shared_ptr<bus::StatFile> stat_file)
    : name(std::move(bus_name)),
      instance(instance_id),
      window(bus::kBookBytesMax, book.window_bytes()),
      stat(std::move(stat_file)),
      next_id(random_number() >> 8) {}

Topic& Bus::topic(const std::string& topic_name) {
  const auto found = topics.find(topic_name);
  if (found != topics.end()) return *found->second;
  if (topics.size() >= bus::kTopicsMax)
    throw Error(Code::limit, "topic " + topic_name + ": the bus has " + std::to_string(bus::kTopicsMax) +
                                 " topics, which is the bound; close some, or use another bus");
  auto topic = std::make_unique<Topic>();
  topic->name = topic_name;
  return *topics.emplace(topic_name, std::move(topic)).first->second;
}

Connection* Bus::find_connection(uint64_t id) const {
  const auto found = connections.find(id);
  return found == connections.end() ? nullptr : found->second.get();
}

void Bus::tell(Session* session, discovery::Event event, std::vector<discovery::SharedFd> fds) {
  if (session != nullptr && session->outbox != nullptr) session->outbox->send({std::move(event), std::move(fds)});
}

std::optional<discovery::SchemaInfo> Bus::for_session(Session& session,
                                                      const std::optional<discovery::SchemaInfo>& schema) {
  if (!schema) return std::nullopt;
  discovery::SchemaInfo info = *schema;
  if (!session.known_schemas.insert(info.fingerprint)) info.bundle = nullptr;
  return info;
}

void Bus::announce(const char* event, const End& end) {
  announce({event, end.topic->name, end.node, end.schema ? end.schema->type_name : "", end.pid});
}

void Bus::announce(discovery::GraphEvent event) {
  for (const auto& [id, session] : sessions)
    if (session->watching) tell(session.get(), event);
}

uint64_t random_number() {
  uint64_t number = 0;
  while (::getrandom(&number, sizeof number, 0) != sizeof number || number == 0) {
  }
  return number;
}

std::string describe(const std::string& node, uint32_t pid, const std::string& language) {
  return "node " + node + " (pid " + std::to_string(pid) + ", " + language + ")";
}

std::string describe(const End& end) { return describe(end.node, end.pid, end.language); }

}  // namespace polybus::registry
