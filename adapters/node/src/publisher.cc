// Publishers.
#include <cstring>

#include "args.hpp"
#include "box.hpp"
#include "exports.hpp"

namespace polybus_js {
namespace {

using PublisherBox = Box<polybus_publisher>;

// (node, topic, schema or null, history, exclusive, quota in bytes or undefined)
Napi::Value open(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  polybus_node* node = Box<polybus_node>::in(info).get(env);
  const std::string topic = text_at(info, 1);
  const polybus_schema* schema = is_given(info, 2) ? Box<polybus_schema>::in(info, 2).get(env) : nullptr;
  polybus_publisher_options options;
  polybus_publisher_options_init(&options);
  options.history = static_cast<uint32_t>(int_at(info, 3));
  options.exclusive = info[4].As<Napi::Boolean>().Value() ? 1 : 0;
  // A publish on this thread never waits, whatever the publisher's timeout: that one is publishAsync()'s.
  options.timeout_ms = 0;
  if (is_given(info, 5)) options.quota_bytes = static_cast<uint64_t>(number_at(info, 5));
  polybus_error error{};
  polybus_publisher* publisher = nullptr;
  check(env, polybus_publisher_open(node, topic.c_str(), schema, &options, &publisher, &error), error);
  return PublisherBox::wrap(env, publisher, polybus_publisher_close);
}

Napi::Value close(const Napi::CallbackInfo& info) {
  PublisherBox::in(info).close();
  return info.Env().Undefined();
}

Napi::Value publish_from(const Napi::CallbackInfo& info, const void* data, size_t size) {
  polybus_publisher* publisher = PublisherBox::in(info).get(info.Env());
  uint64_t sequence = 0;
  polybus_error error{};
  check(info.Env(), polybus_publisher_publish(publisher, data, size, &sequence, &error), error);
  return big(info.Env(), sequence);
}

Napi::Value publish(const Napi::CallbackInfo& info) {
  const Bytes bytes = bytes_at(info, 1);
  return publish_from(info, bytes.data, bytes.size);
}

// (publisher, size): what lies at the begin of the scratch memory.
Napi::Value publish_scratch(const Napi::CallbackInfo& info) {
  return publish_from(info, Addon::of(info.Env()).scratch_data, static_cast<size_t>(number_at(info, 1)));
}

Napi::Value stats(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  polybus_publisher_stats stats{};
  polybus_error error{};
  check(env, polybus_publisher_get_stats(PublisherBox::in(info).get(env), &stats, &error), error);
  Napi::Object result = Napi::Object::New(env);
  result.Set("seq", big(env, stats.sequence));
  result.Set("bytes", big(env, stats.bytes));
  result.Set("subscribers", stats.subscribers);
  result.Set("loans", stats.loans);
  result.Set("memoryBytes", static_cast<double>(stats.memory_bytes));
  result.Set("quotaBytes", static_cast<double>(stats.quota_bytes));
  return result;
}

}  // namespace

void export_publishers(Napi::Env env, Napi::Object exports) {
  add(env, exports, "publisherOpen", open);
  add(env, exports, "publisherClose", close);
  add(env, exports, "publisherPublish", publish);
  add(env, exports, "publisherPublishScratch", publish_scratch);
  add(env, exports, "publisherStats", stats);
}

}  // namespace polybus_js
