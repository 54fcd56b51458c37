// Says hello once a second. Start hello_sub, in any language, in a second terminal; nothing else has to run.
#include <chrono>
#include <iostream>
#include <polybus/polybus.hpp>
#include <thread>

#include "examples/hello/hello.capnp.h"

int main() try {
  polybus::Node node("hello-cpp");
  auto hello = node.publisher<Hello>("hello", {.history = 1});  // who comes later still gets the last one
  for (uint32_t count = 1;; ++count) {
    hello.publish([&](Hello::Builder message) {  // built in shared memory
      message.setName("C++");
      message.setCount(count);
    });
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
} catch (const polybus::Error& error) {
  std::cerr << "hello_pub: " << error.what() << '\n';
  return 1;
}
