#include "bus/message/whole_copy.hpp"

#include <capnp/any.h>

#include <polybus/error.hpp>

namespace polybus::bus {
namespace {

namespace cp = capnp::_;
using capnp::ElementSize;

class Measure {
 public:
  explicit Measure(uint64_t words_max) : left_(words_max) {}

  void add_struct(const cp::StructReader& from) {
    uint64_t bits = capnp::unbound(from.getDataSectionSize() / capnp::BITS);
    auto pointers = from.getPointerSectionAsList();
    uint64_t count = capnp::unbound(pointers.size() / capnp::ELEMENTS);
    charge(bits / 64 + count);
    add_pointers(pointers, count);
  }

  void add_pointer(const cp::PointerReader& pointer) {
    switch (pointer.getPointerType()) {
      case capnp::PointerType::STRUCT: add_struct(pointer.getStruct(nullptr)); break;
      case capnp::PointerType::LIST: add_list(pointer.getListAnySize(nullptr)); break;
      default: break;
    }
  }

  void add_list(const cp::ListReader& list) {
    uint64_t count = capnp::unbound(list.size() / capnp::ELEMENTS);
    switch (list.getElementSize()) {
      case ElementSize::VOID: break;  // takes no room, and no time to copy
      case ElementSize::BIT: charge(count / 64 + 1); break;
      case ElementSize::BYTE: charge(count / 8 + 1); break;
      case ElementSize::TWO_BYTES: charge(count / 4 + 1); break;
      case ElementSize::FOUR_BYTES: charge(count / 2 + 1); break;
      case ElementSize::EIGHT_BYTES: charge(count); break;
      case ElementSize::POINTER:
        charge(count);
        add_pointers(list, count);
        break;
      case ElementSize::INLINE_COMPOSITE:
        charge(1 + count);  // structs without any content take time, if no room
        for (uint64_t i = 0; i < count; ++i) add_struct(list.getStructElement(i * capnp::ELEMENTS));
        break;
    }
  }

 private:
  void charge(uint64_t words) {
    if (words > left_) throw Error(Code::bad_message, "message refers to more than it holds");
    left_ -= words;
  }

  void add_pointers(const cp::ListReader& pointers, uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) add_pointer(pointers.getPointerElement(i * capnp::ELEMENTS));
  }

  uint64_t left_;
};

}  // namespace

void check_copy(const cp::StructReader& from, uint64_t words_max) { Measure(words_max).add_struct(from); }
void check_copy(const cp::ListReader& from, uint64_t words_max) { Measure(words_max).add_list(from); }
void check_copy(const cp::PointerReader& from, uint64_t words_max) { Measure(words_max).add_pointer(from); }

}  // namespace polybus::bus
