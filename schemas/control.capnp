@0xf6b639181d6d3d8f;
# What busd and the processes of its bus say to each other, over a Unix stream socket in standard stream framing.
#
#   process → busd   Request      busd → process   Notice (a reply to a request, or an event)
#
# File descriptors travel by SCM_RIGHTS with the first byte of their message; `descriptors` says how many. Offsets are in the
# bus's window, numbers of ends, nodes and requests are the process's own, all others are busd's and never used twice.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("polybus::control");

# Raised by a change that an older side cannot ignore. Join, Reply.failure and Failure never change, so that two versions
# that cannot talk can still say so.
const protocolVersion :UInt32 = 1;

struct Failure {
  code @0 :Int32;  # polybus_code
  message @1 :Text;
}

struct Schema {
  fingerprint @0 :Text;  # 64 hexadecimal digits
  typeName @1 :Text;
  bundle @2 :Data;  # empty: it was sent over this socket before
}

struct Extent {
  id @0 :UInt64;
  offset @1 :UInt64;
  bytes @2 :UInt64;
  ticket @3 :UInt64;  # of this handing over; see ExtentUnmapped
}

struct Request {
  id @0 :UInt64;  # of the reply; 0: none wanted
  descriptors @1 :UInt8;
  union {
    join @2 :Join;
    addNode @3 :AddNode;
    removeNode @4 :UInt64;
    advertise @5 :Advertise;
    subscribe @6 :Subscribe;
    closePublisher @7 :UInt64;
    closeSubscriber @8 :UInt64;
    connected @9 :Connected;
    attached @10 :Attached;
    detached @11 :UInt64;
    connectionClosed @12 :UInt64;
    extentUnmapped @13 :ExtentUnmapped;
    wakeFd @14 :UInt64;  # a subscriber's eventfd: one descriptor
    graph @15 :Void;
    topicSchema @16 :Text;
    watch @17 :Bool;
    leave @18 :Void;  # nothing of the bus is used any more
    schema @19 :Text;  # by its fingerprint, whichever topic has it
  }
}

struct Join {
  libraryVersion @0 :Text;
  protocol @1 :UInt32;
  layoutHash @2 :UInt64;  # of what lies in shared memory
  bus @3 :Text;           # empty: whichever is there
}

struct AddNode {
  node @0 :UInt64;
  name @1 :Text;
  language @2 :Text;
}

struct Advertise {
  end @0 :UInt64;
  node @1 :UInt64;
  topic @2 :Text;
  publisherId @3 :UInt64;  # random, kept over restarts of busd
  schema @4 :Schema;       # null: untyped
  history @5 :UInt32;
  exclusive @6 :Bool;
  quotaBytes @7 :UInt64;
}

struct Subscribe {
  end @0 :UInt64;
  node @1 :UInt64;
  topic @2 :Text;
  subscriberId @3 :UInt64;
  schema @4 :Schema;  # null: any
  queueDepth @5 :UInt32;
  history @6 :UInt32;  # kept values wanted
  blocking @7 :Bool;
}

struct Connected {
  connection @0 :UInt64;
  failure @1 :Failure;  # null: it is
}

struct Attached {
  connection @0 :UInt64;
  attached @1 :Bool;  # false: the publisher was closed before
}

struct ExtentUnmapped {
  extent @0 :UInt64;
  ticket @1 :UInt64;  # of the latest handing over the process had seen; if another one is on its way this is no news
}

struct Notice {
  descriptors @0 :UInt8;
  union {
    reply @1 :Reply;
    event @2 :Event;
  }
}

struct Reply {
  id @0 :UInt64;
  union {
    failure @1 :Failure;
    done @2 :Void;
    joined @3 :Joined;
    placed @4 :Placed;
    subscribed @5 :Subscribed;
    graph @6 :Graph;
    schema @7 :Schema;  # null: untyped, or no such topic
  }
}

struct Joined {  # two descriptors: book, counter file
  libraryVersion @0 :Text;
  instance @1 :UInt64;  # random, of this run of busd
  bus @2 :Text;
  busdPid @3 :UInt32;
}

struct Placed {  # one descriptor: the publisher's extent
  extent @0 :Extent;
  block @1 :UInt64;
  statSlot @2 :UInt32;
  settled @3 :Bool;  # no event `settled` follows: nobody is to be connected
}

struct Subscribed {
  block @0 :UInt64;
  statSlot @1 :UInt32;
  settled @2 :Bool;
  topicSchema @3 :Schema;  # null: none yet
}

struct Event {
  union {
    connect @0 :Connect;
    attach @1 :Attach;
    detach @2 :ConnectionOfEnd;
    publisherGone @3 :ConnectionOfEnd;
    wakeFd @4 :ConnectionOfEnd;  # one descriptor: the subscriber's eventfd
    settled @5 :UInt64;          # end: everybody who was there when it came is connected
    graph @6 :GraphEvent;
  }
}

struct ConnectionOfEnd {
  connection @0 :UInt64;
  end @1 :UInt64;
}

struct Connect {  # to the subscriber's process; one descriptor: the extent
  connection @0 :UInt64;
  end @1 :UInt64;
  block @2 :UInt64;
  readyIndex @3 :UInt32;
  extent @4 :Extent;
  publisherId @5 :UInt64;
  pid @6 :UInt32;
  node @7 :Text;
  schema @8 :Schema;  # null: untyped
}

struct Attach {  # to the publisher's process; one descriptor or none: the subscriber's eventfd
  connection @0 :UInt64;
  end @1 :UInt64;
  block @2 :UInt64;
  subscriberBlock @3 :UInt64;
  history @4 :UInt32;  # of its kept values to push first
  pid @5 :UInt32;
  node @6 :Text;
  keptUntil @7 :UInt64;  # the newest sequence that choice knew: values kept since then are pushed too
}

struct Graph {
  bus @0 :Text;
  busdPid @1 :UInt32;
  nodes @2 :List(Node);
  topics @3 :List(Topic);
  connections @4 :List(Connection);

  struct Node {
    name @0 :Text;
    language @1 :Text;
    pid @2 :UInt32;
  }
  struct Topic {
    name @0 :Text;
    typeName @1 :Text;
    fingerprint @2 :Text;
    keptValues @3 :UInt32;  # of publishers that are gone
    ends @4 :List(End);
    versions @5 :List(Version);  # the schemas of its ends, oldest first
  }
  struct Version {
    number @0 :UInt32;
    typeName @1 :Text;
    fingerprint @2 :Text;
    publishers @3 :UInt32;  # that have it now
    subscribers @4 :UInt32;
    keptPublishers @5 :UInt32;  # that are gone, but not their kept values
  }
  struct End {
    node @0 :Text;
    language @1 :Text;
    pid @2 :UInt32;
    id @3 :UInt64;
    isPublisher @4 :Bool;
    statSlot @5 :UInt32;
    history @6 :UInt32;
    queueDepth @7 :UInt32;
    blocking @8 :Bool;
    exclusive @9 :Bool;
    lost @10 :UInt64;     # subscriber
    waiting @11 :UInt64;  # subscriber
  }
  struct Connection {
    publisherId @0 :UInt64;
    subscriberId @1 :UInt64;
  }
}

struct GraphEvent {
  event @0 :Text;
  topic @1 :Text;
  node @2 :Text;
  typeName @3 :Text;
  pid @4 :UInt32;
}
