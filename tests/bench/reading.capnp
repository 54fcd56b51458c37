@0xb1f0c5d3a9e84f27;

# The message of the decoding benchmarks: seven fields, as a sensor might send them.
struct Reading {
  stampNs @0 :Int64;
  sequence @1 :UInt64;
  name @2 :Text;
  x @3 :Float64;
  y @4 :Float64;
  z @5 :Float64;
  values @6 :List(Float64);  # sixteen
}
