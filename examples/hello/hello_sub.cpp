// Prints every hello, whatever language it comes from.
#include <chrono>
#include <iostream>
#include <polybus/polybus.hpp>

#include "examples/hello/hello.capnp.h"

int main() try {
  using namespace std::chrono_literals;
  polybus::Node node("hello-listener-cpp");
  auto hello = node.subscriber<Hello>("hello");
  for (;;) {
    if (auto sample = hello.take(1s)) {  // read where it was built, not copied
      std::cout << "hello from " << sample->getName().cStr() << ", number " << sample->getCount() << std::endl;
    }
  }
} catch (const polybus::Error& error) {
  std::cerr << "hello_sub: " << error.what() << '\n';
  return 1;
}
