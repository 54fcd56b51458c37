// Processes killed at random moments of joining, advertising, subscribing, sending, taking and closing, and busd with them.
#include <sys/stat.h>

#include <fstream>
#include <random>

#include "tests/unit/discovery/busd_process.hpp"

namespace polybus::discovery {
namespace {

using namespace testing_support;

class Storms : public BusdTest {
 protected:
  // Comes, does things at random on a few topics, and never ends by itself.
  [[noreturn]] int live_wildly(unsigned seed) const {
    std::mt19937 random(seed);
    const auto member = join("wild");
    std::vector<std::shared_ptr<PublisherEnd>> publishers;
    std::vector<std::shared_ptr<SubscriberEnd>> subscribers;
    std::vector<bus::Sample> held;
    for (;;) {
      const std::string topic = "t" + std::to_string(random() % 3);
      try {
        switch (random() % 8) {
          case 0: publishers.push_back(member.publisher(topic, random() % 3)); break;
          case 1: subscribers.push_back(member.subscriber(topic)); break;
          case 2:
            if (!publishers.empty()) publishers.erase(publishers.begin());
            break;
          case 3:
            if (!subscribers.empty()) subscribers.erase(subscribers.begin());
            break;
          case 4:
            if (held.size() > 20) held.clear();
            break;
          default:
            for (const auto& publisher : publishers) send(*publisher, std::string(random() % 2000, 'x'));
            for (const auto& subscriber : subscribers)
              if (auto sample = subscriber->port().take()) held.push_back(std::move(sample));
        }
      } catch (const Error& e) {
        if (e.code() != Code::disconnected && e.code() != Code::timeout) std::fprintf(stderr, "storm: %s\n", e.what());
      }
      if (publishers.size() > 4) publishers.clear();
      if (subscribers.size() > 4) subscribers.clear();
    }
  }

  std::unique_ptr<Child> wild(unsigned seed) {
    return std::make_unique<Child>([this, seed]() -> int { live_wildly(seed); });
  }

  long busd_fds() const {
    const auto entries = std::filesystem::directory_iterator("/proc/" + std::to_string(busd_->pid()) + "/fd");
    return std::distance(begin(entries), end(entries));
  }
  // Memory that busd's book takes: all blocks are given back to the system when they are free.
  uint64_t book_bytes() const {
    for (const auto& fd : std::filesystem::directory_iterator("/proc/" + std::to_string(busd_->pid()) + "/fd")) {
      struct stat status {};
      if (std::filesystem::read_symlink(fd.path()).string().find("polybus-book") == std::string::npos) continue;
      if (::stat(fd.path().c_str(), &status) == 0) return static_cast<uint64_t>(status.st_blocks) * 512;
    }
    return 0;
  }
  static void probe(const Member& witness) {
    const auto subscriber = witness.subscriber("probe");
    const auto publisher = witness.publisher("probe");
    send(*publisher, "x");
    EXPECT_EQ(receive(*subscriber), "x");
  }
};

TEST_F(Storms, of_killed_processes_leave_nothing_behind_and_hinder_nobody) {
  const unsigned seed = std::random_device{}();
  std::mt19937 random(seed);
  SCOPED_TRACE("seed " + std::to_string(seed));
  const auto witness = join("witness");
  probe(witness);
  const long fds_before = busd_fds();
  std::vector<std::unique_ptr<Child>> crowd(4);
  for (int kill = 0; kill < 150; ++kill) {
    auto& victim = crowd[random() % crowd.size()];
    if (victim != nullptr) victim->end(SIGKILL);
    victim = wild(static_cast<unsigned>(random()));
    ::usleep(static_cast<useconds_t>(random() % 20'000));
    if (kill % 10 == 0) probe(witness);
  }
  crowd.clear();
  ASSERT_TRUE(eventually([&] { return witness.session->graph().nodes.size() == 1; }));
  probe(witness);
  // What is kept: at most two values of each of three topics, each by a publisher that is gone.
  EXPECT_TRUE(eventually([&] { return busd_fds() <= fds_before + 6; })) << fds_before << " then " << busd_fds();
  EXPECT_TRUE(eventually([&] { return book_bytes() <= 200'000; })) << book_bytes();
}

TEST_F(Storms, of_stopped_processes_hinder_nobody) {
  const unsigned seed = std::random_device{}();
  std::mt19937 random(seed);
  SCOPED_TRACE("seed " + std::to_string(seed));
  const auto witness = join("witness");
  std::vector<std::unique_ptr<Child>> crowd;
  for (int i = 0; i < 5; ++i) crowd.push_back(wild(static_cast<unsigned>(random())));
  for (int round = 0; round < 40; ++round) {
    Child& victim = *crowd[random() % crowd.size()];
    victim.signal(SIGSTOP);
    ::usleep(static_cast<useconds_t>(random() % 10'000));
    probe(witness);
    if (random() % 2 == 0) victim.signal(SIGCONT);
  }
  for (auto& child : crowd) child->signal(SIGCONT);
  crowd.clear();
  EXPECT_TRUE(eventually([&] { return witness.session->graph().nodes.size() == 1; }));
}

TEST_F(Storms, in_which_busd_dies_too_are_survived) {
  const unsigned seed = std::random_device{}();
  std::mt19937 random(seed);
  SCOPED_TRACE("seed " + std::to_string(seed));
  const auto witness = join("witness");
  const auto publisher = witness.publisher("steady");
  const auto subscriber = witness.subscriber("steady");
  std::vector<std::unique_ptr<Child>> crowd(3);
  for (int round = 0; round < 12; ++round) {
    for (auto& victim : crowd) {
      if (victim != nullptr && random() % 2 == 0) continue;
      if (victim != nullptr) victim->end(SIGKILL);
      victim = wild(static_cast<unsigned>(random()));
    }
    ::usleep(static_cast<useconds_t>(random() % 100'000));
    kill_busd();
    send(*publisher, "away");
    EXPECT_EQ(receive(*subscriber), "away");
    start_busd();
    ASSERT_TRUE(eventually([&] { return witness.session->connected(); }));
    probe(witness);
    ASSERT_TRUE(
        eventually([&] { return subscriber->port().publishers() == 1 && publisher->port().subscribers() == 1; }));
    send(*publisher, "back");
    EXPECT_EQ(receive(*subscriber), "back");
  }
  crowd.clear();
  EXPECT_TRUE(eventually([&] { return witness.session->graph().nodes.size() == 1; }));
}

}  // namespace
}  // namespace polybus::discovery
