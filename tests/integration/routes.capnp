@0xd4f1c2b3a596877b;
# Messages, mismatches and constants of the C interface's tests of schemas.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("routes");

const speedLimit :Float64 = 1.5;
const greeting :Text = "grüße";

struct Pose { x @0 :Float64; y @1 :Float64; }

struct Route {
  const longest :UInt32 = 4000;
  const home :Pose = (x = 1, y = -2);
  title @0 :Text;
  goal @1 :Pose;
  stops @2 :List(Pose);
  marks @3 :List(UInt16);
  names @4 :List(Text);
}

struct OtherPose { x @0 :Float64; y @1 :Text; }
struct OtherRoute { title @0 :Text; goal @1 :OtherPose; }
