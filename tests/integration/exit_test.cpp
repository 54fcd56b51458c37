// How programs end with everything open: no hang, no crash, and nobody else notices more than that they are gone.
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "test_bus.hpp"

using namespace testing_bus;
using polybus::Code;

namespace {

// What a program may have in static storage; destroyed in an order nobody thought about.
struct Everything {
  std::optional<polybus::Node> node;
  std::optional<polybus::Publisher<polybus::Bytes>> pub;
  std::optional<polybus::Subscriber<polybus::Dynamic>> sub;
  std::vector<polybus::Sample<polybus::Dynamic>> samples;
  std::optional<polybus::Draft<polybus::Bytes>> draft;

  void open(const polybus::NodeOptions& options) {
    node.emplace("ending", options);
    pub.emplace(node->publisher("mine"));
    sub.emplace(node->subscriber("mine"));
    if (!eventually([&] { return pub->stats().subscribers >= 2; })) throw std::runtime_error("the witness is not here");
    for (int i = 0; i < 3; ++i) pub->publish_bytes("held");
    while (auto sample = sub->take()) samples.push_back(std::move(*sample));
    draft.emplace(pub->loan(100));
  }
};

bool sleeps(pid_t thread) {
  std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/stat");
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const size_t name_end = text.rfind(')');
  return name_end != std::string::npos && text.substr(name_end + 2, 1) == "S";
}

// Is on the bus before the others end and hears them; when they have ended, it exchanges a message with itself over the
// connections it has. A process of its own, so that those who end have nothing of it by their fork.
class Witness {
 public:
  explicit Witness(const polybus::NodeOptions& options)
      : pid_(start_child([&] {
          polybus::Node node("witness", options);
          auto pub = node.publisher("mine");
          auto sub = node.subscriber("mine", {.queue = 64});
          ready_.give();
          ended_.await();
          return look_around(node, pub, sub);
        })) {
    ready_.await();
  }
  ~Witness() {
    if (pid_ == 0) return;
    ::kill(pid_, SIGKILL);
    end_of(pid_);
  }
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;

  // When the others have ended, once. 0: all is well.
  int testimony() {
    ended_.give();
    return end_of(std::exchange(pid_, 0));
  }

 private:
  static int look_around(polybus::Node& node, polybus::Publisher<polybus::Bytes>& pub,
                         polybus::Subscriber<polybus::Dynamic>& sub) {
    if (!eventually([&] { return node.graph().nodes.size() == 1; })) return 1;  // a dead one is still listed
    int heard = 0;
    while (auto sample = sub.take()) heard += text_of(sample->data()) == "held" ? 1 : 0;
    if (heard < 3) return 2;  // it was not connected to those who ended
    pub.publish_bytes("x");
    auto own = sub.take(kPatience);
    if (!own || text_of(own->data()) != "x") return 3;
    return sub.stats().lost == 0 ? 0 : 4;
  }

  Signal ready_, ended_;
  pid_t pid_;
};

class Exits : public TestBus {
 protected:
  // The program in the child ends as `ending` does, with all of its things open.
  int end_by(const std::function<void(Everything&)>& ending) {
    return in_child([&]() -> int {
      static Everything everything;  // constructed in the child only: its destructor runs at exit
      everything.open(options());
      ending(everything);
      return 0;
    });
  }
  void expect_others_are_well() { EXPECT_EQ(witness_.testimony(), 0); }

 private:
  Witness witness_{options()};
};

}  // namespace

TEST_F(Exits, by_exit_destroy_static_handles_whatever_the_order) {
  EXPECT_EQ(end_by([](Everything&) { std::exit(3); }), 3);
  EXPECT_EQ(end_by([](Everything& it) {
              it.node.reset();  // first the node, then what came from it
              std::exit(4);
            }),
            4);
  EXPECT_EQ(end_by([](Everything& it) {
              it.sub.reset();
              it.pub.reset();  // samples and draft last
              std::exit(5);
            }),
            5);
  expect_others_are_well();
}

TEST_F(Exits, by__exit_and_quick_exit_leave_the_rest_to_busd) {
  EXPECT_EQ(end_by([](Everything&) { ::_exit(6); }), 6);
  EXPECT_EQ(end_by([](Everything&) { std::quick_exit(7); }), 7);
  expect_others_are_well();
}

TEST_F(Exits, on_another_thread_while_the_first_one_waits) {
  EXPECT_EQ(end_by([](Everything& it) {
              it.samples.clear();
              std::thread([waiting = ::gettid()] {
                while (!sleeps(waiting)) std::this_thread::sleep_for(1ms);
                std::exit(8);
              }).detach();
              try {
                for (;;) it.sub->take(kPatience);
              } catch (const polybus::Error& error) {  // the other thread destroys it
                if (error.code() != Code::closed) ::_exit(70);
              }
              for (;;) ::pause();
            }),
            8);
  expect_others_are_well();
}

TEST_F(Exits, in_a_callback) {
  EXPECT_EQ(end_by([](Everything& it) {
              static auto listener =
                  it.node->subscriber("mine", [](const polybus::Sample<polybus::Dynamic>&) { std::exit(9); });
              it.pub->publish_bytes("go");
              for (;;) ::pause();
            }),
            9);
  expect_others_are_well();
}

TEST_F(Exits, by_an_exception_that_nobody_catches) {
  EXPECT_EQ(end_by([](Everything&) {
              ::signal(SIGABRT, SIG_DFL);
              std::thread([] { throw std::runtime_error("mine"); }).join();
            }),
            128 + SIGABRT);
  expect_others_are_well();
}

TEST_F(Exits, by_any_signal) {
  for (int signal : {SIGTERM, SIGINT, SIGHUP, SIGSEGV, SIGKILL}) {
    EXPECT_EQ(end_by([signal](Everything&) {
                ::signal(signal, SIG_DFL);
                ::raise(signal);
              }),
              128 + signal);
  }
  expect_others_are_well();
}

TEST_F(Exits, of_a_forked_child_by_exit_do_not_touch_what_the_parent_has) {
  Everything ours;
  ours.open(options());
  EXPECT_EQ(in_child([&]() -> int { std::exit(11); }), 11);  // destroys copies of all static things
  EXPECT_EQ(in_child([&]() -> int {
              ours = {};
              return 12;
            }),
            12);
  EXPECT_EQ(text_of(ours.samples.front().data()), "held");
  ours.pub->publish_bytes("after");
  EXPECT_EQ(text_of(ours.sub->take(kPatience).data()), "after");
}
