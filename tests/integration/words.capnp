@0xd2a8c0f4b1e36a57;
# Messages of the integration tests.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("words");

enum Mood { calm @0; busy @1; upset @2; }

struct Point { x @0 :Float64; y @1 :Float64; }

struct Reading {
  number @0 :UInt64;
  frameId @1 :Text;
  values @2 :List(Float64);
  pixels @3 :Data;
  mood @4 :Mood;
  points @5 :List(Point);
  level @6 :Int32 = 7;
}

# A reading of somebody who did not look: same name in spirit, other types.
struct Misreading {
  number @0 :Text;
  frameId @1 :UInt64;
}
