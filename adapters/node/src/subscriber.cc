// Subscribers.
#include <algorithm>

#include "args.hpp"
#include "box.hpp"
#include "exports.hpp"

namespace polybus_js {
namespace {

using SubscriberBox = Box<polybus_subscriber>;

// (node, topic, schema or null, queue, history or -1, block)
Napi::Value open(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  polybus_node* node = Box<polybus_node>::in(info).get(env);
  const std::string topic = text_at(info, 1);
  const polybus_schema* schema = is_given(info, 2) ? Box<polybus_schema>::in(info, 2).get(env) : nullptr;
  polybus_subscriber_options options;
  polybus_subscriber_options_init(&options);
  options.queue = static_cast<uint32_t>(int_at(info, 3));
  options.history = int_at(info, 4);
  options.overflow = info[5].As<Napi::Boolean>().Value() ? POLYBUS_BLOCK : POLYBUS_DROP_OLDEST;
  options.wants_fd = 1;  // there is no other way to wait here
  polybus_error error{};
  polybus_subscriber* subscriber = nullptr;
  check(env, polybus_subscriber_open(node, topic.c_str(), schema, &options, &subscriber, &error), error);
  return SubscriberBox::wrap(env, subscriber, polybus_subscriber_close);
}

Napi::Value close(const Napi::CallbackInfo& info) {
  SubscriberBox::in(info).close();
  return info.Env().Undefined();
}

void put(Addon& addon, size_t index, polybus_sample* sample) {
  addon.records.put(index, static_cast<double>(addon.samples.add(sample)), sample);
}

// True: a sample is in the first record.
Napi::Value take(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  polybus_error error{};
  polybus_sample* sample = nullptr;
  const bool found =
      check_found(env, polybus_subscriber_take(SubscriberBox::in(info).get(env), 0, &sample, &error), error);
  if (found) put(Addon::of(env), 0, sample);
  return Napi::Boolean::New(env, found);
}

// How many samples are in the records.
Napi::Value take_many(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Addon& addon = Addon::of(env);
  polybus_sample* samples[Records::kCount];
  size_t count = 0;
  polybus_error error{};
  const int code =
      polybus_subscriber_take_many(SubscriberBox::in(info).get(env), samples, Records::kCount, &count, &error);
  if (!check_found(env, code, error)) count = 0;
  for (size_t i = 0; i < count; ++i) put(addon, i, samples[i]);
  return Napi::Number::New(env, static_cast<double>(count));
}

Napi::Value latest(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  polybus_error error{};
  polybus_sample* sample = nullptr;
  const bool found =
      check_found(env, polybus_subscriber_latest(SubscriberBox::in(info).get(env), &sample, &error), error);
  if (found) put(Addon::of(env), 0, sample);
  return Napi::Boolean::New(env, found);
}

Napi::Value schema(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  polybus_error error{};
  polybus_schema* found = nullptr;
  if (!check_found(env, polybus_subscriber_schema(SubscriberBox::in(info).get(env), &found, &error), error))
    return env.Null();
  return Box<polybus_schema>::wrap(env, found, polybus_schema_release);
}

Napi::Value stats(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  polybus_subscriber_stats stats{};
  polybus_error error{};
  check(env, polybus_subscriber_get_stats(SubscriberBox::in(info).get(env), &stats, &error), error);
  Napi::Object result = Napi::Object::New(env);
  result.Set("taken", big(env, stats.taken));
  result.Set("lost", big(env, stats.lost));
  result.Set("queued", stats.queued);
  result.Set("held", stats.held);
  result.Set("publishers", stats.publishers);
  return result;
}

}  // namespace

void export_subscribers(Napi::Env env, Napi::Object exports) {
  add(env, exports, "subscriberOpen", open);
  add(env, exports, "subscriberClose", close);
  add(env, exports, "subscriberTake", take);
  add(env, exports, "subscriberTakeMany", take_many);
  add(env, exports, "subscriberLatest", latest);
  add(env, exports, "subscriberSchema", schema);
  add(env, exports, "subscriberStats", stats);
}

}  // namespace polybus_js
