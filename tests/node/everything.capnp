@0xb7d4e1c9f0a35628;
# Every kind of field, for the tests of the npm package.

enum Level { debug @0; info @1; warn @2; }

struct Point { x @0 :Float64; y @1 :Float64 = 2.5; name @2 :Text; }

struct Empty {}

struct Everything {
  void @0 :Void;
  bool @1 :Bool;
  boolTrue @2 :Bool = true;
  int8 @3 :Int8 = -7;
  int16 @4 :Int16 = -30000;
  int32 @5 :Int32 = -70000;
  int64 @6 :Int64 = -5000000000;
  uint8 @7 :UInt8 = 200;
  uint16 @8 :UInt16 = 60000;
  uint32 @9 :UInt32 = 3000000001;
  uint64 @10 :UInt64 = 18000000000000000000;
  float32 @11 :Float32 = 1.5;
  float64 @12 :Float64 = -2.25;
  level @13 :Level = warn;
  text @14 :Text;
  textDefault @15 :Text = "héllo";
  data @16 :Data;
  dataDefault @17 :Data = 0x"01 02 ff";
  point @18 :Point;
  pointDefault @19 :Point = (x = 9, name = "origin");

  int8s @20 :List(Int8);
  int16s @21 :List(Int16);
  int32s @22 :List(Int32);
  int64s @23 :List(Int64);
  uint8s @24 :List(UInt8);
  uint16s @25 :List(UInt16);
  uint32s @26 :List(UInt32);
  uint64s @27 :List(UInt64);
  float32s @28 :List(Float32);
  float64s @29 :List(Float64);
  voids @30 :List(Void);
  bools @31 :List(Bool);
  levels @32 :List(Level);
  texts @33 :List(Text);
  datas @34 :List(Data);
  points @35 :List(Point);
  matrix @36 :List(List(Float32));
  grid @37 :List(List(Point));
  int32sDefault @38 :List(Int32) = [1, -2, 3];
  textsDefault @39 :List(Text) = ["a", "b"];
  empties @40 :List(Empty);

  place :group { room @41 :UInt16 = 3; label @42 :Text; }
  union { none @43 :Void; number @44 :Int64; word @45 :Text; where @46 :Point; }
  shape :union { circle @47 :Float32; square :group { side @48 :Float64; name @49 :Text; } }
  any @50 :AnyPointer;
  self @51 :Everything;
}

struct Plain64 { a @0 :Int64; b @1 :UInt64; c @2 :Int32; d @3 :Float64; e @4 :Float32; f @5 :Level; }

# Older and newer versions of one type.
struct Old { count @0 :UInt16; values @1 :List(UInt32); names @2 :List(Text); }
struct New {
  count @0 :UInt16;
  values @1 :List(Value);
  names @2 :List(Name);
  added @3 :Int32 = 42;
  addedText @4 :Text = "new";
  struct Value { value @0 :UInt32; unit @1 :Text; }
  struct Name { name @0 :Text; short @1 :Bool; }
}

# Fields with the names of methods.
struct Which { which @0 :UInt8; toObject @1 :Text; constructor @2 :Bool; init @3 :List(UInt8); has @4 :Int8; }

struct Hail { hail @0 :List(Stone); struct Stone { mm @0 :UInt8; at @1 :Point; } }

struct Chain { next @0 :Chain; }
