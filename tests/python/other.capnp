@0xd4f1c2b3a5968771;
struct Far { name @0 :Text; }
