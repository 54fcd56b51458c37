#include "tools/bus-cli/bus_files.hpp"

#include <unistd.h>

#include <cstdlib>

#include "bus/transport/stat.hpp"
#include "discovery/protocol/bus_files.hpp"
#include "discovery/protocol/fd.hpp"
#include "discovery/protocol/unix_socket.hpp"
#include "tools/bus-cli/process_start.hpp"

namespace polybus::cli {
namespace {

constexpr off_t kSlotsBegin = 4096, kSlotBytes = 1024;

}  // namespace

std::string bus_name(const Globals& globals) {
  if (!globals.bus.empty()) return globals.bus;
  const char* name = std::getenv("POLYBUS_BUS");
  return name == nullptr || *name == '\0' ? "default" : name;
}

discovery::ConnectOptions read_only_options(const Globals& globals) {
  discovery::ConnectOptions options;
  options.bus = globals.bus;
  options.timeout = std::chrono::seconds(2);
  options.autostart = false;
  return options;
}

std::vector<std::string> socket_paths(const Globals& globals) {
  discovery::check_bus_name(bus_name(globals));
  return discovery::choose_socket(bus_name(globals), "").paths;
}

std::vector<std::string> counter_file_paths(const Globals& globals) {
  std::vector<std::string> paths;
  for (const std::string& socket : socket_paths(globals)) paths.push_back(discovery::files_beside(socket).stat);
  return paths;
}

std::vector<uint32_t> slots_in_use(const bus::StatFile& file) {
  std::vector<uint32_t> slots;
  const off_t end = kSlotsBegin + kSlotBytes * file.slot_count();
  // The file is sparse: only what was ever written is looked at.
  for (off_t data = ::lseek(file.fd(), kSlotsBegin, SEEK_DATA); data >= 0 && data < end;) {
    const off_t hole = std::min(std::max(::lseek(file.fd(), data, SEEK_HOLE), data + 1), end);
    for (off_t at = data - data % kSlotBytes; at < hole; at += kSlotBytes) {
      const auto index = static_cast<uint32_t>((at - kSlotsBegin) / kSlotBytes);
      const bus::StatSlot& slot = file.slot(index);
      if (slot.generation.load(std::memory_order_acquire) % 2 == 1 &&
          process_start_ticks(slot.pid) == slot.process_start_ticks) {
        slots.push_back(index);
      }
    }
    data = ::lseek(file.fd(), hole, SEEK_DATA);
  }
  return slots;
}

pid_t listening_pid(const std::string& socket_path) {
  discovery::Fd socket;
  if (discovery::connect_unix(socket_path, &socket) != discovery::Reached::yes) return 0;
  return discovery::peer_credentials(socket.get()).pid;
}

}  // namespace polybus::cli
