#include "discovery/registry/book.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <polybus/error.hpp>

namespace polybus::registry {
namespace {

constexpr uint64_t kGrowBytes = 1 << 20;

}  // namespace

discovery::Fd make_memory(const char* name) {
  discovery::Fd fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd)
    throw Error(errno == EMFILE || errno == ENFILE ? Code::limit : Code::io,
                std::string("busd cannot make shared memory: ") + std::strerror(errno) +
                    (errno == EMFILE ? "; raise `ulimit -n` where busd is started" : ""));
  // A peer that truncates would end every other process with SIGBUS.
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK) != 0)
    throw Error(Code::io, std::string("busd cannot seal shared memory: ") + std::strerror(errno));
  return fd;
}

Book::Book()
    : window_(bus::Window::reserve()), fd_(discovery::share(make_memory("polybus-book"))), end_(bus::kPageBytes) {
  window_->map(fd_->get(), 0, bus::kBookBytesMax, bus::Access::read_write);
}

uint64_t Book::take(Kind& kind, const char* what) {
  ++blocks_in_use_;
  if (!kind.free.empty()) return kind.free.extract(kind.free.begin()).value();
  // Small blocks come by the page, so that no block straddles two pages for nothing and the large ones stay aligned.
  const uint64_t bytes = std::max(kind.block_bytes, bus::kPageBytes);
  if (bytes > bus::kBookBytesMax - end_) {
    --blocks_in_use_;
    throw Error(Code::limit, std::string("the bus has no room for more ") + what + ": its bookkeeping is limited to " +
                                 std::to_string(bus::kBookBytesMax >> 30) + " GiB; close some ends");
  }
  if (end_ + bytes > file_bytes_) {
    const uint64_t grown = std::min(bus::kBookBytesMax, (end_ + bytes + kGrowBytes - 1) / kGrowBytes * kGrowBytes);
    if (::ftruncate(fd_->get(), static_cast<off_t>(grown)) != 0) {
      --blocks_in_use_;
      throw Error(Code::no_memory,
                  std::string("the system has no memory for the bus's bookkeeping: ") + std::strerror(errno));
    }
    file_bytes_ = grown;
  }
  const uint64_t offset = end_;
  end_ += bytes;
  for (uint64_t more = kind.block_bytes; more + kind.block_bytes <= bytes; more += kind.block_bytes)
    kind.free.insert(offset + more);
  return offset;
}

void Book::give_back(Kind& kind, uint64_t offset) noexcept {
  --blocks_in_use_;
  kind.free.insert(offset);
  if (kind.block_bytes % bus::kPageBytes == 0)
    ::fallocate(fd_->get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                static_cast<off_t>(kind.block_bytes));
}

}  // namespace polybus::registry
