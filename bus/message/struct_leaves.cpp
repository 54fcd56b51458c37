#include "bus/message/struct_leaves.hpp"

#include <utility>

namespace polybus::bus {
namespace {

class Collector {
 public:
  explicit Collector(const FieldTable& table) : table_(table) {}

  StructLeaves run(int32_t struct_index) {
    add_struct(struct_index, "", {});
    return std::move(found_);
  }

 private:
  // As deep as a message: the groups may be a stranger's, and the stack has an end.
  static constexpr size_t kGroupDepthMax = 64;

  void add_struct(int32_t index, std::string prefix, const std::vector<Alternative>& alternatives) {
    // A group belongs to one field, except in bundles that want to send us round and round.
    if (depth_ > kGroupDepthMax || !entered_.insert(index).second) return;
    ++depth_;
    const std::string& kept_prefix = found_.prefixes.emplace_back(std::move(prefix));
    const StructEntry& entry = table_.structs[static_cast<size_t>(index)];
    for (const FieldEntry& field : entry.fields) {
      std::vector<Alternative> chosen = alternatives;
      if (field.discriminant >= 0) chosen.push_back({entry.union_bit_offset, field.discriminant});
      if (field.is_group) {
        add_struct(field.type.index, kept_prefix + field.name + ".", chosen);
      } else {
        found_.by_ordinal.emplace(field.ordinal, Leaf{&field, &kept_prefix, std::move(chosen)});
      }
    }
    --depth_;
  }

  const FieldTable& table_;
  size_t depth_ = 0;
  std::set<int32_t> entered_;
  StructLeaves found_;
};

}  // namespace

const Leaf* StructLeaves::find(int32_t ordinal) const {
  const auto found = by_ordinal.find(ordinal);
  return found == by_ordinal.end() ? nullptr : &found->second;
}

std::set<uint32_t> StructLeaves::unions_known_to(const StructLeaves& other) const {
  std::set<uint32_t> known;
  for (const auto& [ordinal, leaf] : by_ordinal) {
    if (other.find(ordinal) == nullptr) continue;
    for (const Alternative& alternative : leaf.alternatives)
      if (alternative.discriminant != 0) known.insert(alternative.union_bit_offset);
  }
  return known;
}

StructLeaves leaves_of(const FieldTable& table, int32_t struct_index) { return Collector(table).run(struct_index); }

}  // namespace polybus::bus
