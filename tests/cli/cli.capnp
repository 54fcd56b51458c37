@0x9f3be2d4a7c15608;

struct Reading {
  stamp @0 :UInt64;
  value @1 :Float64;
  level @2 :Level;
  label @3 :Text;
  values @4 :List(Float32);
  blob @5 :Data;
  pose @6 :Pose;

  enum Level { ok @0; warn @1; }
}

struct Pose {
  x @0 :Float64;
  names @1 :List(Text);
}
