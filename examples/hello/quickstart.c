#include <polybus/polybus.h>
#include <stdio.h>

int main(void) {
  polybus_node* node;
  polybus_region* settings; /* one current value, seen by every process of this machine */
  char text[64];
  size_t size;
  if (polybus_node_open("quickstart", &node, NULL) || polybus_region_create(node, "settings", 64, &settings, NULL))
    return 1;
  polybus_region_write(settings, "gain=3", 6, NULL);
  if (polybus_region_read(settings, text, sizeof text, &size, NULL) == POLYBUS_OK) printf("%.*s\n", (int)size, text);
  polybus_node_close(node);
  return 0;
}
