/* C's part: for each line "TOPIC SCHEMA" of standard input, what a subscriber with that file's Main is told. See
 * test_differences.py. */
#include <polybus/polybus.h>
#include <stdio.h>

static polybus_error error;

static polybus_schema* load_schema(const char* path) {
  polybus_schema_file* file;
  polybus_schema* schema = NULL;
  if (polybus_schema_file_parse(path, NULL, 0, &file, &error) != POLYBUS_OK) return NULL;
  polybus_schema_file_get(file, "Main", &schema, &error);
  polybus_schema_file_close(file);
  return schema;
}

int main(void) {
  polybus_node* node;
  char topic[128], path[1024];
  if (polybus_node_open("refused", &node, &error) != POLYBUS_OK) return 1;
  while (scanf("%127s %1023s", topic, path) == 2) {
    polybus_schema* schema = load_schema(path);
    polybus_subscriber* subscriber;
    if (schema == NULL) return 1;
    if (polybus_subscriber_open(node, topic, schema, NULL, &subscriber, &error) == POLYBUS_OK) {
      puts("fits");
      polybus_subscriber_close(subscriber);
    } else {
      printf("%s %s\n", polybus_code_name(error.code), error.message);
    }
    fflush(stdout);
    polybus_schema_release(schema);
  }
  polybus_node_close(node);
  return 0;
}
