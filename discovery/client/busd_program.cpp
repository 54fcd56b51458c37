#include "discovery/client/busd_program.hpp"

#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <polybus/error.hpp>
#include <sstream>

namespace polybus::discovery {
namespace {

bool is_program(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

// The folder of the file that this code is in: libpolybus.so, or a program that has it linked in.
std::string own_folder() {
  char path[PATH_MAX];
  Dl_info info{};
  static const char kHere = 0;
  if (::dladdr(&kHere, &info) == 0 || info.dli_fname == nullptr || ::realpath(info.dli_fname, path) == nullptr) {
    const ssize_t bytes = ::readlink("/proc/self/exe", path, sizeof path - 1);
    if (bytes <= 0) return "";
    path[bytes] = '\0';
  }
  const std::string file = path;
  return file.substr(0, file.rfind('/'));
}

std::vector<std::string> places() {
  std::vector<std::string> places;
  const std::string folder = own_folder();
  if (!folder.empty()) {
    places.push_back(folder + "/../bin/busd");     // build/lib, /usr/lib, a wheel's polybus/lib
    places.push_back(folder + "/busd");            // build/bin
    places.push_back(folder + "/../busd");         // build/bin/tests
    places.push_back(folder + "/../../bin/busd");  // /usr/lib/x86_64-linux-gnu
  }
#ifdef POLYBUS_BUSD_FALLBACK
  places.push_back(POLYBUS_BUSD_FALLBACK);
#endif
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path);
  for (std::string entry; std::getline(folders, entry, ':');)
    if (entry.starts_with('/')) places.push_back(entry + "/busd");
  return places;
}

}  // namespace

std::string find_busd() {
  const char* given = std::getenv("POLYBUS_BUSD");
  if (given != nullptr && *given != '\0') {
    char path[PATH_MAX];
    if (is_program(given) && ::realpath(given, path) != nullptr) return path;
    throw Error(Code::no_bus, std::string("POLYBUS_BUSD=") + given + " is not a program; set it to the path of busd");
  }
  std::string tried;
  for (const std::string& place : places()) {
    if (is_program(place)) return place;
    tried += (tried.empty() ? "" : ", ") + place;
  }
  throw Error(Code::no_bus,
              "there is no busd to start (tried " + tried + "); install it, or set POLYBUS_BUSD to its path");
}

}  // namespace polybus::discovery
