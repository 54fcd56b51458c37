// The schemas of a bus: checked when they come, kept once each, and held against each other.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "discovery/protocol/messages.hpp"

namespace polybus::registry {

class SchemaStore {
 public:
  // What a process sent: loaded once to see that it can be, and that it has the fingerprint and the name it claims. From then on
  // all ends share one copy of it, which goes with the last of them. Throws BAD_SCHEMA.
  void admit(discovery::SchemaInfo& schema);

  // What keeps messages of `there` from being read by `here` or the other way round, at most kMismatchBytesMax bytes; empty:
  // they fit. Both were admitted.
  std::string mismatch(const discovery::SchemaInfo& here, const discovery::SchemaInfo& there);

  // One that an end or a topic has.
  std::optional<discovery::SchemaInfo> find(const std::string& fingerprint) const;

  static constexpr size_t kMismatchBytesMax = 511;  // what a polybus_error holds

 private:
  struct Known {
    std::string type_name;
    std::weak_ptr<const std::vector<std::byte>> bundle;
  };
  std::map<std::string, Known> known_;  // by fingerprint
  std::map<std::pair<std::string, std::string>, std::string> mismatches_;
};

}  // namespace polybus::registry
