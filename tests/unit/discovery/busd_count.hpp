// How many processes serve, or are about to serve, one socket.
#pragma once

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace polybus::discovery::testing_support {

// Whoever has the path among its arguments: a test's path is nobody else's, and the test itself does not have it there.
inline int count_busds_on(const std::string& socket) {
  int count = 0;
  std::error_code ignored;
  for (const auto& process : std::filesystem::directory_iterator("/proc", ignored)) {
    const std::string name = process.path().filename();
    if (!std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isdigit(c) != 0; })) continue;
    std::ifstream in(process.path() / "cmdline");  // it may be gone, then nothing is read
    const std::string arguments((std::istreambuf_iterator<char>(in)), {});
    if (arguments.find('\0' + socket + '\0') != std::string::npos) ++count;
  }
  return count;
}

}  // namespace polybus::discovery::testing_support
