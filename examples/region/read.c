/* Prints the current value of a region, once or, with a number of seconds, again and again.
 * Usage: read [NAME [SECONDS]]. The value was written by anybody, in any language, and outlives its writer. */
#include <polybus/polybus.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char** argv) {
  const char* name = argc > 1 ? argv[1] : "settings";
  const unsigned seconds = argc > 2 ? (unsigned)atoi(argv[2]) : 0;
  polybus_error error;
  polybus_node* node = NULL;
  polybus_region* region = NULL;
  char value[4096];
  size_t size = 0;
  int code = polybus_node_open("region-reader-c", &node, &error);
  if (code == POLYBUS_OK) code = polybus_region_create(node, name, sizeof value, &region, &error);
  while (code == POLYBUS_OK || code == POLYBUS_EMPTY) {
    code = polybus_region_read(region, value, sizeof value, &size, &error);
    if (code == POLYBUS_OK) printf("%.*s\n", (int)size, value);
    if (code == POLYBUS_EMPTY) printf("(nobody has written to %s yet)\n", name);
    fflush(stdout);
    if (seconds == 0) break;
    sleep(seconds);
  }
  if (code != POLYBUS_OK && code != POLYBUS_EMPTY) fprintf(stderr, "region: %s\n", error.message);
  polybus_region_close(region);
  polybus_node_close(node);
  return code == POLYBUS_OK ? 0 : 1;
}
