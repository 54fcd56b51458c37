// The schemas this process has seen on a bus, by fingerprint. busd sends each definition once, and again those it has forgotten
// to have sent.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <polybus/schema.hpp>
#include <string>

#include "discovery/protocol/messages.hpp"

namespace polybus::discovery {

class SchemaCache {
 public:
  // Must not be less than what busd takes for known (registry::KnownSchemas, 256). Who uses a schema keeps it alive for itself.
  static constexpr size_t kMax = 1024;

  // For a message to busd.
  SchemaInfo info(const Schema& schema);
  // From a message of busd; null: none, or its definition is broken.
  std::shared_ptr<const Schema> find(const std::optional<SchemaInfo>& info);
  size_t size() const;

 private:
  struct Known {
    std::shared_ptr<const Schema> schema;  // null: broken
    uint64_t told = 0;                     // when it last went from or to busd, which takes it for known since then
  };
  void keep(const std::string& fingerprint, std::shared_ptr<const Schema> schema);

  mutable std::mutex mutex_;
  std::map<std::string, Known> known_;
  uint64_t now_ = 0;
};

}  // namespace polybus::discovery
