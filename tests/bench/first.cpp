// first BUS: from nothing to the first message taken: starts busd, connects, publishes and takes. The caller times it.
#include <cstdlib>
#include <polybus/polybus.hpp>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  polybus::Node node("first", {.bus = argv[1]});
  auto publisher = node.publisher("bench/first");
  auto subscriber = node.subscriber("bench/first");
  publisher.publish_bytes("first");
  return subscriber.take(std::chrono::seconds(5)) ? EXIT_SUCCESS : EXIT_FAILURE;
}
