#include "discovery/client/extents.hpp"

namespace polybus::discovery {

std::shared_ptr<bus::Extent> Extents::accept(const std::shared_ptr<bus::Window>& window, const ExtentPlace& place,
                                             int fd, bus::Access access) {
  try {
    std::unique_lock lock(mutex_);
    for (auto found = mapped_.find(place.id); found != mapped_.end(); found = mapped_.find(place.id)) {
      found->second.ticket = place.ticket;
      if (auto extent = found->second.extent.lock()) return extent;
      // Another thread is just unmapping it, at the very addresses we are to map.
      gone_.wait(lock);
    }
    auto extent = std::make_shared<bus::Extent>(window, place.id, fd, place.offset, place.bytes, access,
                                                [weak = weak_from_this()](uint64_t id) {
                                                  if (const auto self = weak.lock()) self->unmapped(id);
                                                });
    mapped_[place.id] = {extent, place.ticket};
    return extent;
  } catch (...) {
    decline(place);
    throw;
  }
}

void Extents::decline(const ExtentPlace& place) {
  {
    std::lock_guard lock(mutex_);
    const auto found = mapped_.find(place.id);
    if (found != mapped_.end()) {
      found->second.ticket = place.ticket;
      return;
    }
  }
  on_unmapped_({place.id, place.ticket});
}

void Extents::unmapped(uint64_t id) {
  ExtentUnmapped news{id, 0};
  {
    std::lock_guard lock(mutex_);
    const auto found = mapped_.find(id);
    if (found == mapped_.end()) return;
    news.ticket = found->second.ticket;
    mapped_.erase(found);
  }
  gone_.notify_all();
  on_unmapped_(news);
}

}  // namespace polybus::discovery
