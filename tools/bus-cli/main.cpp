// bus-cli: look at a bus and take part in it. What it does is in arguments.cpp and one file per command.
#include <kj/exception.h>

#include <cstdio>
#include <exception>
#include <polybus/error.hpp>

#include "tools/bus-cli/arguments.hpp"
#include "tools/bus-cli/interrupt.hpp"
#include "tools/bus-cli/output.hpp"

namespace {

using polybus::cli::Exit;

Exit run(int argc, char** argv) {
  const auto complain = [](const char* what) {
    if (*what != '\0') std::fprintf(stderr, "bus-cli: %s\n", what);
  };
  try {
    const Exit exit = polybus::cli::run_command_line(argc, argv);
    if (exit == Exit::done) polybus::cli::flush_output();
    return exit;
  } catch (const polybus::cli::Stop& stop) {
    complain(stop.what());
    return stop.exit();
  } catch (const polybus::Error& error) {
    complain(error.what());
    return polybus::cli::exit_of(error.code());
  } catch (const kj::Exception& error) {  // a damaged message that was read field by field
    complain(error.getDescription().cStr());
    return Exit::corrupt;
  } catch (const std::exception& error) {
    complain(error.what());
    return Exit::condition_false;
  }
}

}  // namespace

int main(int argc, char** argv) {
  polybus::cli::install_signal_handlers();
  return static_cast<int>(run(argc, argv));
}
