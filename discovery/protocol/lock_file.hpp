// A file whose lock tells whether somebody lives; the system drops it with the process, however it ends.
#pragma once

#include <optional>
#include <string>

#include "discovery/protocol/fd.hpp"

namespace polybus::discovery {

class LockFile {
 public:
  // None: somebody else holds it. Never waits. Throws IO, PERMISSION.
  static std::optional<LockFile> try_lock(const std::string& path);
  // Whether somebody holds it, without taking it. False if there is no such file.
  static bool is_held(const std::string& path);

  // Deletes the file while still holding it.
  void remove() noexcept;

 private:
  LockFile(std::string path, Fd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  std::string path_;
  Fd fd_;
};

}  // namespace polybus::discovery
