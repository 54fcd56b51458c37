@0xd4f1c2b3a5968772;
struct New @0xa0b1c2d3e4f50617 { a @0 :Int32; b @1 :Int64 = 9; c @2 :Text = "young"; }
