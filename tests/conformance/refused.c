/* C's part: for each line "TOPIC SCHEMA" of standard input, what a subscriber (argument publisher: a publisher)
 * with that file's Main is told. See test_differences.py. */
#include <polybus/polybus.h>
#include <stdio.h>
#include <string.h>

static polybus_error error;

static polybus_schema* load_schema(const char* path) {
  polybus_schema_file* file;
  polybus_schema* schema = NULL;
  if (polybus_schema_file_parse(path, NULL, 0, &file, &error) != POLYBUS_OK) return NULL;
  polybus_schema_file_get(file, "Main", &schema, &error);
  polybus_schema_file_close(file);
  return schema;
}

static int open_and_close(polybus_node* node, const char* role, const char* topic, polybus_schema* schema) {
  polybus_publisher* publisher;
  polybus_subscriber* subscriber;
  int code;
  if (strcmp(role, "publisher") == 0) {
    code = polybus_publisher_open(node, topic, schema, NULL, &publisher, &error);
    if (code == POLYBUS_OK) polybus_publisher_close(publisher);
  } else {
    code = polybus_subscriber_open(node, topic, schema, NULL, &subscriber, &error);
    if (code == POLYBUS_OK) polybus_subscriber_close(subscriber);
  }
  return code;
}

int main(int argc, char** argv) {
  polybus_node* node;
  char topic[128], path[1024];
  if (argc != 2) return 2;
  if (polybus_node_open("refused", &node, &error) != POLYBUS_OK) return 1;
  while (scanf("%127s %1023s", topic, path) == 2) {
    polybus_schema* schema = load_schema(path);
    if (schema == NULL) return 1;
    if (open_and_close(node, argv[1], topic, schema) == POLYBUS_OK) {
      puts("fits");
    } else {
      printf("%s %s\n", polybus_code_name(error.code), error.message);
    }
    fflush(stdout);
    polybus_schema_release(schema);
  }
  polybus_node_close(node);
  return 0;
}
