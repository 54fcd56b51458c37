/* The C interface as a C program uses it. Compiled as C11 with -pedantic: that alone is half of the test. */
#include "c_interface.h"

#include <poll.h>
#include <polybus/polybus.h>
#include <stdio.h>
#include <string.h>

static char failure[1024];
static polybus_error error;

#define CHECK(condition)                                                                                          \
  do {                                                                                                            \
    if (!(condition)) {                                                                                           \
      snprintf(failure, sizeof failure, "line %d: %s (last error: %d %s)", __LINE__, #condition, (int)error.code, \
               error.message);                                                                                    \
      return failure;                                                                                             \
    }                                                                                                             \
  } while (0)
#define OK(call) CHECK((call) == POLYBUS_OK)

enum { PATIENCE_MS = 30000 };

static int open_node(const char* bus, polybus_node** node) {
  polybus_node_options options;
  polybus_node_options_init(&options);
  options.bus = bus;
  options.autostart = 0;
  error.code = 0;
  error.message[0] = '\0';
  return polybus_node_open_with("c-node", &options, node, &error);
}

static int readable(int fd, int timeout_ms) {
  struct pollfd entry = {fd, POLLIN, 0};
  return poll(&entry, 1, timeout_ms) == 1;
}

const char* c_names_versions_and_codes(void) {
  CHECK(strcmp(polybus_version(), "0.1.0") == 0);
  CHECK(polybus_abi_version() == 1);
  CHECK(strcmp(polybus_code_name(POLYBUS_NO_BUS), "NO_BUS") == 0);
  CHECK(strcmp(polybus_code_name(POLYBUS_INTERRUPTED), "INTERRUPTED") == 0);
  CHECK(strcmp(polybus_code_name(999), "UNKNOWN") == 0);
  polybus_free(NULL);
  polybus_node_close(NULL);
  polybus_publisher_close(NULL);
  polybus_subscriber_close(NULL);
  polybus_region_close(NULL);
  polybus_watch_close(NULL);
  polybus_draft_discard(NULL);
  polybus_sample_release(NULL);
  return NULL;
}

const char* c_publishes_and_takes_bytes(const char* bus) {
  polybus_node* node;
  polybus_publisher* pub;
  polybus_subscriber* sub;
  polybus_sample* sample;
  polybus_sample_info info;
  uint64_t sequence = 0;
  int reached = 0, fd = -1;

  OK(open_node(bus, &node));
  CHECK(strcmp(polybus_node_name(node), "c-node") == 0);
  CHECK(strcmp(polybus_node_bus(node), bus) == 0);
  CHECK(polybus_node_connected(node) == 1);
  OK(polybus_subscriber_open(node, "raw", NULL, NULL, &sub, &error));
  OK(polybus_publisher_open(node, "raw", NULL, NULL, &pub, &error));
  OK(polybus_publisher_wait_for_subscribers(pub, 1, PATIENCE_MS, &reached, &error));
  CHECK(reached == 1);
  OK(polybus_subscriber_fd(sub, &fd, &error));
  CHECK(polybus_subscriber_take(sub, 0, &sample, &error) == POLYBUS_EMPTY);
  CHECK(!readable(fd, 0));
  OK(polybus_publisher_publish(pub, "hello", 5, &sequence, &error));
  CHECK(sequence == 1);
  OK(polybus_publisher_publish(pub, "", 0, NULL, NULL));
  CHECK(readable(fd, PATIENCE_MS));
  OK(polybus_subscriber_take(sub, PATIENCE_MS, &sample, &error));
  polybus_sample_get_info(sample, &info);
  CHECK(info.size == 5 && memcmp(info.data, "hello", 5) == 0);
  CHECK(info.sequence == 1 && info.is_typed == 0 && info.publisher_id != 0 && info.published_ns != 0);
  CHECK(strcmp(info.topic, "raw") == 0);
  CHECK((const char*)info.data >= (const char*)info.extent_base);
  CHECK((const char*)info.data + info.size <= (const char*)info.extent_base + info.extent_bytes);
  CHECK(polybus_sample_schema(sample) == NULL);
  polybus_sample_release(sample);
  OK(polybus_subscriber_take(sub, PATIENCE_MS, &sample, &error));
  polybus_sample_release(sample);

  polybus_publisher_stats sent;
  polybus_subscriber_stats received;
  OK(polybus_publisher_get_stats(pub, &sent, &error));
  OK(polybus_subscriber_get_stats(sub, &received, &error));
  CHECK(sent.sequence == 2 && sent.bytes == 5 && sent.subscribers == 1 && sent.loans == 0);
  CHECK(received.taken == 2 && received.lost == 0 && received.held == 0 && received.publishers == 1);
  CHECK(strcmp(polybus_publisher_topic(pub), "raw") == 0 && strcmp(polybus_subscriber_topic(sub), "raw") == 0);
  polybus_publisher_close(pub);
  polybus_subscriber_close(sub);
  polybus_node_close(node);
  return NULL;
}

const char* c_fills_a_draft_in_place(const char* bus) {
  polybus_node* node;
  polybus_publisher* pub;
  polybus_subscriber* sub;
  polybus_draft* draft;
  polybus_sample* sample;
  polybus_sample_info info;
  polybus_struct_builder root;
  size_t capacity = 0;

  OK(open_node(bus, &node));
  OK(polybus_publisher_open(node, "raw", NULL, NULL, &pub, &error));
  OK(polybus_subscriber_open(node, "raw", NULL, NULL, &sub, &error));
  OK(polybus_publisher_loan(pub, 100, &draft, &error));
  char* bytes = polybus_draft_data(draft, &capacity);
  CHECK(bytes != NULL && capacity >= 100 && (size_t)bytes % 64 == 0);
  CHECK(polybus_draft_root(draft, &root, &error) == POLYBUS_INVALID_ARGUMENT);
  memcpy(bytes, "in place", 8);
  CHECK(polybus_draft_publish(draft, capacity + 1, -1, NULL, &error) == POLYBUS_INVALID_ARGUMENT);
  OK(polybus_draft_publish(draft, 8, -1, NULL, &error));
  OK(polybus_publisher_loan(pub, 100, &draft, &error));
  polybus_draft_discard(draft);
  OK(polybus_subscriber_take(sub, PATIENCE_MS, &sample, &error));
  polybus_sample_get_info(sample, &info);
  CHECK(info.size == 8 && memcmp(info.data, "in place", 8) == 0);
  polybus_sample_release(sample);
  CHECK(polybus_subscriber_take(sub, 0, &sample, &error) == POLYBUS_EMPTY);

  OK(polybus_publisher_loan(pub, 100, &draft, &error));
  polybus_publisher_close(pub);
  CHECK(polybus_draft_publish(draft, 8, -1, NULL, &error) == POLYBUS_CLOSED);
  polybus_draft_discard(draft);
  polybus_subscriber_close(sub);
  polybus_node_close(node);
  return NULL;
}

/* A field's description, by name; NULL if there is none. */
static const polybus_field* field(const polybus_schema* schema, const char* name) {
  size_t count = 0;
  const polybus_struct_info* info = polybus_schema_structs(schema, &count);
  for (uint32_t i = 0; count > 0 && i < info[0].field_count; ++i) {
    if (strcmp(info[0].fields[i].name, name) == 0) return &info[0].fields[i];
  }
  return NULL;
}

const char* c_builds_and_reads_a_typed_message(const char* bus, const char* schema_file) {
  polybus_schema_file* file;
  polybus_schema *schema, *known;
  polybus_node* node;
  polybus_publisher* pub;
  polybus_subscriber* sub;
  polybus_draft* draft;
  polybus_sample* sample;
  polybus_sample_info info;
  polybus_struct_builder root;
  polybus_struct view;
  polybus_message* message;
  const char* text;
  size_t size;

  OK(polybus_schema_file_parse(schema_file, NULL, 0, &file, &error));
  OK(polybus_schema_file_get(file, "Reading", &schema, &error));
  polybus_schema_file_close(file);
  OK(open_node(bus, &node));
  OK(polybus_publisher_open(node, "sensors/a", schema, NULL, &pub, &error));
  OK(polybus_subscriber_open(node, "sensors/a", NULL, NULL, &sub, &error));

  const polybus_field *number = field(schema, "number"), *frame = field(schema, "frameId");
  CHECK(number != NULL && frame != NULL);
  OK(polybus_publisher_loan(pub, 0, &draft, &error));
  CHECK(polybus_draft_data(draft, &size) == NULL && size == 0);
  OK(polybus_draft_root(draft, &root, &error));
  const uint64_t value = 42;
  memcpy(root.data + number->bit_offset / 8, &value, sizeof value);
  OK(polybus_struct_set_text(&root, frame->pointer_index, "base", 4, &error));
  OK(polybus_draft_publish(draft, 0, -1, NULL, &error));

  OK(polybus_subscriber_take(sub, PATIENCE_MS, &sample, &error));
  polybus_sample_get_info(sample, &info);
  CHECK(info.is_typed == 1);
  CHECK(polybus_sample_schema(sample) != NULL);
  CHECK(polybus_sample_schema(sample) == polybus_sample_schema(sample));
  CHECK(strcmp(polybus_schema_type_name(polybus_sample_schema(sample)), "words.capnp:Reading") == 0);
  OK(polybus_message_open(info.data, info.size, &message, &view, &error));
  uint64_t read = 0;
  memcpy(&read, view.data + number->bit_offset / 8, sizeof read);
  CHECK(read == 42);
  OK(polybus_struct_get_text(&view, frame->pointer_index, &text, &size, &error));
  CHECK(size == 4 && memcmp(text, "base", 4) == 0);
  polybus_message_close(message);

  /* The same bytes published again go through; others do not. */
  OK(polybus_publisher_publish(pub, info.data, info.size, NULL, &error));
  CHECK(polybus_publisher_publish(pub, "no message at all", 17, NULL, &error) == POLYBUS_BAD_MESSAGE);
  polybus_sample_release(sample);
  OK(polybus_subscriber_schema(sub, &known, &error));
  CHECK(strcmp(polybus_schema_fingerprint(known), polybus_schema_fingerprint(schema)) == 0);
  polybus_schema_release(known);
  polybus_schema_release(schema);
  polybus_publisher_close(pub);
  polybus_subscriber_close(sub);
  polybus_node_close(node);
  return NULL;
}

const char* c_refuses_bad_input(const char* bus) {
  polybus_node* node;
  polybus_publisher* pub;
  polybus_subscriber* sub;
  polybus_draft* draft;
  polybus_sample* sample;
  polybus_publisher_options options;
  polybus_subscriber_options wishes;

  CHECK(polybus_node_open(NULL, &node, &error) == POLYBUS_INVALID_ARGUMENT);
  CHECK(error.code == POLYBUS_INVALID_ARGUMENT && strstr(error.message, "name") != NULL);
  CHECK(polybus_node_open("n", NULL, NULL) == POLYBUS_INVALID_ARGUMENT);
  polybus_node_options zeroed;
  memset(&zeroed, 0, sizeof zeroed);
  CHECK(polybus_node_open_with("n", &zeroed, &node, &error) == POLYBUS_INVALID_ARGUMENT);
  OK(open_node(bus, &node));
  CHECK(polybus_process_guard_reads(&error) == POLYBUS_INVALID_ARGUMENT);
  CHECK(polybus_publisher_open(NULL, "a", NULL, NULL, &pub, &error) == POLYBUS_INVALID_ARGUMENT);
  CHECK(polybus_publisher_open(node, "a b", NULL, NULL, &pub, &error) == POLYBUS_INVALID_TOPIC);
  CHECK(polybus_subscriber_open(node, "/a", NULL, NULL, &sub, &error) == POLYBUS_INVALID_TOPIC);
  polybus_publisher_options_init(&options);
  options.history = 65;
  CHECK(polybus_publisher_open(node, "a", NULL, &options, &pub, &error) == POLYBUS_INVALID_ARGUMENT);
  polybus_subscriber_options_init(&wishes);
  wishes.overflow = 7;
  CHECK(polybus_subscriber_open(node, "a", NULL, &wishes, &sub, &error) == POLYBUS_INVALID_ARGUMENT);
  CHECK(strstr(error.message, "overflow") != NULL);
  polybus_publisher_options_init(&options);
  options.quota_bytes = 1 << 20;
  OK(polybus_publisher_open(node, "a", NULL, &options, &pub, &error));
  CHECK(polybus_publisher_loan(pub, 2 << 20, &draft, &error) == POLYBUS_TOO_LARGE);
  CHECK(polybus_publisher_publish(pub, NULL, 3, NULL, &error) == POLYBUS_INVALID_ARGUMENT);
  CHECK(polybus_subscriber_take(NULL, 0, &sample, &error) == POLYBUS_INVALID_ARGUMENT);
  CHECK(polybus_message_open("short", 5, NULL, NULL, &error) != POLYBUS_OK);
  polybus_publisher_close(pub);
  polybus_node_close(node);
  return NULL;
}

const char* c_takes_many_and_waits(const char* bus) {
  polybus_node* node;
  polybus_publisher* pub;
  polybus_subscriber* sub;
  polybus_sample *samples[10], *newest;
  polybus_sample_info info;
  size_t count = 99;

  OK(open_node(bus, &node));
  OK(polybus_publisher_open(node, "a", NULL, NULL, &pub, &error));
  OK(polybus_subscriber_open(node, "a", NULL, NULL, &sub, &error));
  CHECK(polybus_subscriber_take_many(sub, samples, 10, &count, &error) == POLYBUS_EMPTY && count == 0);
  CHECK(polybus_subscriber_latest(sub, &newest, &error) == POLYBUS_EMPTY);
  CHECK(polybus_subscriber_wait(sub, 10, &error) == POLYBUS_EMPTY);
  for (int i = 0; i < 13; ++i) OK(polybus_publisher_publish(pub, &i, sizeof i, NULL, &error));
  OK(polybus_subscriber_wait(sub, PATIENCE_MS, &error));
  OK(polybus_subscriber_take_many(sub, samples, 10, &count, &error));
  CHECK(count == 10);
  for (size_t i = 0; i < count; ++i) {
    polybus_sample_get_info(samples[i], &info);
    CHECK(info.sequence == i + 1);
    polybus_sample_release(samples[i]);
  }
  OK(polybus_subscriber_latest(sub, &newest, &error));
  polybus_sample_get_info(newest, &info);
  CHECK(info.sequence == 13);
  polybus_sample_release(newest);
  OK(polybus_subscriber_take_many(sub, samples, 10, &count, &error));
  CHECK(count == 3);
  for (size_t i = 0; i < count; ++i) polybus_sample_release(samples[i]);
  polybus_publisher_close(pub);
  polybus_subscriber_close(sub);
  polybus_node_close(node);
  return NULL;
}

const char* c_keeps_samples_after_everything_is_closed(const char* bus) {
  polybus_node* node;
  polybus_publisher* pub;
  polybus_subscriber* sub;
  polybus_sample* sample;
  polybus_sample_info info;

  OK(open_node(bus, &node));
  OK(polybus_publisher_open(node, "a", NULL, NULL, &pub, &error));
  OK(polybus_subscriber_open(node, "a", NULL, NULL, &sub, &error));
  OK(polybus_publisher_publish(pub, "still here", 10, NULL, &error));
  OK(polybus_subscriber_take(sub, PATIENCE_MS, &sample, &error));
  CHECK(polybus_sample_retain(sample) == sample);
  polybus_publisher_close(pub);
  polybus_subscriber_close(sub);
  polybus_node_close(node);
  polybus_sample_release(sample);
  polybus_sample_get_info(sample, &info);
  CHECK(info.size == 10 && memcmp(info.data, "still here", 10) == 0);
  CHECK(strcmp(info.topic, "a") == 0);
  polybus_sample_release(sample);
  return NULL;
}

const char* c_writes_and_reads_a_region(const char* bus) {
  polybus_node* node;
  polybus_region* region;
  polybus_sample* sample;
  polybus_sample_info info;
  char buffer[16];
  size_t size = 0;

  OK(open_node(bus, &node));
  OK(polybus_region_create(node, "settings", 16, &region, &error));
  CHECK(polybus_region_read(region, buffer, sizeof buffer, &size, &error) == POLYBUS_EMPTY);
  OK(polybus_region_write(region, "first", 5, &error));
  OK(polybus_region_write(region, "second", 6, &error));
  OK(polybus_region_read(region, buffer, sizeof buffer, &size, &error));
  CHECK(size == 6 && memcmp(buffer, "second", 6) == 0);
  CHECK(polybus_region_read(region, buffer, 3, &size, &error) == POLYBUS_TOO_LARGE && size == 6);
  CHECK(polybus_region_write(region, "much too long to fit", 20, &error) == POLYBUS_TOO_LARGE);
  OK(polybus_region_read_sample(region, &sample, &error));
  OK(polybus_region_write(region, "third", 5, &error));
  polybus_sample_get_info(sample, &info);
  CHECK(info.size == 6 && memcmp(info.data, "second", 6) == 0);
  polybus_sample_release(sample);
  polybus_region_close(region);
  polybus_node_close(node);
  return NULL;
}

const char* c_describes_the_graph(const char* bus) {
  polybus_node* node;
  polybus_publisher* pub;
  char* json = NULL;

  OK(open_node(bus, &node));
  OK(polybus_publisher_open(node, "sensors/a", NULL, NULL, &pub, &error));
  OK(polybus_node_graph_json(node, &json, &error));
  CHECK(strstr(json, "\"bus\":\"") != NULL && strstr(json, bus) != NULL);
  CHECK(strstr(json, "\"topic\":\"sensors/a\",\"type\":null") != NULL);
  CHECK(strstr(json, "\"node\":\"c-node\"") != NULL && strstr(json, "\"language\":\"c\"") != NULL);
  CHECK(strstr(json, "\"seq\":\"0\"") != NULL);
  polybus_free(json);
  polybus_publisher_close(pub);
  polybus_node_close(node);
  return NULL;
}

const char* c_watches_the_graph(const char* bus) {
  polybus_node* node;
  polybus_watch* watch;
  polybus_subscriber* sub;
  char* json = NULL;
  int fd = -1;

  OK(open_node(bus, &node));
  OK(polybus_watch_open(node, &watch, &error));
  OK(polybus_watch_fd(watch, &fd, &error));
  CHECK(polybus_watch_next(watch, 0, &json, &error) == POLYBUS_EMPTY);
  OK(polybus_subscriber_open(node, "sensors/a", NULL, NULL, &sub, &error));
  CHECK(readable(fd, PATIENCE_MS));
  OK(polybus_watch_next(watch, PATIENCE_MS, &json, &error));
  CHECK(strstr(json, "\"event\":\"subscriber_added\"") != NULL && strstr(json, "\"topic\":\"sensors/a\"") != NULL);
  polybus_free(json);
  polybus_subscriber_close(sub);
  polybus_watch_close(watch);
  polybus_node_close(node);
  return NULL;
}
