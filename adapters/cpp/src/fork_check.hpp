// What a handle does in a forked child: nothing, or FORKED.
#pragma once

#include <polybus/error.hpp>
#include <type_traits>
#include <utility>

#include "bus/memory/fork_guard.hpp"

namespace polybus::detail {

class ForkCheck {
 public:
  bool in_child() const noexcept { return guard_.in_child(); }
  void check() const {
    if (in_child()) [[unlikely]] {
      throw Error(Code::forked, "opened before fork(); open a node in the child instead");
    }
  }

 private:
  bus::ForkGuard guard_;
};

// Takes what belongs to the parent out of an object that is destroyed in the child, so that no destructor runs: its locks
// may be held by threads that do not exist here, its socket is the parent's. The child's copy of the memory is the price.
template <typename T>
void abandon(T&& owner) noexcept {
  new std::remove_reference_t<T>(std::forward<T>(owner));
}

}  // namespace polybus::detail
