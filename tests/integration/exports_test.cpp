// What libpolybus.so shows: the C functions of the header and the C++ interface, nothing else.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <memory>
#include <regex>
#include <set>
#include <sstream>
#include <string>

namespace {

std::string output_of(const std::string& command) {
  std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), &::pclose);
  std::string text;
  std::array<char, 4096> buffer;
  for (size_t size; (size = std::fread(buffer.data(), 1, buffer.size(), pipe.get())) > 0;)
    text.append(buffer.data(), size);
  return text;
}

std::set<std::string> functions_of_the_header() {
  std::ifstream file(POLYBUS_TEST_SOURCE_DIR "/adapters/c/include/polybus/polybus.h");
  std::stringstream content;
  content << file.rdbuf();
  const std::string text = content.str();
  const std::regex declaration(R"(POLYBUS_EXPORT[^;(]*?(polybus_[a-z0-9_]+)\()");
  std::set<std::string> names;
  for (std::sregex_iterator i(text.begin(), text.end(), declaration), end; i != end; ++i) names.insert((*i)[1]);
  return names;
}

}  // namespace

TEST(Exports, are_the_functions_of_the_header_and_the_cpp_interface) {
  const std::string library = std::string(POLYBUS_TEST_BIN_DIR) + "/../lib/libpolybus.so";
  std::istringstream lines(output_of("nm -D --defined-only -C --format=posix " + library));
  std::set<std::string> c_functions;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("polybus_")) {
      c_functions.insert(line.substr(0, line.find(' ')));
      continue;
    }
    static const std::regex cpp(
        R"(^(?:(?:typeinfo|typeinfo name|vtable|VTT|construction vtable|guard variable) for )?polybus::.*)");
    EXPECT_TRUE(std::regex_match(line, cpp)) << line;
    EXPECT_FALSE(line.starts_with("polybus::bus::") || line.starts_with("polybus::discovery::")) << line;
  }
  EXPECT_EQ(c_functions, functions_of_the_header());
}
