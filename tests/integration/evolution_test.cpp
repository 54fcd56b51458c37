// Programs that know a topic's messages by different versions of the schema.
#include "test_bus.hpp"
#include "tests/integration/evolution.capnp.h"
#include "tests/integration/words.capnp.h"

using namespace testing_bus;
using evolution::Newer;
using evolution::Older;
using polybus::Code;
using polybus::Dynamic;
using polybus::Schema;

class Evolution : public TestBus {};

TEST_F(Evolution, newer_reader_finds_defaults_for_what_an_older_writer_does_not_know) {
  auto node = this->node();
  auto pub = node.publisher<Older>("t");
  auto sub = node.subscriber<Newer>("t");
  pub.publish([](Older::Builder m) {
    m.setNumber(3);
    m.initPlace().setX(1.5);
    m.setState(Older::State::BUSY);
    m.setCount(9);
  });
  auto sample = sub.take(kPatience);
  ASSERT_TRUE(sample);
  auto message = sample.msg();
  EXPECT_EQ(message.getNumber(), 3u);
  EXPECT_EQ(message.getPlace().getX(), 1.5);
  EXPECT_EQ(message.getPlace().getY(), 0.5);
  EXPECT_EQ(message.getState(), Newer::State::BUSY);
  EXPECT_EQ(message.which(), Newer::COUNT);
  EXPECT_EQ(message.getCount(), 9u);
  EXPECT_EQ(message.getLevel(), 7);
  EXPECT_FALSE(message.hasValues());
}

TEST_F(Evolution, older_reader_sees_of_a_newer_writer_what_it_knows) {
  auto node = this->node();
  auto sub = node.subscriber<Older>("t");
  auto pub = node.publisher<Newer>("t");
  pub.publish([](Newer::Builder m) {
    m.setNumber(4);
    m.setState(Newer::State::UPSET);
    m.setRemark("unheard of");
    m.setLevel(1);
    m.initValues(3);
  });
  auto sample = sub.take(kPatience);
  ASSERT_TRUE(sample);
  auto message = sample.msg();
  EXPECT_EQ(message.getNumber(), 4u);
  EXPECT_EQ(static_cast<uint16_t>(message.getState()), 2u);
  EXPECT_GT(static_cast<uint16_t>(message.which()), static_cast<uint16_t>(Older::COUNT));
}

TEST_F(Evolution, dynamic_reader_reads_by_the_schema_it_gave) {
  auto node = this->node();
  auto pub = node.publisher<Older>("t");
  auto sub = node.subscriber("t", Schema::of<Newer>());
  pub.publish([](Older::Builder m) { m.setNumber(5); });
  auto sample = sub.take(kPatience);
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->msg().get("number").as<uint64_t>(), 5u);
  EXPECT_EQ(sample->msg().get("level").as<int32_t>(), 7);
  EXPECT_EQ((*sample).schema()->fingerprint(), Schema::of<Newer>().fingerprint());
}

TEST_F(Evolution, reader_without_a_schema_reads_each_message_by_its_writers) {
  auto node = this->node(), other = this->node("other");
  auto sub = node.subscriber("t");
  auto older = node.publisher<Older>("t");
  auto newer = other.publisher<Newer>("t");
  newer.publish([](Newer::Builder m) { m.setLevel(8); });
  auto sample = sub.take(kPatience);
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->msg().get("level").as<int32_t>(), 8);
  older.publish([](Older::Builder m) { m.setNumber(6); });
  sample = sub.take(kPatience);
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->msg().get("number").as<uint64_t>(), 6u);
  EXPECT_FALSE(sample->msg().getSchema().findFieldByName("level") != nullptr);
}

TEST_F(Evolution, kept_value_of_an_older_writer_reaches_a_newer_reader) {
  auto node = this->node();
  {
    auto pub = node.publisher<Older>("t", {.history = 1});
    pub.publish([](Older::Builder m) { m.setNumber(7); });
  }
  auto sub = node.subscriber<Newer>("t");
  auto sample = sub.take(kPatience);
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->getNumber(), 7u);
  EXPECT_EQ(sample->getLevel(), 7);
  auto pub = node.publisher<Newer>("t", {.history = 1});  // and gives way to nobody
  auto late = node.subscriber<Older>("t");
  EXPECT_EQ(late.take(kPatience)->getNumber(), 7u);
}

TEST_F(Evolution, refusal_says_the_fields_and_both_ends) {
  auto node = this->node("here"), other = this->node("there");
  auto pub = other.publisher<words::Reading>("t");
  std::string message;
  EXPECT_EQ(code_of([&] { node.subscriber<words::Misreading>("t"); }, &message), Code::schema_mismatch);
  const std::string pid = std::to_string(::getpid());
  EXPECT_EQ(message, "topic t: words.capnp:Misreading of this subscriber, node here (pid " + pid +
                         ", c++), against words.capnp:Reading of publisher node there (pid " + pid +
                         ", c++): number @0: Text here, UInt64 there; frameId @1: UInt64 here, Text there");
}
