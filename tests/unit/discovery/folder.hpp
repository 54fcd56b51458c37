// A folder of a test's own, an environment of a test's own.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

#include "discovery/protocol/bus_files.hpp"
#include "tests/support/lifetime.hpp"

namespace polybus::discovery::testing_support {

class Folder {
 public:
  explicit Folder(const std::string& parent = "/tmp") {
    std::string pattern = parent + "/polybus-test-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
    janitor().note('+', path_);
  }
  ~Folder() {
    clear(path_);
    janitor().note('-', path_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  static void clear(const std::string& path) {
    std::error_code ignored;
    // The counters of a busd that was killed may lie elsewhere.
    for (const auto& entry : std::filesystem::directory_iterator(path, ignored))
      if (entry.path().extension() == ".sock") std::filesystem::remove(files_beside(entry.path()).stat, ignored);
    std::filesystem::remove_all(path, ignored);
  }
  static const polybus::lifetime::Janitor& janitor() {
    static const polybus::lifetime::Janitor janitor(clear);
    return janitor;
  }

  std::string path_;
};

class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    if (value != nullptr)
      ::setenv(name, value, 1);
    else
      ::unsetenv(name);
  }
  Environment(const char* name, const std::string& value) : Environment(name, value.c_str()) {}
  ~Environment() {
    if (before_)
      ::setenv(name_, before_->c_str(), 1);
    else
      ::unsetenv(name_);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

}  // namespace polybus::discovery::testing_support
