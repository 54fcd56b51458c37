/* Prints every hello as JSON, in C: the schema comes from the bus, so no file is needed. */
#include <polybus/polybus.h>
#include <stdio.h>

static polybus_error error;

static int failed(void) {
  fprintf(stderr, "hello_sub: %s\n", error.message);
  return 1;
}

int main(void) {
  polybus_node* node;
  polybus_subscriber* subscriber;

  if (polybus_node_open("hello-listener-c", &node, &error) ||
      polybus_subscriber_open(node, "hello", NULL, NULL, &subscriber, &error)) {
    return failed();
  }
  for (;;) {
    polybus_sample* sample;
    polybus_sample_info info;
    char* json;
    const int code = polybus_subscriber_take(subscriber, 1000, &sample, &error);
    if (code == POLYBUS_EMPTY || code == POLYBUS_INTERRUPTED) continue;
    if (code) return failed();
    polybus_sample_get_info(sample, &info);
    if (polybus_sample_schema(sample) &&
        polybus_message_to_json(polybus_sample_schema(sample), info.data, info.size, &json, &error) == POLYBUS_OK) {
      printf("%s\n", json);
      fflush(stdout);
      polybus_free(json);
    }
    polybus_sample_release(sample);
  }
}
