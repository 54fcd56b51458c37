#include "discovery/protocol/lock_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <polybus/error.hpp>

namespace polybus::discovery {

std::optional<LockFile> LockFile::try_lock(const std::string& path) {
  for (;;) {
    Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd)
      throw Error(errno == EACCES || errno == EPERM ? Code::permission : Code::io,
                  "opening the lock file " + path + ": " + std::strerror(errno));
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return std::nullopt;
    // The holder before us may have deleted the file between our open and our lock: then it is nobody's, and not the lock.
    struct stat ours {};
    struct stat there {};
    if (::fstat(fd.get(), &ours) == 0 && ::stat(path.c_str(), &there) == 0 && ours.st_ino == there.st_ino &&
        ours.st_dev == there.st_dev)
      return LockFile(path, std::move(fd));
  }
}

bool LockFile::is_held(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  return fd && ::flock(fd.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

void LockFile::remove() noexcept {
  ::unlink(path_.c_str());
  fd_.reset();
}

}  // namespace polybus::discovery
