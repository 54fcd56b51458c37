// Who has which slot of the counter file.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>

#include "bus/transport/stat.hpp"

namespace polybus::registry {

// What a slot says of its end.
struct EndIdentity {
  bool is_publisher = false;
  uint32_t pid = 0;
  uint64_t process_start_ticks = 0;
  uint64_t end_id = 0;
  std::string node, topic, language, type_name, fingerprint;
};

class StatSlots {
 public:
  explicit StatSlots(std::shared_ptr<bus::StatFile> file) : file_(std::move(file)) {}

  // Throws LIMIT: the bus has kEndsMax ends.
  uint32_t take(const EndIdentity& identity);
  // Readers see it as free from now on, but nobody else gets it: its end may still count in it.
  void retire(uint32_t slot) noexcept;
  void give_back(uint32_t slot) noexcept;

  bus::StatFile& file() const noexcept { return *file_; }
  // busd's sign of life.
  void touch() noexcept;

 private:
  std::shared_ptr<bus::StatFile> file_;
  std::set<uint32_t> free_;
  uint32_t end_ = 0;  // behind the slots that were ever used
};

// When the process was started, in ticks since boot; 0 if it is not there. Together with the pid it names a process for good.
uint64_t process_start_ticks(uint32_t pid);

}  // namespace polybus::registry
