// The few functions of libuv that are needed to wait for a descriptor. npm's node-api-headers has no uv.h; Node's binary
// exports these, and libuv keeps them stable within its major version 1. Handles are opaque here: their sizes are asked for.
#pragma once

#include <cstddef>

extern "C" {
using uv_loop_t = struct uv_loop_s;
struct uv_handle_s;  // any handle
constexpr int kUvReadable = 1;
constexpr int kUvPoll = 8;  // uv_handle_type: checked against uv_handle_type_name()

size_t uv_handle_size(int type);
const char* uv_handle_type_name(int type);
void* uv_handle_get_data(const uv_handle_s* handle);
void uv_handle_set_data(uv_handle_s* handle, void* data);
int uv_poll_init(uv_loop_t* loop, uv_handle_s* handle, int fd);
int uv_poll_start(uv_handle_s* handle, int events, void (*on_ready)(uv_handle_s* handle, int status, int events));
int uv_poll_stop(uv_handle_s* handle);
void uv_close(uv_handle_s* handle, void (*on_closed)(uv_handle_s* handle));
void uv_ref(uv_handle_s* handle);
void uv_unref(uv_handle_s* handle);
const char* uv_strerror(int error);
}
