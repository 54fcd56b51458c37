// The publishers' memories this process has mapped, each once.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "bus/memory/window.hpp"
#include "discovery/protocol/messages.hpp"

namespace polybus::discovery {

// An extent is handed over with every connection to it, and let go when the last message from it is released, on whatever
// thread; the two may cross. Tickets tell busd which handing over a process had seen when it let go.
class Extents : public std::enable_shared_from_this<Extents> {
 public:
  // `on_unmapped` must not block; it is called from any thread.
  explicit Extents(std::function<void(const ExtentUnmapped&)> on_unmapped) : on_unmapped_(std::move(on_unmapped)) {}

  // Maps it, or finds it mapped. Throws LIMIT, IO; then the handing over has been declined.
  std::shared_ptr<bus::Extent> accept(const std::shared_ptr<bus::Window>& window, const ExtentPlace& place, int fd,
                                      bus::Access access);
  // It is not wanted after all.
  void decline(const ExtentPlace& place);

 private:
  struct Entry {
    std::weak_ptr<bus::Extent> extent;
    uint64_t ticket = 0;
  };

  void unmapped(uint64_t id);

  const std::function<void(const ExtentUnmapped&)> on_unmapped_;
  std::mutex mutex_;
  std::condition_variable gone_;
  std::unordered_map<uint64_t, Entry> mapped_;
};

}  // namespace polybus::discovery
