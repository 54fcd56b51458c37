// Requests: process → busd.
#include "discovery/protocol/words.hpp"

namespace polybus::discovery {
namespace {

using words::put;
using words::text;

void encode_advertise(control::Advertise::Builder to, const Advertise& from) {
  to.setEnd(from.end);
  to.setNode(from.node);
  to.setTopic(from.topic);
  to.setPublisherId(from.publisher_id);
  if (from.schema) put(to.initSchema(), *from.schema);
  to.setHistory(from.history);
  to.setExclusive(from.exclusive);
  to.setQuotaBytes(from.quota_bytes);
}

Advertise decode_advertise(control::Advertise::Reader from) {
  return {.end = from.getEnd(),
          .node = from.getNode(),
          .topic = text(from.getTopic()),
          .publisher_id = from.getPublisherId(),
          .schema = words::schema(from.hasSchema(), from.getSchema()),
          .history = from.getHistory(),
          .exclusive = from.getExclusive(),
          .quota_bytes = from.getQuotaBytes()};
}

void encode_subscribe(control::Subscribe::Builder to, const Subscribe& from) {
  to.setEnd(from.end);
  to.setNode(from.node);
  to.setTopic(from.topic);
  to.setSubscriberId(from.subscriber_id);
  if (from.schema) put(to.initSchema(), *from.schema);
  to.setQueueDepth(from.queue_depth);
  to.setHistory(from.history);
  to.setBlocking(from.blocking);
}

Subscribe decode_subscribe(control::Subscribe::Reader from) {
  return {.end = from.getEnd(),
          .node = from.getNode(),
          .topic = text(from.getTopic()),
          .subscriber_id = from.getSubscriberId(),
          .schema = words::schema(from.hasSchema(), from.getSchema()),
          .queue_depth = from.getQueueDepth(),
          .history = from.getHistory(),
          .blocking = from.getBlocking()};
}

void encode_body(control::Request::Builder to, const Request& request) {
  std::visit(words::Overloaded{
                 [&](const Join& body) {
                   auto join = to.initJoin();
                   join.setLibraryVersion(body.library_version);
                   join.setProtocol(body.protocol);
                   join.setLayoutHash(body.layout_hash);
                   join.setBus(body.bus);
                 },
                 [&](const AddNode& body) {
                   auto node = to.initAddNode();
                   node.setNode(body.node);
                   node.setName(body.name);
                   node.setLanguage(body.language);
                 },
                 [&](const RemoveNode& body) { to.setRemoveNode(body.node); },
                 [&](const Advertise& body) { encode_advertise(to.initAdvertise(), body); },
                 [&](const Subscribe& body) { encode_subscribe(to.initSubscribe(), body); },
                 [&](const ClosePublisher& body) { to.setClosePublisher(body.end); },
                 [&](const CloseSubscriber& body) { to.setCloseSubscriber(body.end); },
                 [&](const Connected& body) {
                   auto connected = to.initConnected();
                   connected.setConnection(body.connection);
                   if (body.failure) put(connected.initFailure(), *body.failure);
                 },
                 [&](const Attached& body) {
                   auto attached = to.initAttached();
                   attached.setConnection(body.connection);
                   attached.setAttached(body.attached);
                 },
                 [&](const Detached& body) { to.setDetached(body.connection); },
                 [&](const ConnectionClosed& body) { to.setConnectionClosed(body.connection); },
                 [&](const ExtentUnmapped& body) {
                   auto unmapped = to.initExtentUnmapped();
                   unmapped.setExtent(body.extent);
                   unmapped.setTicket(body.ticket);
                 },
                 [&](const GiveWakeFd& body) { to.setWakeFd(body.end); },
                 [&](const AskGraph&) { to.setGraph(); },
                 [&](const AskTopicSchema& body) { to.setTopicSchema(body.topic); },
                 [&](const AskSchema& body) { to.setSchema(body.fingerprint); },
                 [&](const SetWatch& body) { to.setWatch(body.on); },
                 [&](const Leave&) { to.setLeave(); },
             },
             request.body);
}

decltype(Request::body) decode_body(control::Request::Reader from) {
  using Kind = control::Request::Which;
  switch (from.which()) {
    case Kind::JOIN: {
      const auto join = from.getJoin();
      return Join{text(join.getLibraryVersion()), join.getProtocol(), join.getLayoutHash(), text(join.getBus())};
    }
    case Kind::ADD_NODE: {
      const auto node = from.getAddNode();
      return AddNode{node.getNode(), text(node.getName()), text(node.getLanguage())};
    }
    case Kind::REMOVE_NODE: return RemoveNode{from.getRemoveNode()};
    case Kind::ADVERTISE: return decode_advertise(from.getAdvertise());
    case Kind::SUBSCRIBE: return decode_subscribe(from.getSubscribe());
    case Kind::CLOSE_PUBLISHER: return ClosePublisher{from.getClosePublisher()};
    case Kind::CLOSE_SUBSCRIBER: return CloseSubscriber{from.getCloseSubscriber()};
    case Kind::CONNECTED: {
      const auto connected = from.getConnected();
      Connected body{connected.getConnection(), std::nullopt};
      if (connected.hasFailure()) body.failure = words::failure(connected.getFailure());
      return body;
    }
    case Kind::ATTACHED: return Attached{from.getAttached().getConnection(), from.getAttached().getAttached()};
    case Kind::DETACHED: return Detached{from.getDetached()};
    case Kind::CONNECTION_CLOSED: return ConnectionClosed{from.getConnectionClosed()};
    case Kind::EXTENT_UNMAPPED:
      return ExtentUnmapped{from.getExtentUnmapped().getExtent(), from.getExtentUnmapped().getTicket()};
    case Kind::WAKE_FD: return GiveWakeFd{from.getWakeFd()};
    case Kind::GRAPH: return AskGraph{};
    case Kind::TOPIC_SCHEMA: return AskTopicSchema{text(from.getTopicSchema())};
    case Kind::SCHEMA: return AskSchema{text(from.getSchema())};
    case Kind::WATCH: return SetWatch{from.getWatch()};
    case Kind::LEAVE: return Leave{};
  }
  throw ProtocolError("an unknown request");
}

}  // namespace

uint32_t protocol_version() noexcept { return control::PROTOCOL_VERSION; }

Frame encode(const Request& request) {
  capnp::MallocMessageBuilder message(128);
  auto root = message.initRoot<control::Request>();
  root.setId(request.id);
  root.setDescriptors(static_cast<uint8_t>(request.fds.size()));
  encode_body(root, request);
  return words::to_frame(message, request.fds);
}

Request decode_request(std::span<const std::byte> bytes, FrameReader& reader) {
  size_t descriptors = 0;
  Request request = words::decode<control::Request>(bytes, [&](control::Request::Reader root) {
    descriptors = root.getDescriptors();
    return Request{root.getId(), decode_body(root), {}};
  });
  request.fds = reader.take_fds(descriptors);
  return request;
}

}  // namespace polybus::discovery
