/* C's part, by the byte: `conformance-runner-c pub TOPIC SCHEMA FRAMES` publishes the frames of a file (each a 32-bit size and
 * so many bytes, little-endian), `conformance-runner-c sub TOPIC ANY COUNT` prints each message as the library's JSON by the
 * registry's schema, a tab, and the frame in hexadecimal digits, `conformance-runner-c mistakes TOPIC SCHEMA VALUES` the error of each line of JSON. See
 * test_conformance.py. */
#include <polybus/polybus.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATIENCE_MS = 60000 };

static polybus_error error;

static void check(int code) {
  if (code == POLYBUS_OK) return;
  fprintf(stderr, "%s: %s\n", polybus_code_name(code), code == POLYBUS_EMPTY ? "nothing came" : error.message);
  exit(1);
}

/* FILE, whose type is Everything, or FILE:TYPE. */
static polybus_schema* load_schema(char* path) {
  polybus_schema_file* file;
  polybus_schema* schema;
  char* colon = strrchr(path, ':');
  const char* type = colon == NULL ? "Everything" : colon + 1;
  if (colon != NULL) *colon = '\0';
  check(polybus_schema_file_parse(path, NULL, 0, &file, &error));
  check(polybus_schema_file_get(file, type, &schema, &error));
  polybus_schema_file_close(file);
  return schema;
}

static void publish(polybus_node* node, const char* topic, polybus_schema* schema, const char* path) {
  polybus_publisher* publisher;
  FILE* file = fopen(path, "rb");
  uint32_t size;
  int reached = 0;
  check(polybus_publisher_open(node, topic, schema, NULL, &publisher, &error));
  check(polybus_publisher_wait_for_subscribers(publisher, 1, PATIENCE_MS, &reached, &error));
  if (!reached || file == NULL) exit(1);
  while (fread(&size, sizeof size, 1, file) == 1) {
    void* frame = malloc(size);
    if (frame == NULL || fread(frame, 1, size, file) != size) exit(1);
    check(polybus_publisher_publish(publisher, frame, size, NULL, &error));
    free(frame);
  }
  fclose(file);
  polybus_publisher_close(publisher);
}

static void subscribe(polybus_node* node, const char* topic, int count) {
  polybus_subscriber* subscriber;
  polybus_subscriber_options options;
  polybus_subscriber_options_init(&options);
  options.queue = 1024;
  check(polybus_subscriber_open(node, topic, NULL, &options, &subscriber, &error));
  for (int i = 0; i < count; ++i) {
    polybus_sample* sample;
    polybus_sample_info info;
    char* json;
    check(polybus_subscriber_take(subscriber, PATIENCE_MS, &sample, &error));
    polybus_sample_get_info(sample, &info);
    check(polybus_message_to_json(polybus_sample_schema(sample), info.data, info.size, &json, &error));
    printf("%s\t", json);
    for (size_t at = 0; at < info.size; ++at) printf("%02x", ((const uint8_t*)info.data)[at]);
    putchar('\n');
    fflush(stdout);
    polybus_free(json);
    polybus_sample_release(sample);
  }
  polybus_subscriber_close(subscriber);
}

/* Values are written without a bus. */
static void mistakes(polybus_schema* schema, const char* path) {
  static char line[1 << 16];
  FILE* file = fopen(path, "r");
  if (file == NULL) exit(1);
  while (fgets(line, sizeof line, file) != NULL) {
    polybus_builder* builder;
    polybus_struct_builder root;
    check(polybus_builder_open(schema, &builder, &root, &error));
    puts(polybus_struct_set_json(&root, schema, line, strlen(line), &error) == POLYBUS_OK ? "no error" : error.message);
    polybus_builder_close(builder);
  }
  fclose(file);
}

int main(int argc, char** argv) {
  polybus_node* node;
  polybus_schema* schema = NULL;
  if (argc != 5) return 2;
  if (strcmp(argv[1], "sub") != 0) schema = load_schema(argv[3]);
  if (strcmp(argv[1], "mistakes") == 0) {
    mistakes(schema, argv[4]);
    polybus_schema_release(schema);
    return 0;
  }
  check(polybus_node_open("conformance-c", &node, &error));
  if (strcmp(argv[1], "pub") == 0) {
    publish(node, argv[2], schema, argv[4]);
  } else {
    subscribe(node, argv[2], atoi(argv[4]));
  }
  polybus_node_close(node);
  if (schema != NULL) polybus_schema_release(schema);
  return 0;
}
