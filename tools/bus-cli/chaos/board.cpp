#include "tools/bus-cli/chaos/board.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tools/bus-cli/exit_code.hpp"

namespace polybus::cli::chaos {

Board::Board(size_t slots) : fd_(::memfd_create("polybus-chaos", MFD_CLOEXEC)), slots_(slots), memory_(nullptr) {
  const size_t bytes = kPage * (1 + slots);
  void* memory = MAP_FAILED;
  if (fd_ >= 0 && ::ftruncate(fd_, static_cast<off_t>(bytes)) == 0)
    memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
  if (memory == MAP_FAILED)
    throw Stop(Exit::out_of_resources, std::string("memory shared with the workers: ") + std::strerror(errno));
  memory_ = static_cast<std::byte*>(memory);
  direction().director_pid = static_cast<uint64_t>(::getpid());
}

Board::~Board() {
  ::munmap(memory_, kPage * (1 + slots_));
  ::close(fd_);
}

void Board::clear(size_t index) const noexcept { std::memset(static_cast<void*>(&slot(index)), 0, sizeof(Slot)); }

std::string Board::complaint(size_t index) const {
  const char* text = slot(index).deeds.complaint;
  return {text, ::strnlen(text, sizeof Deeds::complaint)};
}

}  // namespace polybus::cli::chaos
