// The guard is the whole process's: each test turns it on in a child.
#include "bus/memory/guard.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <cstring>
#include <vector>

#include "tests/unit/memory/extent_fixture.hpp"
#include "tests/unit/transport/local_bus.hpp"

namespace polybus::bus::test {
namespace {

constexpr uint64_t kPage = 4096;

void require(bool holds, const char* what) {
  if (holds) return;
  std::cerr << "does not hold: " << what;
  ::_exit(1);
}

// Memory of a publisher, as a reader of a guarded process sees it.
struct Guarded {
  explicit Guarded(uint64_t bytes = 1 << 20) {
    guard_reads();
    memory = std::make_unique<OneExtent>(bytes, Window::reserve(8ull << 30));
    if (::ftruncate(memory->fd, static_cast<off_t>(bytes)) != 0) ::_exit(2);
    shared = memory->window->at(kBookBytesMax);
    received = const_cast<std::byte*>(memory->window->payload_at(kBookBytesMax));
  }
  std::unique_ptr<OneExtent> memory;
  std::byte* shared;
  std::byte* received;
};

void set(std::byte* at, char value) { *static_cast<volatile char*>(static_cast<void*>(at)) = value; }
char get(const std::byte* at) { return *static_cast<const volatile char*>(static_cast<const void*>(at)); }

#define EXPECT_CHILD_SUCCEEDS(action) EXPECT_EXIT((action(), ::_exit(0)), ::testing::ExitedWithCode(0), "")

TEST(Guard, that_is_not_on_costs_no_second_mapping) {
  OneExtent memory(1 << 20);
  EXPECT_FALSE(guard_is_on());
  EXPECT_EQ(memory.window->payload_at(kBookBytesMax), memory.window->at(kBookBytesMax));
}

TEST(Guard, lets_a_write_to_received_memory_neither_crash_nor_reach_the_shared_memory) {
  EXPECT_CHILD_SUCCEEDS([] {
    Guarded guarded;
    set(guarded.shared, 's');
    require(guarded.received != guarded.shared && get(guarded.received) == 's', "received memory is the shared one");
    set(guarded.received, 'x');
    require(get(guarded.received) == 'x', "the writer sees what it wrote");
    require(get(guarded.shared) == 's', "nobody else does");
    set(guarded.received + 1, 'y');  // the page is private now: no second fault
    require(get(guarded.received + 1) == 'y', "the page can be written again");
  });
}

TEST(Guard, makes_only_the_written_page_private) {
  EXPECT_CHILD_SUCCEEDS([] {
    Guarded guarded;
    set(guarded.received, 'x');
    set(guarded.shared + 1, 'a');
    set(guarded.shared + kPage, 'b');
    require(get(guarded.received + 1) == 0, "the written page is stale");
    require(get(guarded.received + kPage) == 'b', "the next one is not");
  });
}

TEST(Guard, forgets_a_write_when_the_message_is_released) {
  EXPECT_CHILD_SUCCEEDS([] {
    Guarded guarded;
    set(guarded.shared + 100, 's');
    set(guarded.received + 100, 'x');
    set(guarded.received + 5 * kPage, 'z');
    guard_forget(guarded.received + 64, 200);
    require(get(guarded.received + 100) == 's', "what is shared is seen again");
    require(get(guarded.received + 5 * kPage) == 'z', "other messages' pages stay as they were");
    set(guarded.shared + 100, 't');
    require(get(guarded.received + 100) == 't', "and followed");
    set(guarded.received + 100, 'x');  // the guard is there again
    require(get(guarded.shared + 100) == 't', "the shared memory stays as it was");
  });
}

TEST(Guard, of_a_port_shows_the_next_message_whole_where_the_last_one_was_written) {
  EXPECT_CHILD_SUCCEEDS([] {
    guard_reads();
    LocalBus bus;
    auto publisher = bus.publisher();
    auto subscriber = bus.subscriber();
    bus.connect(publisher, subscriber);
    for (int round = 0; round < 20; ++round) {
      const std::string text = "message " + std::to_string(round);
      send(*publisher.port, text);
      const Sample sample = subscriber.port->take();
      require(text_of(sample) == text, "a message arrives whole");
      std::memset(const_cast<std::byte*>(sample->payload()), 'x', sample->payload_bytes());
      require(text_of(sample) == std::string(text.size(), 'x'), "its reader wrote it");
    }
  });
}

TEST(Guard, forgets_4096_written_pages_at_once_and_leaves_further_ones_as_they_were_written) {
  EXPECT_CHILD_SUCCEEDS([] {
    constexpr uint64_t kPages = 4096;
    Guarded guarded((kPages + 2) * kPage);
    for (uint64_t i = 0; i <= kPages; ++i) set(guarded.received + i * kPage, 'x');
    for (uint64_t i = 0; i <= kPages + 1; ++i) set(guarded.shared + i * kPage, 's');
    guard_forget(guarded.received, (kPages + 2) * kPage);
    for (uint64_t i = 0; i < kPages; ++i) require(get(guarded.received + i * kPage) == 's', "remembered pages follow");
    require(get(guarded.received + kPages * kPage) == 'x', "the one too many stays as it was written");
    require(get(guarded.received + (kPages + 1) * kPage) == 's', "what was not written follows");
    set(guarded.received + kPages * kPage, 'y');
    require(get(guarded.shared + kPages * kPage) == 's', "and is nobody else's all the same");
    set(guarded.received, 'z');  // those that were forgotten make room
    guard_forget(guarded.received, kPage);
    require(get(guarded.received) == 's', "a page can be remembered again");
  });
}

// Address space only: a terabyte of it.
std::vector<std::shared_ptr<Window>> guarded_windows(int count) {
  std::vector<std::shared_ptr<Window>> windows;
  for (int i = 0; i < count; ++i) windows.push_back(Window::reserve(kWindowBytesMin));
  return windows;
}

TEST(Guard, covers_64_windows_and_again_as_many_when_some_are_gone) {
  EXPECT_CHILD_SUCCEEDS([] {
    guard_reads();
    auto windows = guarded_windows(70);  // more than there is room for
    windows.resize(63);
    Guarded last;
    set(last.received, 'x');
    require(get(last.shared) == 0, "the 64th is guarded");
  });
}

TEST(Guard, does_not_cover_the_65th_window_where_a_write_ends_the_process) {
  const auto write_there = [] {
    guard_reads();
    const auto windows = guarded_windows(64);
    Guarded beyond;
    require(get(beyond.received) == 0, "it can be read");
    set(beyond.received, 'x');
  };
  if (kIsSanitized)
    EXPECT_DEATH(write_there(), "");
  else
    EXPECT_EXIT(write_there(), ::testing::KilledBySignal(SIGSEGV), "");
}

TEST(Guard, leaves_a_fault_elsewhere_to_end_the_process) {
  const auto fault = [] {
    Guarded guarded;
    set(nullptr, 'x');
  };
  if (kIsSanitized)
    EXPECT_DEATH(fault(), "");
  else
    EXPECT_EXIT(fault(), ::testing::KilledBySignal(SIGSEGV), "");
}

TEST(Guard, leaves_a_read_outside_of_every_extent_to_end_the_process) {
  EXPECT_DEATH(
      {
        Guarded guarded;
        (void)get(guarded.received + (64 << 20));
      },
      "");
}

TEST(Guard, hands_a_fault_elsewhere_to_the_handler_that_was_there_before) {
  if (kIsSanitized) GTEST_SKIP() << "the handler is the sanitizer's";
  for (const bool with_info : {false, true}) {
    EXPECT_EXIT(
        {
          struct sigaction action {};
          if (with_info) {
            action.sa_flags = SA_SIGINFO;
            action.sa_sigaction = [](int, siginfo_t* info, void*) { ::_exit(info->si_addr == nullptr ? 7 : 8); };
          } else {
            action.sa_handler = [](int) { ::_exit(7); };
          }
          ::sigaction(SIGSEGV, &action, nullptr);
          Guarded guarded;
          set(nullptr, 'x');
        },
        ::testing::ExitedWithCode(7), "");
  }
}

TEST(Guard, is_gone_with_its_window) {
  EXPECT_DEATH(
      {
        std::byte* stale = nullptr;
        {
          Guarded guarded;
          stale = guarded.received;
        }
        set(stale, 'x');
      },
      "");
}

}  // namespace
}  // namespace polybus::bus::test
