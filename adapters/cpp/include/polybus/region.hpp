// The simplest use of shared memory: one named current value.
#pragma once

#include <cstddef>
#include <memory>
#include <polybus/error.hpp>
#include <polybus/options.hpp>
#include <polybus/sample.hpp>
#include <span>
#include <string>
#include <string_view>

namespace polybus {

namespace detail {
class RegionCore;
}

// Create, write, read. A reader never sees half a value and never blocks a writer; the value outlives its writer, until the
// registry ends. Underneath it is an untyped topic with one kept value. Moves; usable from any thread.
class POLYBUS_API Region {
 public:
  Region(Region&&) noexcept;
  Region& operator=(Region&&) noexcept;
  ~Region();

  const std::string& name() const noexcept;
  // The largest value write() accepts here [bytes].
  size_t size_max() const noexcept;

  // Replaces the value. Copies the bytes once. Of two writers the later one wins.
  //   throws   Error(too_large): more than size_max(); NO_MEMORY; SCHEMA_MISMATCH: the name is a typed topic's;
  //            DISCONNECTED (the first write only); CLOSED, FORKED
  void write(std::span<const std::byte> value);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
  Result<void> try_write(std::span<const std::byte> value);

  // The newest value, without a copy: it stays what it is for as long as the sample is kept. Nothing before the first write.
  //   throws   Error(too_many_samples): 1,024 values are held; CLOSED, FORKED
  Taken<Bytes> read() const;
  Result<Taken<Bytes>> try_read() const;

  // Idempotent. Values read stay valid.
  void close() noexcept;

  // For the library's own use.
  explicit Region(std::shared_ptr<detail::RegionCore> core) noexcept;

 private:
  std::shared_ptr<detail::RegionCore> core_;
};

}  // namespace polybus
