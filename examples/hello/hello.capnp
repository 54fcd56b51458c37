@0xa3f0c2d17be94e51;
# What the hello programs say to each other, in every language.

struct Hello {
  name @0 :Text;    # who says it
  count @1 :UInt32; # how often so far
}
