// Notices: busd → process.
#include "discovery/protocol/words.hpp"

namespace polybus::discovery {
namespace {

using words::put;
using words::text;

void encode_graph(control::Graph::Builder to, const Graph& from) {
  to.setBus(from.bus);
  to.setBusdPid(from.busd_pid);
  auto nodes = to.initNodes(from.nodes.size());
  for (unsigned i = 0; i < nodes.size(); ++i) {
    nodes[i].setName(from.nodes[i].node);
    nodes[i].setLanguage(from.nodes[i].language);
    nodes[i].setPid(from.nodes[i].pid);
  }
  auto topics = to.initTopics(from.topics.size());
  for (unsigned i = 0; i < topics.size(); ++i) {
    const GraphTopic& topic = from.topics[i];
    topics[i].setName(topic.topic);
    topics[i].setTypeName(topic.type_name);
    topics[i].setFingerprint(topic.fingerprint);
    topics[i].setKeptValues(topic.kept_values);
    auto versions = topics[i].initVersions(topic.versions.size());
    for (unsigned j = 0; j < versions.size(); ++j) {
      const GraphVersion& version = topic.versions[j];
      versions[j].setNumber(version.number);
      versions[j].setTypeName(version.type_name);
      versions[j].setFingerprint(version.fingerprint);
      versions[j].setPublishers(version.publishers);
      versions[j].setSubscribers(version.subscribers);
      versions[j].setKeptPublishers(version.kept_publishers);
    }
    auto ends = topics[i].initEnds(topic.ends.size());
    for (unsigned j = 0; j < ends.size(); ++j) {
      const GraphEnd& end = topic.ends[j];
      ends[j].setNode(end.node);
      ends[j].setLanguage(end.language);
      ends[j].setPid(end.pid);
      ends[j].setId(end.id);
      ends[j].setIsPublisher(end.is_publisher);
      ends[j].setStatSlot(end.stat_slot);
      ends[j].setHistory(end.history);
      ends[j].setQueueDepth(end.queue_depth);
      ends[j].setBlocking(end.blocking);
      ends[j].setExclusive(end.exclusive);
      ends[j].setLost(end.lost);
      ends[j].setWaiting(end.waiting);
    }
  }
  auto connections = to.initConnections(from.connections.size());
  for (unsigned i = 0; i < connections.size(); ++i) {
    connections[i].setPublisherId(from.connections[i].publisher_id);
    connections[i].setSubscriberId(from.connections[i].subscriber_id);
  }
}

GraphEnd decode_end(control::Graph::End::Reader from) {
  return {.node = text(from.getNode()),
          .language = text(from.getLanguage()),
          .pid = from.getPid(),
          .id = from.getId(),
          .is_publisher = from.getIsPublisher(),
          .stat_slot = from.getStatSlot(),
          .history = from.getHistory(),
          .queue_depth = from.getQueueDepth(),
          .blocking = from.getBlocking(),
          .exclusive = from.getExclusive(),
          .lost = from.getLost(),
          .waiting = from.getWaiting()};
}

Graph decode_graph(control::Graph::Reader from) {
  Graph graph{.bus = text(from.getBus()), .busd_pid = from.getBusdPid(), .nodes = {}, .topics = {}, .connections = {}};
  for (const auto node : from.getNodes())
    graph.nodes.push_back({text(node.getName()), text(node.getLanguage()), node.getPid()});
  for (const auto topic : from.getTopics()) {
    GraphTopic& entry = graph.topics.emplace_back();
    entry.topic = text(topic.getName());
    entry.type_name = text(topic.getTypeName());
    entry.fingerprint = text(topic.getFingerprint());
    entry.kept_values = topic.getKeptValues();
    for (const auto version : topic.getVersions())
      entry.versions.push_back({version.getNumber(), text(version.getTypeName()), text(version.getFingerprint()),
                                version.getPublishers(), version.getSubscribers(), version.getKeptPublishers()});
    for (const auto end : topic.getEnds()) entry.ends.push_back(decode_end(end));
  }
  for (const auto connection : from.getConnections())
    graph.connections.push_back({connection.getPublisherId(), connection.getSubscriberId()});
  return graph;
}

void encode_reply(control::Reply::Builder to, const Reply& reply) {
  to.setId(reply.id);
  std::visit(words::Overloaded{
                 [&](const Failure& body) { put(to.initFailure(), body); },
                 [&](const Done&) { to.setDone(); },
                 [&](const Joined& body) {
                   auto joined = to.initJoined();
                   joined.setLibraryVersion(body.library_version);
                   joined.setInstance(body.instance);
                   joined.setBus(body.bus);
                   joined.setBusdPid(body.busd_pid);
                 },
                 [&](const Placed& body) {
                   auto placed = to.initPlaced();
                   put(placed.initExtent(), body.extent);
                   placed.setBlock(body.block);
                   placed.setStatSlot(body.stat_slot);
                   placed.setSettled(body.settled);
                 },
                 [&](const Subscribed& body) {
                   auto subscribed = to.initSubscribed();
                   subscribed.setBlock(body.block);
                   subscribed.setStatSlot(body.stat_slot);
                   subscribed.setSettled(body.settled);
                   if (body.topic_schema) put(subscribed.initTopicSchema(), *body.topic_schema);
                 },
                 [&](const Graph& body) { encode_graph(to.initGraph(), body); },
                 [&](const TopicSchema& body) {
                   if (body.schema)
                     put(to.initSchema(), *body.schema);
                   else
                     to.adoptSchema({});
                 },
             },
             reply.body);
}

decltype(Reply::body) decode_reply(control::Reply::Reader from) {
  using Kind = control::Reply::Which;
  switch (from.which()) {
    case Kind::FAILURE: return words::failure(from.getFailure());
    case Kind::DONE: return Done{};
    case Kind::JOINED: {
      const auto joined = from.getJoined();
      return Joined{text(joined.getLibraryVersion()), joined.getInstance(), text(joined.getBus()), joined.getBusdPid()};
    }
    case Kind::PLACED: {
      const auto placed = from.getPlaced();
      return Placed{words::extent(placed.getExtent()), placed.getBlock(), placed.getStatSlot(), placed.getSettled()};
    }
    case Kind::SUBSCRIBED: {
      const auto subscribed = from.getSubscribed();
      return Subscribed{subscribed.getBlock(), subscribed.getStatSlot(), subscribed.getSettled(),
                        words::schema(subscribed.hasTopicSchema(), subscribed.getTopicSchema())};
    }
    case Kind::GRAPH: return decode_graph(from.getGraph());
    case Kind::SCHEMA: return TopicSchema{words::schema(from.hasSchema(), from.getSchema())};
  }
  throw ProtocolError("an unknown reply");
}

void put(control::ConnectionOfEnd::Builder to, uint64_t connection, uint64_t end) {
  to.setConnection(connection);
  to.setEnd(end);
}

void encode_connect(control::Connect::Builder to, const Connect& from) {
  to.setConnection(from.connection);
  to.setEnd(from.end);
  to.setBlock(from.block);
  to.setReadyIndex(from.ready_index);
  put(to.initExtent(), from.extent);
  to.setPublisherId(from.publisher_id);
  to.setPid(from.pid);
  to.setNode(from.node);
  if (from.schema) put(to.initSchema(), *from.schema);
}

void encode_attach(control::Attach::Builder to, const Attach& from) {
  to.setConnection(from.connection);
  to.setEnd(from.end);
  to.setBlock(from.block);
  to.setSubscriberBlock(from.subscriber_block);
  to.setHistory(from.history);
  to.setKeptUntil(from.kept_until);
  to.setPid(from.pid);
  to.setNode(from.node);
}

void encode_event(control::Event::Builder to, const Event& event) {
  std::visit(words::Overloaded{
                 [&](const Connect& body) { encode_connect(to.initConnect(), body); },
                 [&](const Attach& body) { encode_attach(to.initAttach(), body); },
                 [&](const Detach& body) { put(to.initDetach(), body.connection, body.end); },
                 [&](const PublisherGone& body) { put(to.initPublisherGone(), body.connection, body.end); },
                 [&](const TakeWakeFd& body) { put(to.initWakeFd(), body.connection, body.end); },
                 [&](const Settled& body) { to.setSettled(body.end); },
                 [&](const GraphEvent& body) {
                   auto graph = to.initGraph();
                   graph.setEvent(body.event);
                   graph.setTopic(body.topic);
                   graph.setNode(body.node);
                   graph.setTypeName(body.type_name);
                   graph.setPid(body.pid);
                 },
             },
             event);
}

Event decode_event(control::Event::Reader from) {
  using Kind = control::Event::Which;
  switch (from.which()) {
    case Kind::CONNECT: {
      const auto connect = from.getConnect();
      return Connect{.connection = connect.getConnection(),
                     .end = connect.getEnd(),
                     .block = connect.getBlock(),
                     .ready_index = connect.getReadyIndex(),
                     .extent = words::extent(connect.getExtent()),
                     .publisher_id = connect.getPublisherId(),
                     .pid = connect.getPid(),
                     .node = text(connect.getNode()),
                     .schema = words::schema(connect.hasSchema(), connect.getSchema())};
    }
    case Kind::ATTACH: {
      const auto attach = from.getAttach();
      return Attach{.connection = attach.getConnection(),
                    .end = attach.getEnd(),
                    .block = attach.getBlock(),
                    .subscriber_block = attach.getSubscriberBlock(),
                    .history = attach.getHistory(),
                    .kept_until = attach.getKeptUntil(),
                    .pid = attach.getPid(),
                    .node = text(attach.getNode())};
    }
    case Kind::DETACH: return Detach{from.getDetach().getConnection(), from.getDetach().getEnd()};
    case Kind::PUBLISHER_GONE:
      return PublisherGone{from.getPublisherGone().getConnection(), from.getPublisherGone().getEnd()};
    case Kind::WAKE_FD: return TakeWakeFd{from.getWakeFd().getConnection(), from.getWakeFd().getEnd()};
    case Kind::SETTLED: return Settled{from.getSettled()};
    case Kind::GRAPH: {
      const auto graph = from.getGraph();
      return GraphEvent{text(graph.getEvent()), text(graph.getTopic()), text(graph.getNode()),
                        text(graph.getTypeName()), graph.getPid()};
    }
  }
  throw ProtocolError("an unknown event");
}

}  // namespace

Frame encode(const Notice& notice) {
  capnp::MallocMessageBuilder message(128);
  auto root = message.initRoot<control::Notice>();
  root.setDescriptors(static_cast<uint8_t>(notice.fds.size()));
  if (const auto* reply = std::get_if<Reply>(&notice.body))
    encode_reply(root.initReply(), *reply);
  else
    encode_event(root.initEvent(), std::get<Event>(notice.body));
  return words::to_frame(message, notice.fds);
}

Notice decode_notice(std::span<const std::byte> bytes, FrameReader& reader) {
  size_t descriptors = 0;
  Notice notice = words::decode<control::Notice>(bytes, [&](control::Notice::Reader root) {
    descriptors = root.getDescriptors();
    if (root.isReply()) return Notice{Reply{root.getReply().getId(), decode_reply(root.getReply())}, {}};
    if (root.isEvent()) return Notice{decode_event(root.getEvent()), {}};
    throw ProtocolError("an unknown notice");
  });
  notice.fds = reader.take_fds(descriptors);
  return notice;
}

}  // namespace polybus::discovery
