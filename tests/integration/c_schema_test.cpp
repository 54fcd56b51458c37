// What the C interface says of types that do not fit, of a file's constants, and of a message that is read without end.
#include <polybus/polybus.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "test_bus.hpp"
#include "tests/integration/routes.capnp.h"

using namespace testing_bus;

namespace {

const std::string kRoutes = POLYBUS_TEST_SOURCE_DIR "/tests/integration/routes.capnp";

// A handle of the C interface, closed at the end of its block.
template <typename T, void (*close)(T*)>
struct Closing {
  Closing() = default;
  ~Closing() { close(handle); }
  Closing(const Closing&) = delete;
  Closing& operator=(const Closing&) = delete;
  operator T*() const { return handle; }
  T* handle = nullptr;
};
using Routes = Closing<polybus_schema_file, polybus_schema_file_close>;
using RouteSchema = Closing<polybus_schema, polybus_schema_release>;
using RouteMessage = Closing<polybus_message, polybus_message_close>;

class CSchemas : public TestBus {
 protected:
  CSchemas() {
    EXPECT_EQ(polybus_schema_file_parse(kRoutes.c_str(), nullptr, 0, &file_.handle, &error_), POLYBUS_OK)
        << error_.message;
  }

  void join() {
    polybus_node_options options;
    polybus_node_options_init(&options);
    options.bus = bus().c_str();
    options.autostart = 0;
    ASSERT_EQ(polybus_node_open_with("newcomer", &options, &node_.handle, &error_), POLYBUS_OK) << error_.message;
  }

  // Another process, with a publisher of Route on "typed", one of bytes on "untyped", and a subscriber of Route on "read". Then this
  // one joins: a child forked while threads run may inherit a lock of the address sanitizer's (docs/fault-tests.md).
  void start_keeper() {
    keeper_ = start_child([this]() -> int {
      polybus::Node node("keeper", options());
      const auto route = node.publisher<routes::Route>("typed");
      const auto bytes = node.publisher("untyped");
      const auto reader = node.subscriber<routes::Route>("read");
      ready_.give();
      done_.await();
      return 0;
    });
    ready_.await();
    join();
    us_ = "node newcomer (pid " + std::to_string(::getpid()) + ", c)";
    them_ = "node keeper (pid " + std::to_string(keeper_) + ", c++)";
  }
  void end_keeper() {
    done_.give();
    EXPECT_EQ(end_of(keeper_), 0);
  }

  // What a newcomer is told; `type` empty: one of bytes.
  std::string publishing(const char* topic, const char* type) {
    RouteSchema schema;
    find(type, schema);
    Closing<polybus_publisher, polybus_publisher_close> publisher;
    return told(polybus_publisher_open(node_, topic, schema, nullptr, &publisher.handle, &error_));
  }
  std::string subscribing(const char* topic, const char* type) {
    RouteSchema schema;
    find(type, schema);
    Closing<polybus_subscriber, polybus_subscriber_close> subscriber;
    return told(polybus_subscriber_open(node_, topic, schema, nullptr, &subscriber.handle, &error_));
  }

  Routes file_;
  Closing<polybus_node, polybus_node_close> node_;
  polybus_error error_{};
  std::string us_, them_;

 private:
  void find(const char* type, RouteSchema& schema) {
    if (*type == '\0') return;
    EXPECT_EQ(polybus_schema_file_get(file_, type, &schema.handle, &error_), POLYBUS_OK) << error_.message;
  }
  std::string told(int code) const {
    if (code == POLYBUS_OK) return "fits";
    EXPECT_EQ(error_.code, code);
    return std::string(polybus_code_name(code)) + " " + error_.message;
  }

  Signal ready_, done_;
  pid_t keeper_ = -1;
};

// The field `name` of the struct a view is of.
const polybus_field& field_of(const polybus_struct_info& info, std::string_view name) {
  return *std::find_if(info.fields, info.fields + info.field_count,
                       [&](const polybus_field& field) { return field.name == name; });
}

polybus_type element_of(const polybus_field& field) {
  return {field.type.kind, field.type.list_depth - 1, field.type.index};
}

double float64_at(const polybus_struct& view, const polybus_field& field) {
  double value;
  std::memcpy(&value, view.data + field.bit_offset / 8, sizeof value);
  return value;
}

}  // namespace

TEST_F(CSchemas, of_a_publisher_that_do_not_fit_are_told_with_the_field_and_both_processes) {
  start_keeper();
  const std::string difference = "goal.y @1: Text here, Float64 there";
  const std::string ours = "routes.capnp:OtherRoute of this publisher, " + us_;
  EXPECT_EQ(publishing("typed", "OtherRoute"), "SCHEMA_MISMATCH topic typed: " + ours +
                                                   ", against routes.capnp:Route of publisher " + them_ + ": " +
                                                   difference);
  EXPECT_EQ(publishing("read", "OtherRoute"), "SCHEMA_MISMATCH topic read: " + ours +
                                                  ", against routes.capnp:Route of subscriber " + them_ + ": " +
                                                  difference);
  EXPECT_EQ(publishing("untyped", "OtherRoute"), "SCHEMA_MISMATCH topic untyped: " + ours +
                                                     ", against untyped bytes of publisher " + them_ +
                                                     ": a schema here, none there");
  EXPECT_EQ(publishing("typed", "Route"), "fits");
  end_keeper();
}

TEST_F(CSchemas, that_a_publisher_of_bytes_lacks_are_told_with_both_processes) {
  start_keeper();
  const std::string ours = ": untyped bytes of this publisher, " + us_ + ", against routes.capnp:Route of ";
  const std::string why = ": no schema here, one there";
  EXPECT_EQ(publishing("typed", ""), "SCHEMA_MISMATCH topic typed" + ours + "publisher " + them_ + why);
  EXPECT_EQ(publishing("read", ""), "SCHEMA_MISMATCH topic read" + ours + "subscriber " + them_ + why);
  EXPECT_EQ(publishing("untyped", ""), "fits");
  end_keeper();
}

TEST_F(CSchemas, of_a_subscriber_that_do_not_fit_are_told_with_the_field_and_both_processes) {
  start_keeper();
  const std::string ours = "routes.capnp:OtherRoute of this subscriber, " + us_;
  EXPECT_EQ(subscribing("typed", "OtherRoute"), "SCHEMA_MISMATCH topic typed: " + ours +
                                                    ", against routes.capnp:Route of publisher " + them_ +
                                                    ": goal.y @1: Text here, Float64 there");
  EXPECT_EQ(subscribing("untyped", "OtherRoute"), "SCHEMA_MISMATCH topic untyped: " + ours +
                                                      ", against untyped bytes of publisher " + them_ +
                                                      ": a schema here, none there");
  EXPECT_EQ(subscribing("typed", ""), "fits");
  EXPECT_EQ(subscribing("untyped", ""), "fits");
  end_keeper();
}

TEST_F(CSchemas, have_the_constants_of_a_file_and_of_its_structs_as_defaults) {
  RouteSchema of_file, of_route, none;
  ASSERT_EQ(polybus_schema_file_constants(file_, nullptr, &of_file.handle, &error_), POLYBUS_OK) << error_.message;
  ASSERT_EQ(polybus_schema_file_constants(file_, "Route", &of_route.handle, &error_), POLYBUS_OK) << error_.message;
  EXPECT_EQ(polybus_schema_file_constants(file_, "Pose", &none.handle, &error_), POLYBUS_EMPTY);
  EXPECT_EQ(none.handle, nullptr);
  RouteSchema also_of_file;
  ASSERT_EQ(polybus_schema_file_constants(file_, "", &also_of_file.handle, &error_), POLYBUS_OK) << error_.message;
  EXPECT_STREQ(polybus_schema_fingerprint(also_of_file), polybus_schema_fingerprint(of_file));

  size_t count = 0;
  const polybus_struct_info* in_file = polybus_schema_structs(of_file, &count);
  ASSERT_EQ(in_file[0].field_count, 2u);
  const polybus_struct_info* in_route = polybus_schema_structs(of_route, &count);
  ASSERT_EQ(in_route[0].field_count, 2u);
  const polybus_field& longest = field_of(in_route[0], "longest");
  EXPECT_EQ(longest.type.kind, POLYBUS_KIND_UINT32);
  EXPECT_EQ(longest.default_bits, 4000u);
  const polybus_field& limit = field_of(in_file[0], "speedLimit");
  EXPECT_EQ(limit.type.kind, POLYBUS_KIND_FLOAT64);
  double value;
  std::memcpy(&value, &limit.default_bits, sizeof value);
  EXPECT_EQ(value, 1.5);

  // What is no scalar is pointer 0 of a message of its own.
  RouteMessage message, other;
  polybus_struct root, home;
  const polybus_field& greeting = field_of(in_file[0], "greeting");
  ASSERT_EQ(polybus_message_open(greeting.default_frame, greeting.default_frame_size, &message.handle, &root, &error_),
            POLYBUS_OK)
      << error_.message;
  const char* text;
  size_t size;
  ASSERT_EQ(polybus_struct_get_text(&root, 0, &text, &size, &error_), POLYBUS_OK) << error_.message;
  EXPECT_EQ(std::string(text, size), "grüße");
  const polybus_field& place = field_of(in_route[0], "home");
  ASSERT_EQ(polybus_message_open(place.default_frame, place.default_frame_size, &other.handle, &root, &error_),
            POLYBUS_OK)
      << error_.message;
  ASSERT_EQ(polybus_struct_get_struct(&root, 0, &home, &error_), POLYBUS_OK) << error_.message;
  const polybus_struct_info& pose = in_route[place.type.index];
  EXPECT_EQ(float64_at(home, field_of(pose, "x")), 1);
  EXPECT_EQ(float64_at(home, field_of(pose, "y")), -2);
}

TEST_F(CSchemas, with_their_constants_read_from_a_message_in_which_nothing_is_set) {
  RouteSchema of_file;
  ASSERT_EQ(polybus_schema_file_constants(file_, nullptr, &of_file.handle, &error_), POLYBUS_OK) << error_.message;
  const uint64_t nothing_set[] = {0x0000'0001'0000'0000, 0};
  RouteMessage message;
  polybus_struct root;
  ASSERT_EQ(polybus_message_open(nothing_set, sizeof nothing_set, &message.handle, &root, &error_), POLYBUS_OK)
      << error_.message;
  EXPECT_EQ(root.data_bits, 0u);
  EXPECT_EQ(root.pointer_count, 0u);
  const char* text;
  size_t size;
  const auto& greeting = field_of(polybus_schema_structs(of_file, nullptr)[0], "greeting");
  EXPECT_EQ(polybus_struct_get_text(&root, greeting.pointer_index, &text, &size, &error_), POLYBUS_EMPTY);
  char* json = nullptr;
  ASSERT_EQ(polybus_message_to_json(of_file, nothing_set, sizeof nothing_set, &json, &error_), POLYBUS_OK)
      << error_.message;
  EXPECT_STREQ(json, "{\"speedLimit\":1.5}") << "null pointers are left out, and have their defaults";
  polybus_free(json);
}

TEST_F(CSchemas, let_one_message_be_read_without_end) {
  auto node = this->node();
  auto pub = node.publisher<routes::Route>("routes");
  auto sub = node.subscriber<routes::Route>("routes");
  pub.publish([](routes::Route::Builder route) {
    route.setTitle(std::string(1000, 't').c_str());
    route.initGoal().setY(2.5);
    route.initStops(50)[49].setX(7);
    route.initMarks(500).set(499, 9);
    route.initNames(2).set(1, std::string(1000, 'n').c_str());
  });
  const auto sample = sub.take(kPatience);
  ASSERT_TRUE(sample);
  RouteSchema schema;
  ASSERT_EQ(polybus_schema_file_get(file_, "Route", &schema.handle, &error_), POLYBUS_OK) << error_.message;
  const polybus_struct_info* structs = polybus_schema_structs(schema, nullptr);
  const auto &title = field_of(structs[0], "title"), &goal = field_of(structs[0], "goal"),
             &stops = field_of(structs[0], "stops"), &marks = field_of(structs[0], "marks"),
             &names = field_of(structs[0], "names");
  const auto &x = field_of(structs[stops.type.index], "x"), &y = field_of(structs[goal.type.index], "y");
  RouteMessage message;
  polybus_struct root;
  const auto bytes = sample.data();
  ASSERT_EQ(polybus_message_open(bytes.data(), bytes.size(), &message.handle, &root, &error_), POLYBUS_OK)
      << error_.message;
  // More than 3 kB each time, 600 MB together: Cap'n Proto's own limit is 64 MiB a message.
  for (int i = 0; i < 200'000; ++i) {
    polybus_struct inner;
    polybus_list list;
    const char* text;
    size_t size;
    ASSERT_EQ(polybus_struct_get_text(&root, title.pointer_index, &text, &size, &error_), POLYBUS_OK)
        << i << error_.message;
    ASSERT_EQ(std::string_view(text, size).find_last_not_of('t'), std::string_view::npos);
    ASSERT_EQ(size, 1000u);
    ASSERT_EQ(polybus_struct_get_struct(&root, goal.pointer_index, &inner, &error_), POLYBUS_OK) << i << error_.message;
    ASSERT_EQ(float64_at(inner, y), 2.5);
    ASSERT_EQ(polybus_struct_get_list(&root, stops.pointer_index, element_of(stops), &list, &error_), POLYBUS_OK)
        << i << error_.message;
    ASSERT_EQ(polybus_list_get_struct(&list, 49, &inner, &error_), POLYBUS_OK) << i << error_.message;
    ASSERT_EQ(float64_at(inner, x), 7);
    ASSERT_EQ(polybus_struct_get_list(&root, marks.pointer_index, element_of(marks), &list, &error_), POLYBUS_OK)
        << i << error_.message;
    ASSERT_EQ(list.count, 500u);
    ASSERT_EQ(polybus_struct_get_list(&root, names.pointer_index, element_of(names), &list, &error_), POLYBUS_OK)
        << i << error_.message;
    ASSERT_EQ(polybus_list_get_text(&list, 1, &text, &size, &error_), POLYBUS_OK) << i << error_.message;
    ASSERT_EQ(size, 1000u);
  }
}
