// A write guard for received memory, for runtimes whose programs can write where they should only read (JavaScript).
#pragma once

#include <cstddef>
#include <cstdint>

namespace polybus::bus {

// Turns the guard on for windows reserved from now on: payload is mapped a second time, PROT_READ|MAP_PRIVATE, and a
// chained SIGSEGV handler makes just the page that was written private to this process. The shared memory stays as it
// was; the page is stale here until guard_forget(). Source: research, Node adapter, §9.
void guard_reads();
bool guard_is_on() noexcept;

// Called by Window.
void guard_add(std::byte* base, uint64_t bytes);
void guard_remove(std::byte* base) noexcept;
// Shows [address, address + bytes) as shared again where it was written; costs one load where nothing was.
void guard_forget(const std::byte* address, uint64_t bytes) noexcept;

}  // namespace polybus::bus
