#include "tools/bus-cli/process_start.hpp"

#include <fstream>
#include <sstream>
#include <string>

namespace polybus::cli {

uint64_t process_start_ticks(uint32_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(file, text, '\0');
  // The second field, the program's name, may hold anything; it ends at the last ')'.
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(text.substr(name_end + 1));
  std::string field;
  for (int number = 3; number <= 22; ++number) fields >> field;
  return std::strtoull(field.c_str(), nullptr, 10);
}

}  // namespace polybus::cli
