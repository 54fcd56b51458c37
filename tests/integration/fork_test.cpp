// What happens to handles in a forked child.
#include <thread>

#include "test_bus.hpp"

using namespace testing_bus;
using polybus::Code;

class Forks : public TestBus {};

TEST_F(Forks, child_gets_forked_from_every_verb_and_may_open_a_node_of_its_own) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "ThreadSanitizer ends a forked child that makes threads where its parent had some";
#endif
  auto node = std::make_optional(this->node("parent"));
  auto pub = std::make_optional(node->publisher("a", {.history = 1}));
  auto sub = std::make_optional(node->subscriber("a"));
  auto region = std::make_optional(node->region("r"));
  auto watch = std::make_optional(node->watch());
  node->subscriber("a", [](const polybus::Sample<polybus::Dynamic>&) {});
  pub->publish_bytes("from the parent");
  auto sample = sub->take(kPatience);
  auto draft = std::make_optional(pub->loan(10));

  EXPECT_EQ(in_child([&]() -> int {
              int wrong = 0;
              wrong += code_of([&] { node->publisher("b"); }) != Code::forked;
              wrong += code_of([&] { node->graph(); }) != Code::forked;
              wrong += code_of([&] { pub->publish_bytes("x"); }) != Code::forked;
              wrong += code_of([&] { (void)pub->loan(1); }) != Code::forked;
              wrong += code_of([&] { sub->take(); }) != Code::forked;
              wrong += code_of([&] { sub->latest(); }) != Code::forked;
              wrong += code_of([&] { sub->wait(0ms); }) != Code::forked;
              wrong += code_of([&] { region->write("x"); }) != Code::forked;
              wrong += code_of([&] { region->read(); }) != Code::forked;
              wrong += code_of([&] { watch->next(0ms); }) != Code::forked;
              node->close();
              draft.reset();
              sample.reset();
              region.reset();
              watch.reset();
              sub.reset();
              pub.reset();
              node.reset();
              auto own = this->node("child");
              wrong += !own.subscriber("a").take(kPatience);
              return wrong;
            }),
            0);

  EXPECT_TRUE(node->connected());
  EXPECT_EQ(pub->publish_bytes("still here"), 2u);
  EXPECT_EQ(text_of(sub->take(kPatience).data()), "still here");
  EXPECT_EQ(text_of(sample.data()), "from the parent");
}
