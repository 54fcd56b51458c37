/* The cases of c_interface.c, which is C11; c_interface_test.cpp gives each a bus of its own and calls it. Each returns
 * NULL when all went well, else what did not. */
#ifndef POLYBUS_TESTS_C_INTERFACE_H
#define POLYBUS_TESTS_C_INTERFACE_H

#ifdef __cplusplus
extern "C" {
#endif

const char* c_names_versions_and_codes(void);
const char* c_publishes_and_takes_bytes(const char* bus);
const char* c_fills_a_draft_in_place(const char* bus);
const char* c_builds_and_reads_a_typed_message(const char* bus, const char* schema_file);
const char* c_refuses_bad_input(const char* bus);
const char* c_takes_many_and_waits(const char* bus);
const char* c_keeps_samples_after_everything_is_closed(const char* bus);
const char* c_writes_and_reads_a_region(const char* bus);
const char* c_describes_the_graph(const char* bus);
const char* c_watches_the_graph(const char* bus);

#ifdef __cplusplus
}
#endif
#endif
