/* Polybus: one bus, every language. The C interface, and the floor every other language stands on.
 *
 * Conventions
 *  1. Handles are opaque; functions are polybus_<noun>_<verb>.
 *  2. Every function that can fail returns 0 (POLYBUS_OK) or a polybus_code, and fills `err` when that is not NULL.
 *     On success `err` is left untouched. "Nothing there" is POLYBUS_EMPTY and fills nothing.
 *  3. Strings are UTF-8. Pointers handed out live as long as the handle they came from, unless said otherwise.
 *     What a function returns as `char *` is given back with polybus_free().
 *  4. No exception and no C++ type crosses. Every function may be called from any thread; closing a handle while another
 *     thread uses it is the caller's error, everything else is locked here.
 *  5. Times are nanoseconds (_ns), timeouts milliseconds (_ms): 0 does not wait, negative waits for ever.
 *  6. Option structs carry their own size so that they can grow: call polybus_<noun>_options_init() first.
 *  7. After fork() handles of the parent answer POLYBUS_FORKED in the child; release and close do nothing there.
 *  8. Nothing here needs a macro, an inline function or a bit-field: ctypes, koffi, cgo, JNA and Rust can use it as it is.
 */
#ifndef POLYBUS_POLYBUS_H
#define POLYBUS_POLYBUS_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define POLYBUS_EXPORT __attribute__((visibility("default")))
#else
#define POLYBUS_EXPORT
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------------------------------ versions, errors */

/* "0.1.0": the library's version. */
POLYBUS_EXPORT const char *polybus_version(void);
/* Grows by one with every change of this header that an adapter built against an older one would notice. */
POLYBUS_EXPORT uint32_t polybus_abi_version(void);

/* The numbers are part of the interface and never change. */
typedef enum polybus_code {
  POLYBUS_OK = 0,
  POLYBUS_EMPTY = 1,            /* nothing there (no error) */
  POLYBUS_TIMEOUT = 2,          /* not in time */
  POLYBUS_INVALID_ARGUMENT = 3, /* the caller's value is wrong; the message names it and what is allowed */
  POLYBUS_INVALID_TOPIC = 4,
  POLYBUS_NO_BUS = 5,       /* no registry there and none could be started */
  POLYBUS_DISCONNECTED = 6, /* the registry went away and is not back yet */
  POLYBUS_VERSION_MISMATCH = 7,
  POLYBUS_BAD_SCHEMA = 8,
  POLYBUS_SCHEMA_MISMATCH = 9,
  POLYBUS_BAD_MESSAGE = 10,
  POLYBUS_TOO_LARGE = 11,
  POLYBUS_NO_MEMORY = 12,
  POLYBUS_TOO_MANY_LOANS = 13,
  POLYBUS_TOO_MANY_SAMPLES = 14,
  POLYBUS_LIMIT = 15,
  POLYBUS_EXCLUSIVE = 16,
  POLYBUS_PERMISSION = 17,
  POLYBUS_CLOSED = 18,
  POLYBUS_FORKED = 19,
  POLYBUS_IO = 20,
  POLYBUS_INTERNAL = 21,
  /* Not an error: a signal handler ran on this thread while it waited. Let the language handle it, then call again. */
  POLYBUS_INTERRUPTED = 22
} polybus_code;

typedef struct polybus_error {
  int32_t code;      /* a polybus_code */
  char message[512]; /* names the thing, the bound and the remedy; always terminated, cut at a whole character */
} polybus_error;

/* "NO_BUS" for 5 and so on; "UNKNOWN" for a number that is none. */
POLYBUS_EXPORT const char *polybus_code_name(int32_t code);
/* Gives back a string this library returned as `char *`. NULL is fine. */
POLYBUS_EXPORT void polybus_free(char *text);

/* For runtimes in which a stray write into received memory must neither harm others nor end the process (JavaScript):
 * received payload is additionally mapped privately behind a write guard, and sample data points there. Call before the
 * process's first node. Returns POLYBUS_INVALID_ARGUMENT afterwards. */
POLYBUS_EXPORT int polybus_process_guard_reads(polybus_error *err);

/* -------------------------------------------------------------------------------------------------------- schemas */

typedef struct polybus_schema_file polybus_schema_file; /* one parsed .capnp file */
typedef struct polybus_schema polybus_schema;           /* one struct type with all it refers to; counted */

/* Parses `path` at run time; imports are looked up relative to the file, then in `import_paths`, then in the system's
 * folders. BAD_SCHEMA (with file:line:column) or IO (no such file). */
POLYBUS_EXPORT int polybus_schema_file_parse(const char *path, const char *const *import_paths,
                                             size_t import_path_count, polybus_schema_file **out, polybus_error *err);
POLYBUS_EXPORT void polybus_schema_file_close(polybus_schema_file *file);
/* All struct types of the file in source order, nested ones as "Outer.Inner". */
POLYBUS_EXPORT size_t polybus_schema_file_count(const polybus_schema_file *file);
POLYBUS_EXPORT const char *polybus_schema_file_name(const polybus_schema_file *file, size_t index);
/* The struct called `name`; BAD_SCHEMA names what there is. The caller owns one count of `*out`. */
POLYBUS_EXPORT int polybus_schema_file_get(const polybus_schema_file *file, const char *name, polybus_schema **out,
                                           polybus_error *err);

/* The constants of the file (scope NULL or "") or of one of its structs, as a type with a field for each whose default is
 * the constant's value: read them from a message in which nothing is set. POLYBUS_EMPTY where there are none. */
POLYBUS_EXPORT int polybus_schema_file_constants(const polybus_schema_file *file, const char *scope,
                                                 polybus_schema **out, polybus_error *err);

/* A schema bundle: a CodeGeneratorRequest in stream framing with the transitive closure, the root type first. */
POLYBUS_EXPORT int polybus_schema_from_bundle(const void *bundle, size_t size, polybus_schema **out,
                                              polybus_error *err);
POLYBUS_EXPORT const void *polybus_schema_bundle(const polybus_schema *schema, size_t *size);
POLYBUS_EXPORT polybus_schema *polybus_schema_retain(polybus_schema *schema);
POLYBUS_EXPORT void polybus_schema_release(polybus_schema *schema);
/* "imu.capnp:Imu" */
POLYBUS_EXPORT const char *polybus_schema_type_name(const polybus_schema *schema);
/* 64 hexadecimal digits: SHA-256 over the canonical form of what matters on the wire. */
POLYBUS_EXPORT const char *polybus_schema_fingerprint(const polybus_schema *schema);
POLYBUS_EXPORT uint64_t polybus_schema_id(const polybus_schema *schema);

/* How a value is stored. */
typedef enum polybus_kind {
  POLYBUS_KIND_VOID = 0,
  POLYBUS_KIND_BOOL = 1,
  POLYBUS_KIND_INT8 = 2,
  POLYBUS_KIND_INT16 = 3,
  POLYBUS_KIND_INT32 = 4,
  POLYBUS_KIND_INT64 = 5,
  POLYBUS_KIND_UINT8 = 6,
  POLYBUS_KIND_UINT16 = 7,
  POLYBUS_KIND_UINT32 = 8,
  POLYBUS_KIND_UINT64 = 9,
  POLYBUS_KIND_FLOAT32 = 10,
  POLYBUS_KIND_FLOAT64 = 11,
  POLYBUS_KIND_ENUM = 12, /* a UInt16 */
  POLYBUS_KIND_TEXT = 13,
  POLYBUS_KIND_DATA = 14,
  POLYBUS_KIND_STRUCT = 15,
  POLYBUS_KIND_INTERFACE = 16,
  POLYBUS_KIND_ANY = 17 /* AnyPointer and what depends on a type parameter */
} polybus_kind;

/* A type: `list_depth` lists around `kind`: List(List(Int8)) is {INT8, 2, -1}. */
typedef struct polybus_type {
  int32_t kind;       /* polybus_kind of the innermost element */
  int32_t list_depth; /* 0: no list */
  int32_t index;      /* of the struct or enum in the schema's tables, else -1 */
} polybus_type;

typedef struct polybus_field {
  const char *name;
  polybus_type type;
  int32_t is_group;          /* type.kind is STRUCT; the group shares the struct's own data and pointers */
  int32_t discriminant;      /* value of the union tag that selects this field, or -1 */
  uint32_t bit_offset;       /* scalars: where in the data section */
  uint32_t pointer_index;    /* text, data, lists, structs: which pointer */
  uint64_t default_bits;     /* scalars are stored XORed with this */
  const void *default_frame; /* pointer fields with a default: a message whose root has it as pointer 0; else NULL */
  size_t default_frame_size;
} polybus_field;

typedef struct polybus_struct_info {
  const char *name; /* "Imu", "Outer.Inner" */
  uint64_t id;
  const polybus_field *fields; /* in source order (codeOrder) */
  uint32_t field_count;
  uint32_t union_field_count; /* fields of the unnamed union, 0: none */
  uint32_t union_bit_offset;  /* of its 16-bit tag in the data section */
  uint16_t data_words;
  uint16_t pointer_count;
  int32_t is_group;
} polybus_struct_info;

typedef struct polybus_enum_info {
  const char *name;
  uint64_t id;
  const char *const *enumerants; /* by value */
  uint32_t enumerant_count;
} polybus_enum_info;

/* The tables of a schema; entry 0 of the structs is the root type. They live as long as the schema. */
POLYBUS_EXPORT const polybus_struct_info *polybus_schema_structs(const polybus_schema *schema, size_t *count);
POLYBUS_EXPORT const polybus_enum_info *polybus_schema_enums(const polybus_schema *schema, size_t *count);

/* ------------------------------------------------------------------------------------------------ reading messages */

typedef struct polybus_message polybus_message; /* one framed message being read */

/* A checked view of one struct, by value: nothing to free. Valid while its message and the memory below live.
 * Scalars: load from `data` if bit_offset + width <= data_bits (else the field is younger than the writer: the default
 * applies), then XOR with default_bits. Little-endian. */
typedef struct polybus_struct {
  const uint8_t *data;
  uint32_t data_bits;
  uint32_t pointer_count;
  uint64_t opaque[8];
} polybus_struct;

/* A checked view of one list. Element i of a list of scalars lies at bit i * stride_bits of `data`; of a list of structs
 * the data section of element i starts at that bit and has struct_data_bits bits. */
typedef struct polybus_list {
  const uint8_t *data;
  uint32_t count;
  uint32_t stride_bits; /* 1 for Bool, 0 for Void */
  uint32_t struct_data_bits;
  uint32_t struct_pointer_count;
  uint64_t opaque[8];
} polybus_list;

/* Opens a message in stream framing where it lies; nothing is copied unless `data` is not 8-byte aligned. The bytes must
 * outlive the message. BAD_MESSAGE if they are none. */
POLYBUS_EXPORT int polybus_message_open(const void *data, size_t size, polybus_message **out, polybus_struct *root,
                                        polybus_error *err);
POLYBUS_EXPORT void polybus_message_close(polybus_message *message);

/* Pointer fields of a struct. POLYBUS_EMPTY for a null pointer, BAD_MESSAGE for a broken one. */
POLYBUS_EXPORT int polybus_struct_get_text(const polybus_struct *from, uint32_t pointer_index, const char **text,
                                           size_t *size, polybus_error *err);
POLYBUS_EXPORT int polybus_struct_get_data(const polybus_struct *from, uint32_t pointer_index, const void **data,
                                           size_t *size, polybus_error *err);
POLYBUS_EXPORT int polybus_struct_get_struct(const polybus_struct *from, uint32_t pointer_index, polybus_struct *out,
                                             polybus_error *err);
/* `element` is the type of the elements (the field's type with list_depth one less). */
POLYBUS_EXPORT int polybus_struct_get_list(const polybus_struct *from, uint32_t pointer_index, polybus_type element,
                                           polybus_list *out, polybus_error *err);

/* Elements of lists of pointers and structs; `index` < count, else INVALID_ARGUMENT. */
POLYBUS_EXPORT int polybus_list_get_text(const polybus_list *from, uint32_t index, const char **text, size_t *size,
                                         polybus_error *err);
POLYBUS_EXPORT int polybus_list_get_data(const polybus_list *from, uint32_t index, const void **data, size_t *size,
                                         polybus_error *err);
POLYBUS_EXPORT int polybus_list_get_struct(const polybus_list *from, uint32_t index, polybus_struct *out,
                                           polybus_error *err);
POLYBUS_EXPORT int polybus_list_get_list(const polybus_list *from, uint32_t index, polybus_type element,
                                         polybus_list *out, polybus_error *err);

/* What a pointer leads to, for fields of type AnyPointer; the getters above then read it as whatever the program knows
 * it to be, BAD_MESSAGE if it is something else. */
enum { POLYBUS_POINTER_NULL = 0, POLYBUS_POINTER_STRUCT = 1, POLYBUS_POINTER_LIST = 2, POLYBUS_POINTER_OTHER = 3 };
POLYBUS_EXPORT int polybus_struct_get_pointer_kind(const polybus_struct *from, uint32_t pointer_index, int32_t *kind,
                                                   polybus_error *err);
POLYBUS_EXPORT int polybus_list_get_pointer_kind(const polybus_list *from, uint32_t index, int32_t *kind,
                                                 polybus_error *err);

/* The canonical JSON text of a whole message (docs/json.md); given back with polybus_free(). BAD_MESSAGE. */
POLYBUS_EXPORT int polybus_message_to_json(const polybus_schema *schema, const void *data, size_t size, char **json,
                                           polybus_error *err);

/* ----------------------------------------------------------------------------------------------- building messages */

/* A struct being built, by value; valid until its draft is published or discarded. Scalars are stored directly:
 * value XOR default_bits at bit_offset. Everything starts as zero, that is as its default. */
typedef struct polybus_struct_builder {
  uint8_t *data;
  uint32_t data_bits;
  uint32_t pointer_count;
  uint64_t opaque[8];
} polybus_struct_builder;

typedef struct polybus_list_builder {
  uint8_t *data;
  uint32_t count;
  uint32_t stride_bits;
  uint32_t struct_data_bits;
  uint32_t struct_pointer_count;
  uint64_t opaque[8];
} polybus_list_builder;

POLYBUS_EXPORT int polybus_struct_set_text(polybus_struct_builder *to, uint32_t pointer_index, const char *text,
                                           size_t size, polybus_error *err);
POLYBUS_EXPORT int polybus_struct_set_data(polybus_struct_builder *to, uint32_t pointer_index, const void *data,
                                           size_t size, polybus_error *err);
/* A list of numbers, enums or Float copied from memory that has them side by side, little-endian. */
POLYBUS_EXPORT int polybus_struct_set_numbers(polybus_struct_builder *to, uint32_t pointer_index, polybus_type element,
                                              const void *numbers, uint32_t count, polybus_error *err);
/* Zeroed bytes to be written in place. */
POLYBUS_EXPORT int polybus_struct_init_data(polybus_struct_builder *to, uint32_t pointer_index, size_t size,
                                            uint8_t **data, polybus_error *err);
POLYBUS_EXPORT int polybus_struct_init_struct(polybus_struct_builder *to, uint32_t pointer_index, uint16_t data_words,
                                              uint16_t pointer_count, polybus_struct_builder *out, polybus_error *err);
/* The struct that is already there; POLYBUS_EMPTY if none is. */
POLYBUS_EXPORT int polybus_struct_edit_struct(polybus_struct_builder *to, uint32_t pointer_index, uint16_t data_words,
                                              uint16_t pointer_count, polybus_struct_builder *out, polybus_error *err);
/* `data_words` and `pointer_count` matter for lists of structs only. */
POLYBUS_EXPORT int polybus_struct_init_list(polybus_struct_builder *to, uint32_t pointer_index, polybus_type element,
                                            uint32_t count, uint16_t data_words, uint16_t pointer_count,
                                            polybus_list_builder *out, polybus_error *err);
POLYBUS_EXPORT int polybus_struct_edit_list(polybus_struct_builder *to, uint32_t pointer_index, polybus_type element,
                                            uint16_t data_words, uint16_t pointer_count, polybus_list_builder *out,
                                            polybus_error *err);
/* Data that is already there, to be written in place; POLYBUS_EMPTY if none is. (Text works too, but its size then counts
 * the zero at its end.) */
POLYBUS_EXPORT int polybus_struct_edit_data(polybus_struct_builder *to, uint32_t pointer_index, uint8_t **data,
                                            size_t *size, polybus_error *err);
POLYBUS_EXPORT int polybus_struct_clear_pointer(polybus_struct_builder *to, uint32_t pointer_index, polybus_error *err);
/* Copies a whole struct with all below it into this pointer (or, for the root, over `to` itself). */
POLYBUS_EXPORT int polybus_struct_copy_struct(polybus_struct_builder *to, uint32_t pointer_index,
                                              const polybus_struct *from, polybus_error *err);
POLYBUS_EXPORT int polybus_struct_copy_all(polybus_struct_builder *to, const polybus_struct *from, polybus_error *err);
/* Copies a list, or whatever a pointer of a struct or an element leads to, with all below it into this pointer. */
POLYBUS_EXPORT int polybus_struct_copy_list(polybus_struct_builder *to, uint32_t pointer_index,
                                            const polybus_list *from, polybus_error *err);
POLYBUS_EXPORT int polybus_struct_copy_pointer(polybus_struct_builder *to, uint32_t pointer_index,
                                               const polybus_struct *from, uint32_t from_index, polybus_error *err);
POLYBUS_EXPORT int polybus_struct_copy_element(polybus_struct_builder *to, uint32_t pointer_index,
                                               const polybus_list *from, uint32_t from_index, polybus_error *err);
POLYBUS_EXPORT int polybus_list_set_text(polybus_list_builder *to, uint32_t index, const char *text, size_t size,
                                         polybus_error *err);
POLYBUS_EXPORT int polybus_list_set_data(polybus_list_builder *to, uint32_t index, const void *data, size_t size,
                                         polybus_error *err);
POLYBUS_EXPORT int polybus_list_edit_struct(polybus_list_builder *to, uint32_t index, polybus_struct_builder *out,
                                            polybus_error *err);
POLYBUS_EXPORT int polybus_list_init_list(polybus_list_builder *to, uint32_t index, polybus_type element,
                                          uint32_t count, uint16_t data_words, uint16_t pointer_count,
                                          polybus_list_builder *out, polybus_error *err);
/* The list or Data that is already there; POLYBUS_EMPTY if none is. */
POLYBUS_EXPORT int polybus_list_edit_list(polybus_list_builder *to, uint32_t index, polybus_type element,
                                          uint16_t data_words, uint16_t pointer_count, polybus_list_builder *out,
                                          polybus_error *err);
POLYBUS_EXPORT int polybus_list_edit_data(polybus_list_builder *to, uint32_t index, uint8_t **data, size_t *size,
                                          polybus_error *err);
POLYBUS_EXPORT int polybus_list_as_reader(const polybus_list_builder *from, polybus_list *out, polybus_error *err);
/* A reading view of what is being built, e.g. to print it. */
POLYBUS_EXPORT int polybus_struct_as_reader(const polybus_struct_builder *from, polybus_struct *out,
                                            polybus_error *err);

/* Sets what JSON says (docs/json.md) in a struct nobody has written to yet, e.g. a draft's root; `schema`'s root type is
 * the struct's. INVALID_ARGUMENT names the field's path; the struct is then half filled. */
POLYBUS_EXPORT int polybus_struct_set_json(polybus_struct_builder *to, const polybus_schema *schema, const char *json,
                                           size_t size, polybus_error *err);

/* A message built in private memory, e.g. to make test data or to convert; polybus_draft is its sister on the bus. */
typedef struct polybus_builder polybus_builder;
POLYBUS_EXPORT int polybus_builder_open(const polybus_schema *schema, polybus_builder **out,
                                        polybus_struct_builder *root, polybus_error *err);
/* The finished frame; lives until the builder is closed or changed. */
POLYBUS_EXPORT int polybus_builder_frame(polybus_builder *builder, const void **data, size_t *size, polybus_error *err);
POLYBUS_EXPORT void polybus_builder_close(polybus_builder *builder);

/* ----------------------------------------------------------------------------------------------------------- nodes */

typedef struct polybus_node polybus_node;

typedef struct polybus_node_options {
  size_t struct_size;
  const char *bus;         /* NULL: POLYBUS_BUS, else "default" */
  const char *socket_path; /* NULL: POLYBUS_SOCKET, else derived from the bus's name */
  int64_t timeout_ms;      /* for connecting; default 5000 */
  int32_t autostart;       /* 1 yes, 0 no, -1 (default) as POLYBUS_AUTOSTART says */
  const char *language;    /* shown by tools, e.g. "python 3.11"; default "c" */
} polybus_node_options;

POLYBUS_EXPORT void polybus_node_options_init(polybus_node_options *options);
/* Connects; bus and the rest from the environment. INVALID_ARGUMENT, NO_BUS, TIMEOUT, VERSION_MISMATCH, LIMIT, IO. */
POLYBUS_EXPORT int polybus_node_open(const char *name, polybus_node **out, polybus_error *err);
POLYBUS_EXPORT int polybus_node_open_with(const char *name, const polybus_node_options *options, polybus_node **out,
                                          polybus_error *err);
/* Closes all ends of the node. Held samples stay valid. NULL is fine; so is closing twice through copies of language
 * handles, which must call this once only. */
POLYBUS_EXPORT void polybus_node_close(polybus_node *node);
POLYBUS_EXPORT const char *polybus_node_name(const polybus_node *node);
POLYBUS_EXPORT const char *polybus_node_bus(const polybus_node *node);
/* 1 while the registry is there, 0 while it is away (data keeps flowing where it can). */
POLYBUS_EXPORT int polybus_node_connected(const polybus_node *node);
/* The whole graph as JSON (docs/graph.md): {"bus","nodes":[{"node","pid","language"}],"topics":[{"topic","type",
 * "fingerprint","publishers":[…],"subscribers":[…]}]}. */
POLYBUS_EXPORT int polybus_node_graph_json(polybus_node *node, char **json, polybus_error *err);

/* ------------------------------------------------------------------------------------------------------ publishers */

typedef struct polybus_publisher polybus_publisher;
typedef struct polybus_draft polybus_draft;

typedef struct polybus_publisher_options {
  size_t struct_size;
  uint32_t history;     /* kept values, 0..64; default 0 */
  int32_t exclusive;    /* refuse a second publisher */
  int64_t timeout_ms;   /* how long a publish may wait for subscribers that asked to block; default 0 */
  uint64_t quota_bytes; /* default 1 GiB */
} polybus_publisher_options;

POLYBUS_EXPORT void polybus_publisher_options_init(polybus_publisher_options *options);
/* `schema` NULL: untyped. Returns when the topic's subscribers are attached (at most 1 s). */
POLYBUS_EXPORT int polybus_publisher_open(polybus_node *node, const char *topic, const polybus_schema *schema,
                                          const polybus_publisher_options *options, polybus_publisher **out,
                                          polybus_error *err);
/* Publishes its kept values on, discards loans. Handles of drafts stay valid until discarded. */
POLYBUS_EXPORT void polybus_publisher_close(polybus_publisher *publisher);
POLYBUS_EXPORT const char *polybus_publisher_topic(const polybus_publisher *publisher);
/* Copies `size` bytes once, into shared memory, and publishes them. On a typed topic they must be one message in stream
 * framing (BAD_MESSAGE). `sequence` may be NULL. */
POLYBUS_EXPORT int polybus_publisher_publish(polybus_publisher *publisher, const void *data, size_t size,
                                             uint64_t *sequence, polybus_error *err);
/* *reached is 1 when `count` subscribers are attached in time, else 0. */
POLYBUS_EXPORT int polybus_publisher_wait_for_subscribers(polybus_publisher *publisher, uint32_t count,
                                                          int64_t timeout_ms, int *reached, polybus_error *err);

typedef struct polybus_publisher_stats {
  uint64_t sequence; /* of the last message; 0: none yet */
  uint64_t bytes;
  uint32_t subscribers;
  uint32_t loans;
  uint64_t memory_bytes; /* of the extent in use by pools */
  uint64_t quota_bytes;
} polybus_publisher_stats;
POLYBUS_EXPORT int polybus_publisher_get_stats(const polybus_publisher *publisher, polybus_publisher_stats *out,
                                               polybus_error *err);

/* Memory on loan: room for `size` payload bytes (a hint on typed topics: a message that outgrows it is moved once).
 * TOO_LARGE, NO_MEMORY, TOO_MANY_LOANS, CLOSED. Publish or discard it exactly once. */
POLYBUS_EXPORT int polybus_publisher_loan(polybus_publisher *publisher, size_t size, polybus_draft **out,
                                          polybus_error *err);
/* For languages that write Cap'n Proto themselves: a loan of exactly this kind of memory on any topic, filled through
 * polybus_draft_data(). On a typed topic what is published from it must be one message in stream framing (BAD_MESSAGE). */
POLYBUS_EXPORT int polybus_publisher_loan_frame(polybus_publisher *publisher, size_t size, polybus_draft **out,
                                                polybus_error *err);
/* Untyped topics and polybus_publisher_loan_frame(): the bytes to fill, at least as many as asked for. 64-byte aligned,
 * not zeroed. */
POLYBUS_EXPORT void *polybus_draft_data(polybus_draft *draft, size_t *capacity);
/* Typed topics: the root struct, zeroed, in shared memory. */
POLYBUS_EXPORT int polybus_draft_root(polybus_draft *draft, polybus_struct_builder *root, polybus_error *err);
/* Publishes; `size`: bytes filled (untyped topics; ignored on typed ones). `timeout_ms`: only where a subscriber asked to
 * block; negative: the publisher's own. On success the draft is gone; on any error it is still the caller's. */
POLYBUS_EXPORT int polybus_draft_publish(polybus_draft *draft, size_t size, int64_t timeout_ms, uint64_t *sequence,
                                         polybus_error *err);
POLYBUS_EXPORT void polybus_draft_discard(polybus_draft *draft);

/* ----------------------------------------------------------------------------------------------------- subscribers */

typedef struct polybus_subscriber polybus_subscriber;
typedef struct polybus_sample polybus_sample;

enum { POLYBUS_DROP_OLDEST = 0, POLYBUS_BLOCK = 1 };

typedef struct polybus_subscriber_options {
  size_t struct_size;
  uint32_t queue;   /* 1..1024, default 16 */
  int64_t history;  /* kept values wanted at the start; negative (default): all there are, up to `queue` */
  int32_t overflow; /* POLYBUS_DROP_OLDEST or POLYBUS_BLOCK */
  int32_t wants_fd; /* 1: polybus_subscriber_fd will be used; saves a round trip later */
} polybus_subscriber_options;

POLYBUS_EXPORT void polybus_subscriber_options_init(polybus_subscriber_options *options);
/* `schema` NULL: whatever the topic has. Returns when the live publishers are attached (at most 1 s). */
POLYBUS_EXPORT int polybus_subscriber_open(polybus_node *node, const char *topic, const polybus_schema *schema,
                                           const polybus_subscriber_options *options, polybus_subscriber **out,
                                           polybus_error *err);
/* Wakes all who wait (they get CLOSED). Held samples stay valid. */
POLYBUS_EXPORT void polybus_subscriber_close(polybus_subscriber *subscriber);
/* For runtimes in which one thread closes what another waits in: wakes all who wait, and they and all later calls get
 * CLOSED, but the handle stays valid until polybus_subscriber_close(). */
POLYBUS_EXPORT void polybus_subscriber_shutdown(polybus_subscriber *subscriber);
POLYBUS_EXPORT const char *polybus_subscriber_topic(const polybus_subscriber *subscriber);
/* The oldest message that has arrived, or POLYBUS_EMPTY after `timeout_ms`. INTERRUPTED, TOO_MANY_SAMPLES, CLOSED. */
POLYBUS_EXPORT int polybus_subscriber_take(polybus_subscriber *subscriber, int64_t timeout_ms, polybus_sample **out,
                                           polybus_error *err);
/* Up to `count_max` at once without waiting; POLYBUS_EMPTY if there is none. */
POLYBUS_EXPORT int polybus_subscriber_take_many(polybus_subscriber *subscriber, polybus_sample **out, size_t count_max,
                                                size_t *count, polybus_error *err);
/* POLYBUS_OK when there is something to take, POLYBUS_EMPTY after `timeout_ms`, INTERRUPTED. Where messages come faster than a
 * sleeper can be woken, waits of at most 100 ms, and polybus_subscriber_take() of as long, look for some us before they sleep. */
POLYBUS_EXPORT int polybus_subscriber_wait(polybus_subscriber *subscriber, int64_t timeout_ms, polybus_error *err);
/* The newest message that has arrived, taken or not; consumes nothing. POLYBUS_EMPTY before the first. */
POLYBUS_EXPORT int polybus_subscriber_latest(polybus_subscriber *subscriber, polybus_sample **out, polybus_error *err);
/* One descriptor, readable while samples wait; take until POLYBUS_EMPTY, which arms it again. Owned by the subscriber. */
POLYBUS_EXPORT int polybus_subscriber_fd(polybus_subscriber *subscriber, int *fd, polybus_error *err);
/* The topic's schema as the registry knows it; POLYBUS_EMPTY for an untyped topic or one without a publisher yet. The
 * caller owns one count of `*out`. */
POLYBUS_EXPORT int polybus_subscriber_schema(polybus_subscriber *subscriber, polybus_schema **out, polybus_error *err);

typedef struct polybus_subscriber_stats {
  uint64_t taken;
  uint64_t lost;   /* dropped in the queue + dropped in the ring + lost while the registry was away */
  uint32_t queued; /* waiting to be taken */
  uint32_t held;   /* samples the program holds */
  uint32_t publishers;
} polybus_subscriber_stats;
POLYBUS_EXPORT int polybus_subscriber_get_stats(const polybus_subscriber *subscriber, polybus_subscriber_stats *out,
                                                polybus_error *err);

typedef struct polybus_sample_info {
  const void *data; /* the whole payload, read-only; 8-byte aligned */
  size_t size;
  uint64_t sequence;
  uint64_t publisher_id;
  uint64_t published_ns;           /* CLOCK_REALTIME */
  uint64_t published_monotonic_ns; /* CLOCK_MONOTONIC, for latencies */
  uint32_t publisher_pid;
  int32_t is_typed;
  const char *topic;
  /* The mapping the payload lies in: one long-lived block per publisher, unmapped only after its last sample. */
  const void *extent_base;
  uint64_t extent_bytes;
  uint64_t extent_id;     /* unique in this process; never used again */
  uint64_t schema_prefix; /* the first 8 bytes of its schema's fingerprint; 0: untyped */
} polybus_sample_info;
POLYBUS_EXPORT void polybus_sample_get_info(const polybus_sample *sample, polybus_sample_info *out);
/* What this message is read by: the subscriber's own schema, else the one it was published with. NULL if it has none. Lives as
 * long as the sample. */
POLYBUS_EXPORT polybus_schema *polybus_sample_schema(const polybus_sample *sample);
/* One more owner; each owner releases once, from any thread. The memory goes back with the last. */
POLYBUS_EXPORT polybus_sample *polybus_sample_retain(polybus_sample *sample);
POLYBUS_EXPORT void polybus_sample_release(polybus_sample *sample);

/* Keeps the mapping around a sample in place, not its message: for runtimes whose views cannot be taken back when the
 * sample is released (JavaScript). Such views then read whatever lies there, which is harmless, instead of nothing, which
 * is a fault. Memory is given back to the publisher as usual; only the address range waits. */
typedef struct polybus_extent polybus_extent;
POLYBUS_EXPORT polybus_extent *polybus_sample_keep_extent(const polybus_sample *sample);
/* 1: nobody else in this process uses the mapping any more, so that keeping it has no purpose but old views. */
POLYBUS_EXPORT int polybus_extent_is_left(const polybus_extent *extent);
POLYBUS_EXPORT void polybus_extent_release(polybus_extent *extent);

/* --------------------------------------------------------------------------------------------------------- regions */

typedef struct polybus_region polybus_region;

/* One named current value of at most `size_max` bytes, made or joined: write publishes, read gives the newest. The value
 * outlives its writer; a reader never sees half a value and never blocks a writer. */
POLYBUS_EXPORT int polybus_region_create(polybus_node *node, const char *name, size_t size_max, polybus_region **out,
                                         polybus_error *err);
POLYBUS_EXPORT int polybus_region_write(polybus_region *region, const void *data, size_t size, polybus_error *err);
/* Copies the newest value; POLYBUS_EMPTY before the first write. `size` gets the value's size, also when `capacity` is too
 * small (TOO_LARGE). */
POLYBUS_EXPORT int polybus_region_read(polybus_region *region, void *data, size_t capacity, size_t *size,
                                       polybus_error *err);
/* The newest value without a copy. */
POLYBUS_EXPORT int polybus_region_read_sample(polybus_region *region, polybus_sample **out, polybus_error *err);
POLYBUS_EXPORT void polybus_region_close(polybus_region *region);

/* ------------------------------------------------------------------------------------------------- watching the graph */

typedef struct polybus_watch polybus_watch;

/* Events from now on: topics, nodes and ends that come and go, and the registry itself. */
POLYBUS_EXPORT int polybus_watch_open(polybus_node *node, polybus_watch **out, polybus_error *err);
/* One event as JSON: {"event":"publisher_added","topic":…,"node":…,"pid":…}; also publisher_removed, subscriber_added,
 * subscriber_removed, node_added, node_removed, registry_lost, registry_back. POLYBUS_EMPTY after `timeout_ms`. */
POLYBUS_EXPORT int polybus_watch_next(polybus_watch *watch, int64_t timeout_ms, char **json, polybus_error *err);
POLYBUS_EXPORT int polybus_watch_fd(polybus_watch *watch, int *fd, polybus_error *err);
/* As polybus_subscriber_shutdown(). */
POLYBUS_EXPORT void polybus_watch_shutdown(polybus_watch *watch);
POLYBUS_EXPORT void polybus_watch_close(polybus_watch *watch);

#ifdef __cplusplus
}
#endif
#endif
