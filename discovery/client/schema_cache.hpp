// The schemas this process has seen on a bus, by fingerprint. busd sends each definition once.
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
  // For a message to busd.
  SchemaInfo info(const Schema& schema);
  // From a message of busd; null: none, or its definition is broken.
  std::shared_ptr<const Schema> find(const std::optional<SchemaInfo>& info);

 private:
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const Schema>> known_;  // null: broken
};

}  // namespace polybus::discovery
