#include <iostream>
#include <polybus/polybus.hpp>

#include "examples/hello/hello.capnp.h"  // made by the CMake function polybus_schemas()

int main() {
  polybus::Node node("quickstart");
  auto publisher = node.publisher<Hello>("hello", {.history = 1});
  publisher.publish([](Hello::Builder hello) { hello.setName("C++"); });  // built in shared memory

  auto subscriber = node.subscriber<Hello>("hello");
  while (auto sample = subscriber.take(std::chrono::milliseconds(500))) std::cout << sample->getName().cStr() << '\n';
}
