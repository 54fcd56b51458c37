// Tells a forked child from its parent, so that what the parent owns is left alone in the child.
#pragma once

#include <cstdint>

namespace polybus::bus {

// How often this process's line forked since the library was loaded; a handle remembers it and compares.
uint32_t fork_count() noexcept;

// Remembers the process it was made in.
class ForkGuard {
 public:
  ForkGuard() noexcept : made_in_(fork_count()) {}
  bool in_child() const noexcept { return made_in_ != fork_count(); }

 private:
  uint32_t made_in_;
};

}  // namespace polybus::bus
