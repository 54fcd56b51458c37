# All that subscribers of the conformance table bring: the type that some of its AnyPointers hold, which no schema on the bus can say.
@0xb9c1d6f0a4e2873d;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("conformance_point");

struct Point {
  x @0 :Int32;
  y @1 :Float64;
  label @2 :Text;
}
