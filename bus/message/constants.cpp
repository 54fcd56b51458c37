#include "bus/message/constants.hpp"

#include <capnp/message.h>
#include <capnp/schema.capnp.h>
#include <capnp/serialize.h>

#include <vector>

#include "bus/message/closure.hpp"

namespace polybus::bus {
namespace {

namespace schema = capnp::schema;

// Where the next field goes: each scalar gets a word of its own, so that nothing has to be packed.
struct Layout {
  uint16_t data_words = 0;
  uint16_t pointer_count = 0;
};

// How many of its kind fit into a word; 0 for what takes no data.
uint32_t per_word(schema::Type::Which which) {
  switch (which) {
    case schema::Type::BOOL: return 64;
    case schema::Type::INT8:
    case schema::Type::UINT8: return 8;
    case schema::Type::INT16:
    case schema::Type::UINT16:
    case schema::Type::ENUM: return 4;
    case schema::Type::INT32:
    case schema::Type::UINT32:
    case schema::Type::FLOAT32: return 2;
    case schema::Type::INT64:
    case schema::Type::UINT64:
    case schema::Type::FLOAT64: return 1;
    default: return 0;
  }
}

void describe(schema::Field::Builder field, const capnp::ConstSchema& constant, uint16_t position, Layout& layout) {
  auto value = constant.getProto().getConst();
  field.setName(constant.getUnqualifiedName());
  field.setCodeOrder(position);
  field.getOrdinal().setExplicit(position);
  auto slot = field.initSlot();
  slot.setType(value.getType());
  slot.setDefaultValue(value.getValue());
  slot.setHadExplicitDefault(true);
  if (uint32_t count = per_word(value.getType().which()); count > 0) {
    slot.setOffset(layout.data_words++ * count);
  } else if (!value.getType().isVoid()) {
    slot.setOffset(layout.pointer_count++);
  }
}

}  // namespace

kj::Array<capnp::word> constants_bundle(uint64_t scope_id, const std::string& display_name,
                                        std::span<const capnp::ConstSchema> constants) {
  std::vector<capnp::Schema> types = closure_of(constants);
  capnp::MallocMessageBuilder message;
  auto nodes = message.initRoot<schema::CodeGeneratorRequest>().initNodes(static_cast<unsigned>(types.size() + 1));
  auto node = nodes[0];
  node.setId(scope_id ^ 1);  // never sent to anybody, only told from the types beside it
  node.setDisplayName(capnp::Text::Reader(display_name.c_str(), display_name.size()));
  auto type = node.initStruct();
  auto fields = type.initFields(static_cast<unsigned>(constants.size()));
  Layout layout;
  for (unsigned i = 0; i < fields.size(); ++i) {
    describe(fields[i], constants[i], static_cast<uint16_t>(i), layout);
  }
  type.setDataWordCount(layout.data_words);
  type.setPointerCount(layout.pointer_count);
  type.setPreferredListEncoding(schema::ElementSize::INLINE_COMPOSITE);
  for (unsigned i = 0; i < types.size(); ++i) nodes.setWithCaveats(i + 1, types[i].getProto());
  return capnp::messageToFlatArray(message);
}

}  // namespace polybus::bus
