// C++'s part: for each line "TOPIC SCHEMA" of standard input, what a subscriber with that file's Main is told. See
// test_differences.py.
#include <iostream>
#include <polybus/polybus.hpp>
#include <string>

int main() {
  polybus::Node node("refused");
  std::string topic, file;
  while (std::cin >> topic >> file) {
    try {
      auto subscriber = node.subscriber(topic, polybus::Schema::parse_file(file).at("Main"));
      std::cout << "fits" << std::endl;
    } catch (const polybus::Error& error) {
      std::cout << polybus::code_name(error.code()) << ' ' << error.what() << std::endl;
    }
  }
}
