@0xe5b2a7c8d1f03946;
# Every kind of field there is, for the messages that all languages send to each other. See cases.json.

enum Color {
  red @0;
  green @1;
  blue @2;
}

struct Point {
  x @0 :Int32;
  y @1 :Float64;
  label @2 :Text;
}

struct Everything {
  name @0 :Text;  # of the case

  bool @1 :Bool;
  int8 @2 :Int8;
  int16 @3 :Int16;
  int32 @4 :Int32;
  int64 @5 :Int64;
  uint8 @6 :UInt8;
  uint16 @7 :UInt16;
  uint32 @8 :UInt32;
  uint64 @9 :UInt64;
  float32 @10 :Float32;
  float64 @11 :Float64;
  nothing @12 :Void;
  color @13 :Color;
  text @14 :Text;
  data @15 :Data;
  point @16 :Point;
  nested @17 :Everything;

  place :group {
    north @18 :Float64;
    east @19 :Float64;
    city @20 :Text;
  }

  shape :union {
    none @21 :Void;
    radius @22 :Float64;
    corner @23 :Point;
    title @24 :Text;
    sides @25 :List(UInt16);
    box :group {
      width @26 :UInt32;
      height @27 :UInt32;
    }
  }

  union {
    idle @28 :Void;
    count @29 :Int64;
    words @30 :List(Text);
    flag @31 :Bool;
  }

  voids @32 :List(Void);
  bools @33 :List(Bool);
  int8s @34 :List(Int8);
  int16s @35 :List(Int16);
  int32s @36 :List(Int32);
  int64s @37 :List(Int64);
  uint8s @38 :List(UInt8);
  uint16s @39 :List(UInt16);
  uint32s @40 :List(UInt32);
  uint64s @41 :List(UInt64);
  float32s @42 :List(Float32);
  float64s @43 :List(Float64);
  colors @44 :List(Color);
  texts @45 :List(Text);
  datas @46 :List(Data);
  points @47 :List(Point);
  matrix @48 :List(List(Int32));
  names @49 :List(List(Text));
  clouds @50 :List(List(Point));
  flags @51 :List(List(Bool));

  boolDefault @52 :Bool = true;
  int16Default @53 :Int16 = -7;
  uint64Default @54 :UInt64 = 18446744073709551615;
  float32Default @55 :Float32 = 1.5;
  float64Default @56 :Float64 = -inf;
  colorDefault @57 :Color = blue;
  textDefault @58 :Text = "grüß";
  dataDefault @59 :Data = 0x"00ff80";
  pointDefault @60 :Point = (x = 3, y = -1.5, label = "p");
  listDefault @61 :List(Int32) = [1, -2, 3];

  cube @62 :List(List(List(Int16)));
  pointBox @63 :Box(Point);
  textBox @64 :Box(Text);
  textBoxes @65 :List(Box(Text));
  anyBox @66 :Box;
  any @67 :AnyPointer;
  calls @68 :Calls;
  textsDefault @69 :List(Text) = ["a", ""];
  pointsDefault @70 :List(Point) = [(x = 1), (y = 2, label = "two")];

  const unit :Text = "mm";
}

# A generic type, and a type parameter that nothing is bound to.
struct Box(T) {
  value @0 :T;
  entries @1 :List(Entry);
  struct Entry { it @0 :T; }
}

# What no message on a bus can carry.
interface Calls { call @0 (number :Int32) -> (); }

const yes :Bool = true;
const least :Int64 = -9223372036854775808;
const most :UInt64 = 18446744073709551615;
const half :Float32 = 0.5;
const large :Float64 = 1e300;
const paint :Color = green;
const greeting :Text = "grüß dich";
const bytes :Data = 0x"00ff80";
const primes :List(UInt16) = [2, 3, 5];
const corner :Point = (x = -4, label = "corner");
const corners :List(Point) = [(x = 1), (x = 2)];
