// C++'s part: for each line "TOPIC SCHEMA" of standard input, what a subscriber (argument publisher: a publisher)
// with that file's Main is told. See test_differences.py.
#include <iostream>
#include <polybus/polybus.hpp>
#include <string>

int main(int argc, char** argv) {
  const bool publishes = argc > 1 && std::string(argv[1]) == "publisher";
  polybus::Node node("refused");
  std::string topic, file;
  while (std::cin >> topic >> file) {
    try {
      const auto schema = polybus::Schema::parse_file(file).at("Main");
      if (publishes) {
        auto publisher = node.publisher(topic, schema);
      } else {
        auto subscriber = node.subscriber(topic, schema);
      }
      std::cout << "fits" << std::endl;
    } catch (const polybus::Error& error) {
      std::cout << polybus::code_name(error.code()) << ' ' << error.what() << std::endl;
    }
  }
}
