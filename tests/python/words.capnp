@0xd4f1c2b3a5968770;
# What the Python tests write and read: every kind of field at least once.

using Other = import "other.capnp";

enum Level { low @0; mid @1; high @2; }

struct Pose {
  x @0 :Float64;
  y @1 :Float64;
  label @2 :Text = "origin";
}

struct Hail {
  mm @0 :UInt8;
  at @1 :UInt32;
  name @2 :Text;
}

struct Everything {
  void @0 :Void;
  ok @1 :Bool = true;
  i8 @2 :Int8;
  i16 @3 :Int16;
  i32 @4 :Int32 = -7;
  i64 @5 :Int64;
  u8 @6 :UInt8;
  u16 @7 :UInt16;
  u32 @8 :UInt32;
  u64 @9 :UInt64;
  f32 @10 :Float32;
  f64 @11 :Float64 = 0.5;
  level @12 :Level = mid;
  text @13 :Text;
  blob @14 :Data;
  pose @15 :Pose;
  accel @16 :List(Float64);
  pixels @17 :List(UInt8);
  counts @18 :List(Int64);
  flags @19 :List(Bool);
  levels @20 :List(Level);
  tags @21 :List(Text);
  blobs @22 :List(Data);
  hail @23 :List(Hail);
  matrix @24 :List(List(Float32));
  shape :union {
    none @25 :Void;
    circle @26 :Float32;
    square :group { a @27 :Float32; b @28 :Text; }
    poly @29 :List(Pose);
  }
  size :group { w @30 :UInt16; h @31 :UInt16; }
  union { one @32 :Int32; two @33 :Text; three @34 :Pose; }
  inner @35 :Inner;
  other @36 :Other.Far;
  greeting @37 :Text = "hello";
  primes @38 :List(Int32) = [2, 3, 5];
  start @39 :Pose = (x = 1, y = 2);
  nothings @40 :List(Void);
  any @41 :AnyPointer;

  struct Inner {
    value @0 :Int32;
    struct Deeper { value @0 :Text; }
  }
}

struct Imu {
  stampNs @0 :Int64;
  frameId @1 :Text;
  accel @2 :List(Float64);
  pixels @3 :List(UInt8);
}

# Names that are methods as well.
struct Names { which @0 :Text; toDict @1 :Int32; init @2 :UInt8; data @3 :Bool; }

# One more field than an older writer has.
struct Old @0xa0b1c2d3e4f50617 { a @0 :Int32; }
