// Messages of a schema: built in place, read where they lie.
#include <capnp/serialize.h>
#include <unistd.h>

#include "test_bus.hpp"
#include "tests/integration/words.capnp.h"

using namespace testing_bus;
using polybus::Code;
using polybus::Dynamic;
using words::Misreading;
using words::Reading;

class Typed : public TestBus {};

TEST_F(Typed, message_arrives_as_it_was_built) {
  auto node = this->node();
  auto pub = node.publisher<Reading>("sensors/a");
  auto sub = node.subscriber<Reading>("sensors/a");
  const uint64_t seq = pub.publish([](Reading::Builder m) {
    m.setNumber(42);
    m.setFrameId("base");
    auto values = m.initValues(3);
    for (unsigned i = 0; i < 3; ++i) values.set(i, i * 0.5);
    m.initPoints(2)[1].setY(-1);
    m.setMood(words::Mood::BUSY);
  });
  EXPECT_EQ(seq, 1u);

  auto sample = sub.take(kPatience);
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->getNumber(), 42u);
  EXPECT_STREQ(sample->getFrameId().cStr(), "base");
  EXPECT_EQ(sample->getValues()[2], 1.0);
  EXPECT_EQ(sample->getPoints()[1].getY(), -1);
  EXPECT_EQ(sample->getMood(), words::Mood::BUSY);
  EXPECT_EQ(sample->getLevel(), 7);
  EXPECT_EQ(sample->info().seq, 1u);
}

TEST_F(Typed, sample_tells_where_it_comes_from) {
  auto node = this->node();
  auto pub = node.publisher<Reading>("sensors/a");
  auto sub = node.subscriber<Reading>("sensors/a");
  const auto before = std::chrono::system_clock::now().time_since_epoch();
  pub.publish([](Reading::Builder) {});
  pub.publish([](Reading::Builder) {});
  auto first = sub.take(kPatience), second = sub.take(kPatience);
  ASSERT_TRUE(first && second);
  const polybus::SampleInfo info = second.info();
  EXPECT_EQ(info.topic, "sensors/a");
  EXPECT_EQ(info.seq, 2u);
  EXPECT_EQ(info.pid, static_cast<uint32_t>(::getpid()));
  EXPECT_TRUE(info.typed);
  EXPECT_NE(info.publisher_id, 0u);
  EXPECT_EQ(info.publisher_id, first.info().publisher_id);
  EXPECT_GE(std::chrono::nanoseconds(info.published_ns), before);
  EXPECT_GE(info.published_monotonic_ns, first.info().published_monotonic_ns);
  ASSERT_TRUE((*second).schema());
  EXPECT_EQ((*second).schema()->fingerprint(), polybus::Schema::of<Reading>().fingerprint());
}

TEST_F(Typed, nothing_is_sent_when_the_builder_throws) {
  auto node = this->node();
  auto pub = node.publisher<Reading>("sensors/a");
  auto sub = node.subscriber<Reading>("sensors/a");
  EXPECT_THROW(pub.publish([](Reading::Builder m) {
    m.setNumber(1);
    throw std::runtime_error("no");
  }),
               std::runtime_error);
  EXPECT_FALSE(sub.take());
  EXPECT_EQ(pub.stats().loans, 0u);
  EXPECT_EQ(pub.publish([](Reading::Builder m) { m.setNumber(2); }), 1u);
  EXPECT_EQ(sub.take(kPatience)->getNumber(), 2u);
}

TEST_F(Typed, message_of_any_size_arrives_whole) {
  auto node = this->node();
  auto pub = node.publisher<Reading>("sensors/a");
  auto sub = node.subscriber<Reading>("sensors/a");
  for (const size_t size : {0u, 1u, 500u, 4096u, 70'000u, 1u << 20, 9u << 20, 3u}) {
    pub.publish([&](Reading::Builder m) {
      m.setFrameId("before");
      auto pixels = m.initPixels(static_cast<unsigned>(size));
      for (size_t i = 0; i < size; ++i) pixels[i] = static_cast<uint8_t>(i * 7);
      m.initValues(2).set(1, 2.5);
    });
    auto sample = sub.take(kPatience);
    ASSERT_TRUE(sample) << size;
    auto message = sample.msg();
    EXPECT_STREQ(message.getFrameId().cStr(), "before");
    EXPECT_EQ(message.getValues()[1], 2.5);
    auto pixels = message.getPixels();
    ASSERT_EQ(pixels.size(), size);
    for (size_t i = 0; i < size; ++i) ASSERT_EQ(pixels[i], static_cast<uint8_t>(i * 7)) << size << " at " << i;
  }
}

TEST_F(Typed, draft_that_outgrows_its_loan_is_moved_once) {
  auto node = this->node();
  auto pub = node.publisher<Reading>("sensors/a");
  auto sub = node.subscriber<Reading>("sensors/a");
  auto draft = pub.loan(64);
  for (int round = 0; round < 20; ++round) draft->setFrameId(std::string(1000 << (round % 8), 'x').c_str());
  draft->setNumber(9);
  draft.publish();
  auto sample = sub.take(kPatience);
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->getNumber(), 9u);
  EXPECT_EQ(sample->getFrameId().size(), 1000u << 3);
  EXPECT_EQ(pub.stats().loans, 0u);
}

TEST_F(Typed, loan_for_more_than_the_quota_is_refused_up_to_the_largest_number_there_is) {
  auto node = this->node();
  auto pub = node.publisher<Reading>("sensors/a");
  for (size_t size : {size_t{1} << 30, size_t{5} << 30, SIZE_MAX / 2, SIZE_MAX - 7, SIZE_MAX})
    EXPECT_EQ(code_of([&] { (void)pub.loan(size); }), Code::too_large) << size;
  EXPECT_EQ(pub.stats().loans, 0u);
}

TEST_F(Typed, draft_is_published_once_and_discarded_when_dropped) {
  auto node = this->node();
  auto pub = node.publisher<Reading>("sensors/a");
  auto sub = node.subscriber<Reading>("sensors/a");
  if (auto draft = pub.try_loan(64 * 1024)) {
    (*draft)->setFrameId("kept");
    draft->publish();
    EXPECT_EQ(code_of([&] { draft->publish(); }), Code::invalid_argument);
    EXPECT_FALSE(*draft);
  } else {
    FAIL() << draft.error().what();
  }
  { auto dropped = pub.loan(); }
  auto discarded = pub.loan();
  discarded.discard();
  discarded.discard();
  EXPECT_EQ(pub.stats().loans, 0u);
  EXPECT_STREQ(sub.take(kPatience)->getFrameId().cStr(), "kept");
  EXPECT_FALSE(sub.take());
}

TEST_F(Typed, draft_outlives_its_publisher_but_can_only_be_discarded) {
  auto node = this->node();
  auto pub = std::make_optional(node.publisher<Reading>("sensors/a"));
  auto draft = pub->loan();
  pub.reset();
  draft->setNumber(1);
  EXPECT_EQ(code_of([&] { draft.publish(); }), Code::closed);
  EXPECT_TRUE(draft);
  draft.discard();
}

TEST_F(Typed, bytes_are_checked_before_they_are_sent) {
  auto node = this->node();
  auto pub = node.publisher<Reading>("sensors/a");
  auto sub = node.subscriber<Reading>("sensors/a");
  capnp::MallocMessageBuilder builder;
  builder.initRoot<Reading>().setNumber(5);
  auto frame = capnp::messageToFlatArray(builder);
  const auto bytes = std::as_bytes(std::span(frame.begin(), frame.size()));

  EXPECT_EQ(code_of([&] { pub.publish(bytes_of("this is no message")); }), Code::bad_message);
  EXPECT_EQ(code_of([&] { pub.publish(bytes.first(bytes.size() - 8)); }), Code::bad_message);
  EXPECT_EQ(code_of([&] { pub.publish_bytes(std::span<const std::byte>()); }), Code::bad_message);
  EXPECT_EQ(pub.publish(bytes), 1u);
  auto sample = sub.take(kPatience);
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->getNumber(), 5u);
  EXPECT_EQ(text_of(sample.data()), text_of(bytes));
}

TEST_F(Typed, message_is_read_by_field_name_with_the_registrys_schema) {
  auto node = this->node();
  auto pub = node.publisher<Reading>("sensors/a");
  auto any = node.subscriber("sensors/a");
  pub.publish([](Reading::Builder m) {
    m.setNumber(42);
    m.setFrameId("base");
  });
  auto sample = any.take(kPatience);
  ASSERT_TRUE(sample);
  capnp::DynamicStruct::Reader message = sample->msg();
  EXPECT_EQ(message.get("number").as<uint64_t>(), 42u);
  EXPECT_STREQ(message.get("frameId").as<capnp::Text>().cStr(), "base");
  ASSERT_TRUE(any.schema());
  EXPECT_EQ(any.schema()->type_name(), "words.capnp:Reading");
}

TEST_F(Typed, subscriber_without_a_schema_may_come_first) {
  auto node = this->node(), other = this->node("other");
  auto any = node.subscriber("sensors/a");
  EXPECT_FALSE(any.schema());
  auto pub = other.publisher<Reading>("sensors/a");
  pub.publish([](Reading::Builder m) { m.setNumber(3); });
  auto sample = any.take(kPatience);
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->msg().get("number").as<uint64_t>(), 3u);
}

TEST_F(Typed, schema_from_a_file_publishes_to_generated_code) {
  auto node = this->node();
  const auto schema =
      polybus::Schema::parse_file(POLYBUS_TEST_SOURCE_DIR "/tests/integration/words.capnp").at("Reading");
  auto pub = node.publisher("sensors/a", schema);
  auto sub = node.subscriber<Reading>("sensors/a");
  pub.publish([](Dynamic::Builder m) {
    m.set("number", 11u);
    m.set("frameId", "file");
  });
  auto draft = pub.loan();
  draft->set("number", 12u);
  draft.publish();
  EXPECT_EQ(sub.take(kPatience)->getNumber(), 11u);
  EXPECT_EQ(sub.take(kPatience)->getNumber(), 12u);
}

TEST_F(Typed, other_schema_is_refused_with_topic_and_type_named) {
  auto node = this->node();
  auto pub = node.publisher<Reading>("sensors/a");
  std::string message;
  EXPECT_EQ(code_of([&] { node.subscriber<Misreading>("sensors/a"); }, &message), Code::schema_mismatch);
  EXPECT_NE(message.find("sensors/a"), std::string::npos) << message;
  EXPECT_EQ(code_of([&] { node.publisher<Misreading>("sensors/a"); }), Code::schema_mismatch);
  EXPECT_EQ(code_of([&] { node.publisher("sensors/a"); }), Code::schema_mismatch);
}

TEST_F(Typed, missing_and_broken_schema_files_are_named) {
  std::string message;
  EXPECT_EQ(code_of([] { polybus::Schema::parse_file("/nowhere/at-all.capnp"); }, &message), Code::io);
  EXPECT_NE(message.find("at-all.capnp"), std::string::npos) << message;
  EXPECT_EQ(code_of([] { polybus::Schema::parse_file(POLYBUS_TEST_SOURCE_DIR "/README.md"); }), Code::bad_schema);
}

TEST_F(Typed, payload_is_the_same_memory_for_every_reader_of_the_process) {
  auto node = this->node();
  auto pub = node.publisher<Reading>("sensors/a");
  auto one = node.subscriber<Reading>("sensors/a"), two = node.subscriber<Reading>("sensors/a");
  pub.publish([](Reading::Builder m) { m.initPixels(1 << 20); });
  auto first = one.take(kPatience), second = two.take(kPatience);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first.data().data(), second.data().data());
  EXPECT_GE(first->getPixels().begin(), reinterpret_cast<const uint8_t*>(first.data().data()));
}
