@0xd2a8c0f4b1e36a58;
# One type at two times: programs that know either of them share a topic.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("evolution");

struct Older {
  number @0 :UInt64;
  place @1 :Place;
  state @2 :State;
  union {
    none @3 :Void;
    count @4 :UInt32;
  }
  struct Place { x @0 :Float32; }
  enum State { calm @0; busy @1; }
}

struct Newer {
  number @0 :UInt64;
  place @1 :Place;
  state @2 :State;
  union {
    none @3 :Void;
    count @4 :UInt32;
    remark @6 :Text;
  }
  level @5 :Int32 = 7;
  values @7 :List(UInt16);
  struct Place { x @0 :Float32; y @1 :Float32 = 0.5; }
  enum State { calm @0; busy @1; upset @2; }
}
