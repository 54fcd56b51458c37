#include "discovery/protocol/unix_socket.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <polybus/error.hpp>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77  // Linux 6.5
#endif

namespace polybus::discovery {
namespace {

// The address of a path. A long one goes through a descriptor of its folder, /proc/self/fd/<n>/<name>.
class Address {
 public:
  explicit Address(const std::string& path) {
    std::string name = path;
    if (name.size() >= sizeof address_.sun_path) {
      const size_t slash = path.rfind('/');
      const std::string folder = slash == 0 ? "/" : path.substr(0, slash);
      folder_.reset(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
      if (!folder_) {
        error_ = errno;
        return;
      }
      name = "/proc/self/fd/" + std::to_string(folder_.get()) + path.substr(slash);
    }
    if (name.size() >= sizeof address_.sun_path)
      throw Error(Code::invalid_argument,
                  "socket path " + path + ": the name of a socket is limited to about " +
                      std::to_string(sizeof address_.sun_path - 1 - std::strlen("/proc/self/fd/9999/")) +
                      " bytes behind the last '/'; choose a shorter one in POLYBUS_SOCKET");
    address_.sun_family = AF_UNIX;
    std::memcpy(address_.sun_path, name.c_str(), name.size() + 1);
  }

  int error() const noexcept { return error_; }
  const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&address_); }
  static socklen_t size() noexcept { return sizeof(sockaddr_un); }

 private:
  sockaddr_un address_{};
  Fd folder_;
  int error_ = 0;
};

[[noreturn]] void refuse(const std::string& what, const std::string& path, int error) {
  if (error == EACCES || error == EPERM)
    throw Error(Code::permission,
                what + " " + path + ": " + std::strerror(error) + "; a bus is open to the user whose busd serves it");
  if (error == ENAMETOOLONG) throw Error(Code::invalid_argument, what + " " + path.substr(0, 200) + "…: too long");
  if (error == EMFILE || error == ENFILE)
    throw Error(Code::limit, what + " " + path + ": out of file descriptors; raise `ulimit -n`");
  throw Error(Code::io, what + " " + path + ": " + std::strerror(error));
}

void check_is_socket(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return;
  if (S_ISLNK(status.st_mode) && ::stat(path.c_str(), &status) != 0) return;
  if (!S_ISSOCK(status.st_mode))
    throw Error(Code::io, path + " is in the place of the bus's socket and is not a socket; move it away, or choose " +
                              "another path in POLYBUS_SOCKET");
}

}  // namespace

Reached connect_unix(const std::string& path, Fd* out) {
  const Address address(path);
  if (address.error() == ENOENT || address.error() == ENOTDIR) return Reached::nothing_there;
  if (address.error() != 0) refuse("connecting to", path, address.error());
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) refuse("connecting to", path, errno);
  int result;
  do {
    result = ::connect(socket.get(), address.get(), Address::size());
  } while (result != 0 && errno == EINTR);
  if (result == 0) {
    *out = std::move(socket);
    return Reached::yes;
  }
  const int error = errno;
  if (error == EAGAIN) return Reached::busy;
  if (error == ENOENT || error == ENOTDIR) return Reached::nothing_there;
  check_is_socket(path);
  if (error == EPROTOTYPE)
    throw Error(Code::io, path + " is a socket of another kind, not a bus's; choose another path in POLYBUS_SOCKET");
  if (error == ECONNREFUSED || error == ECONNRESET) return Reached::stale;
  refuse("connecting to", path, error);
}

Fd listen_unix(const std::string& path) {
  const Address address(path);
  if (address.error() != 0) refuse("listening on", path, address.error());
  Fd probe;
  const Reached reached = connect_unix(path, &probe);
  if (reached == Reached::yes || reached == Reached::busy)
    throw Error(Code::io, path + ": another program listens there; choose another path in POLYBUS_SOCKET");
  if (reached == Reached::stale) ::unlink(path.c_str());
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) refuse("listening on", path, errno);
  // Before bind: nobody else may connect in between. (fchmod on a socket sets the mode of the file that bind makes.)
  ::fchmod(socket.get(), 0600);
  if (::bind(socket.get(), address.get(), Address::size()) != 0 || ::listen(socket.get(), 4096) != 0)
    refuse("listening on", path, errno);
  return socket;
}

PeerCredentials peer_credentials(int socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return {};
  return {credentials.pid, credentials.uid};
}

Fd peer_pidfd(int socket, pid_t pid) {
  int fd = -1;
  socklen_t size = sizeof fd;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &fd, &size) == 0) return Fd(fd);
  if (pid <= 0) return {};
  return Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

}  // namespace polybus::discovery
