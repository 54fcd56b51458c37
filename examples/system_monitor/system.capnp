@0xd1c7f3a95b2e6408;
# What the three programs of the system monitor say to each other; the one place where that is written down.

struct SystemLoad {  # topic system/load, ten times a second
  stampNs @0 :UInt64;              # CLOCK_REALTIME, end of the interval
  hostname @1 :Text;
  cpuPercent @2 :List(Float32);    # per core, busy over the interval, 0..100
  memoryUsed @3 :UInt64;           # bytes
  memoryTotal @4 :UInt64;
  interfaces @5 :List(Interface);
}

struct Interface {
  name @0 :Text;                   # "eth0"
  receivedPerS @1 :Float64;        # bytes per second over the interval
  sentPerS @2 :Float64;
}

struct Alert {  # topic system/alerts, when a smoothed value leaves its band or comes back
  stampNs @0 :UInt64;              # of the load that did it
  hostname @1 :Text;
  source @2 :Text;                 # "cpu", "memory", "eth0 received"
  unit @3 :Text;                   # "%", "B/s"
  direction @4 :Direction;
  smoothed @5 :Float64;            # the value, over about half a second
  usual @6 :Float64;               # over about ten seconds
  threshold @7 :Float64;           # what was crossed

  enum Direction {
    above @0;                      # it rose above the threshold
    back @1;                       # it fell back to what is usual
  }
}
