#include "discovery/protocol/bus_files.hpp"

#include <dirent.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <polybus/error.hpp>

namespace polybus::discovery {
namespace {

constexpr std::string_view kSuffix = ".sock";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool is_ours(const std::string& folder) {
  struct stat status {};
  return ::lstat(folder.c_str(), &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == ::geteuid();
}

bool is_memory(const std::string& folder) {
  struct statfs status {};
  return ::statfs(folder.c_str(), &status) == 0 && (status.f_type == TMPFS_MAGIC || status.f_type == RAMFS_MAGIC);
}

// The counter file must not be written back to a disk, which would stall whoever counts; so it has a name of its own in
// /dev/shm, made from the socket's path.
std::string stat_file(const std::string& socket_path, const std::string& stem) {
  if (is_memory(folder_of(socket_path)) || !is_memory("/dev/shm")) return stem + ".stat";
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (unsigned char c : socket_path) hash = (hash ^ c) * 0x100000001b3;
  char name[80];
  std::snprintf(name, sizeof name, "/dev/shm/polybus-%u-%016lx.stat", ::geteuid(), static_cast<unsigned long>(hash));
  return name;
}

// Why a folder cannot hold a socket; empty: it can.
std::string obstacle(const std::string& folder, bool may_make) {
  // 0700: who may open the folder may join the bus.
  if (may_make && ::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return std::strerror(errno);
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0) return std::strerror(errno);
  if (!S_ISDIR(status.st_mode)) return "not a folder";
  if (may_make && (!is_ours(folder) || (status.st_mode & 0022) != 0))
    return "belongs to, or is writable by, somebody else";
  if (::access(folder.c_str(), W_OK | X_OK) != 0) return std::strerror(errno);
  return "";
}

}  // namespace

BusFiles files_beside(const std::string& socket_path) {
  std::string stem = socket_path;
  if (stem.ends_with(kSuffix)) stem.resize(stem.size() - kSuffix.size());
  return {socket_path, stem + ".lock", stem + ".start.lock", stat_file(socket_path, stem), stem + ".log"};
}

std::vector<std::string> socket_folders() {
  std::vector<std::string> folders;
  const std::string uid = std::to_string(::geteuid());
  const std::string runtime = environment("XDG_RUNTIME_DIR");
  if (runtime.starts_with('/')) folders.push_back(runtime + "/polybus");
  if (is_ours("/run/user/" + uid)) folders.push_back("/run/user/" + uid + "/polybus");
  folders.push_back("/tmp/polybus-" + uid);
  if (folders.size() > 1 && folders[0] == folders[1]) folders.erase(folders.begin());
  return folders;
}

SocketChoice choose_socket(const std::string& bus, const std::string& given) {
  std::string path = given.empty() ? environment("POLYBUS_SOCKET") : given;
  if (path.empty()) {
    SocketChoice choice;
    for (const std::string& folder : socket_folders())
      choice.paths.push_back(folder + "/" + bus + std::string(kSuffix));
    return choice;
  }
  if (!path.starts_with('/')) {
    char folder[PATH_MAX];
    if (::getcwd(folder, sizeof folder) == nullptr)
      throw Error(Code::io, "socket path " + path + " is relative, and the working directory is gone");
    path = std::string(folder) + "/" + path;
  }
  if (path.size() >= PATH_MAX || path.ends_with('/'))
    throw Error(Code::invalid_argument,
                "socket path " + path.substr(0, 200) +
                    (path.ends_with('/') ? ": names a folder" : "…: longer than a path may be, ") +
                    (path.ends_with('/') ? "" : std::to_string(PATH_MAX - 1) + " bytes"));
  return {true, {path}};
}

std::string socket_to_make(const SocketChoice& choice) {
  std::string tried;
  int error = 0;
  for (const std::string& path : choice.paths) {
    const std::string folder = folder_of(path);
    errno = 0;
    const std::string why = obstacle(folder, !choice.is_given);
    if (why.empty()) return path;
    error = errno;
    tried += (tried.empty() ? "" : "; ") + folder + ": " + why;
  }
  throw Error(error == EACCES || error == EPERM || error == EROFS ? Code::permission : Code::io,
              "no place for the bus's socket (" + tried + "); make a folder that only you can write to and set " +
                  (choice.is_given ? "POLYBUS_SOCKET to a path in it" : "XDG_RUNTIME_DIR to it"));
}

void remove_if_empty(const std::string& path) noexcept {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && status.st_size == 0) ::unlink(path.c_str());
}

std::vector<std::string> other_buses() {
  std::vector<std::string> buses;
  for (const std::string& folder : socket_folders()) {
    DIR* entries = ::opendir(folder.c_str());
    if (entries == nullptr) continue;
    while (const dirent* entry = ::readdir(entries)) {
      const std::string name = entry->d_name;
      if (name.size() > kSuffix.size() && name.ends_with(kSuffix)) buses.push_back(folder + "/" + name);
    }
    ::closedir(entries);
  }
  std::sort(buses.begin(), buses.end());
  return buses;
}

}  // namespace polybus::discovery
