/* Says hello once a second, in C: the schema is parsed at run time. Usage: hello_pub [hello.capnp] */
#include <polybus/polybus.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static polybus_error error;

static int failed(void) {
  fprintf(stderr, "hello_pub: %s\n", error.message);
  return 1;
}

static const polybus_field* field(const polybus_struct_info* type, const char* name) {
  for (uint32_t i = 0; i < type->field_count; ++i) {
    if (strcmp(type->fields[i].name, name) == 0) return &type->fields[i];
  }
  return NULL;
}

int main(int argc, char** argv) {
  polybus_schema_file* file;
  polybus_schema* hello;
  polybus_node* node;
  polybus_publisher* publisher;
  polybus_publisher_options options;

  if (polybus_schema_file_parse(argc > 1 ? argv[1] : "examples/hello/hello.capnp", NULL, 0, &file, &error) ||
      polybus_schema_file_get(file, "Hello", &hello, &error) || polybus_node_open("hello-c", &node, &error)) {
    return failed();
  }
  polybus_publisher_options_init(&options);
  options.history = 1;
  if (polybus_publisher_open(node, "hello", hello, &options, &publisher, &error)) return failed();

  const polybus_struct_info* type = polybus_schema_structs(hello, NULL);
  const polybus_field *name = field(type, "name"), *count = field(type, "count");
  for (uint32_t i = 1;; ++i) {
    polybus_draft* draft;
    polybus_struct_builder root;
    if (polybus_publisher_loan(publisher, 0, &draft, &error) || polybus_draft_root(draft, &root, &error) ||
        polybus_struct_set_text(&root, name->pointer_index, "C", 1, &error)) {
      return failed();
    }
    memcpy(root.data + count->bit_offset / 8, &i, sizeof i); /* scalars are stored where the schema says */
    if (polybus_draft_publish(draft, 0, -1, NULL, &error)) return failed();
    sleep(1);
  }
}
