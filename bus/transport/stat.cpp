#include "bus/transport/stat.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <polybus/error.hpp>

#include "bus/transport/blocks.hpp"

namespace polybus::bus {
namespace {

constexpr uint64_t kBytes = 4096 + uint64_t{kEndsMax} * 1024;

[[noreturn]] void throw_io(const std::string& what) { throw Error(Code::io, what + ": " + std::strerror(errno)); }

void* map_file(int fd, bool writable) {
  void* memory = ::mmap(nullptr, kBytes, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

}  // namespace

std::shared_ptr<StatFile> StatFile::create(const std::string& path, uint64_t instance_id, const std::string& bus) {
  const std::string temporary = path + "." + std::to_string(::getpid());
  const int fd = ::open(temporary.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) throw_io("creating the counter file " + temporary);
  void* memory = ::ftruncate(fd, static_cast<off_t>(kBytes)) == 0 ? map_file(fd, true) : nullptr;
  if (memory == nullptr || ::rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    if (memory != nullptr) ::munmap(memory, kBytes);
    ::unlink(temporary.c_str());
    ::close(fd);
    errno = error;
    throw_io("creating the counter file " + path);
  }
  auto file = std::shared_ptr<StatFile>(new StatFile(fd, memory));
  StatHeader& header = file->header();
  header.magic = StatHeader::kMagic;
  header.layout_hash = polybus::bus::layout_hash();
  header.instance_id = instance_id;
  header.busd_pid = static_cast<uint32_t>(::getpid());
  header.slot_count = kEndsMax;
  std::strncpy(header.bus, bus.c_str(), sizeof header.bus - 1);
  return file;
}

std::shared_ptr<StatFile> StatFile::open(const std::string& path, bool writable) {
  const int fd = ::open(path.c_str(), (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) throw_io("opening the counter file " + path);
  return from_fd(fd, writable);
}

std::shared_ptr<StatFile> StatFile::from_fd(int fd, bool writable) {
  struct stat status {};
  const bool whole = ::fstat(fd, &status) == 0 && static_cast<uint64_t>(status.st_size) >= kBytes;
  void* memory = whole ? map_file(fd, writable) : nullptr;
  if (memory == nullptr) {
    ::close(fd);
    throw Error(Code::io, "the counter file cannot be mapped: it is shorter than its layout or the system refused");
  }
  auto file = std::shared_ptr<StatFile>(new StatFile(fd, memory));
  const StatHeader& header = file->header();
  if (header.magic != StatHeader::kMagic || header.layout_hash != polybus::bus::layout_hash())
    throw Error(Code::version_mismatch,
                "the counter file was written by another version of Polybus; update the older one");
  return file;
}

uint64_t StatFile::memory_left_bytes() const noexcept {
  const uint64_t budget = header().memory_budget_bytes;
  if (budget == 0) return UINT64_MAX;
  uint64_t used = 0;
  const uint32_t end = std::min(header().slots_end.load(std::memory_order_acquire), slot_count());
  // Also of those that are gone: their kept values are still there, and busd clears the number when they are not.
  for (uint32_t i = 0; i < end; ++i) used += slot(i).memory_bytes.load(std::memory_order_relaxed);
  return budget > used ? budget - used : 0;
}

StatFile::~StatFile() {
  ::munmap(memory_, kBytes);
  ::close(fd_);
}

}  // namespace polybus::bus
