#include "bus/message/closure.hpp"

#include <map>

namespace polybus::bus {
namespace {

using capnp::Schema;
using capnp::StructSchema;
namespace schema = capnp::schema;

// Walks with a list of what is still to do instead of by recursion: a bundle may chain thousands of types.
class Walk {
 public:
  std::map<uint64_t, Schema> run(StructSchema root) {
    add(root);
    return work_off();
  }
  std::map<uint64_t, Schema> run(std::span<const capnp::ConstSchema> constants) {
    for (auto constant : constants) add_type(constant.getType(), constant.getProto().getConst().getType());
    return work_off();
  }

 private:
  std::map<uint64_t, Schema> work_off() {
    while (!todo_.empty()) {
      StructSchema next = todo_.back();
      todo_.pop_back();
      for (auto field : next.getFields()) {
        auto proto = field.getProto();
        if (proto.isSlot()) {
          add_type(field.getType(), proto.getSlot().getType());
        } else {
          add(field.getType().asStruct());
        }
      }
    }
    return std::move(found_);
  }

  void add(Schema type) {
    Schema generic = type.getGeneric();
    if (!found_.emplace(generic.getProto().getId(), generic).second) return;
    if (generic.getProto().isStruct()) todo_.push_back(generic.asStruct());
  }

  // `proto` is the same type as it is written down: the only place that tells which scopes it gives arguments to.
  void add_type(capnp::Type type, schema::Type::Reader proto) {
    while (proto.isList() && type.isList()) {
      type = type.asList().getElementType();
      proto = proto.getList().getElementType();
    }
    if (proto.isStruct() && type.isStruct()) {
      add(type.asStruct());
      add_arguments(type.asStruct(), proto.getStruct().getBrand());
    } else if (proto.isEnum() && type.isEnum()) {
      add(type.asEnum());
      add_arguments(type.asEnum(), proto.getEnum().getBrand());
    } else if (proto.isInterface() && type.isInterface()) {
      add(type.asInterface());
    }
  }

  void add_arguments(Schema type, schema::Brand::Reader brand) {
    for (auto scope : brand.getScopes()) {
      if (!scope.isBind() || !type.getProto().getIsGeneric()) continue;
      auto arguments = type.getBrandArgumentsAtScope(scope.getScopeId());
      uint32_t index = 0;
      for (auto binding : scope.getBind()) {
        if (binding.isType()) add_type(arguments[index], binding.getType());
        ++index;
      }
    }
  }

  std::map<uint64_t, Schema> found_;
  std::vector<StructSchema> todo_;
};

}  // namespace

std::vector<capnp::Schema> closure_of(capnp::StructSchema root) {
  auto found = Walk().run(root);
  std::vector<Schema> all{root.getGeneric()};
  const uint64_t root_id = root.getProto().getId();
  for (auto& [id, type] : found) {
    if (id != root_id) all.push_back(type);
  }
  return all;
}

std::vector<capnp::Schema> closure_of(std::span<const capnp::ConstSchema> constants) {
  std::vector<capnp::Schema> all;
  for (auto& [id, type] : Walk().run(constants)) all.push_back(type);
  return all;
}

}  // namespace polybus::bus
