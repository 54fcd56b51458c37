#include "bus/message/schema_difference.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <utility>

#include "bus/message/default_text.hpp"
#include "bus/message/schema_state.hpp"
#include "bus/message/struct_leaves.hpp"

namespace polybus::bus {
namespace {

// A name may be long, and a path has many.
constexpr size_t kPathBytesMax = 160;
constexpr size_t kLineBytesMax = 400;

std::string at(size_t number) { return "@" + std::to_string(number); }
std::string at(int32_t ordinal) { return at(static_cast<size_t>(ordinal)); }

// Two structs that must fit because the same field has them.
struct Pair {
  int32_t here = 0, there = 0;
  std::string path;  // "", "pose.", "points[]."
  int depth = 0;
};

// The fields of such two.
struct Fields {
  StructLeaves here, there;
  std::set<uint32_t> known_unions_here, known_unions_there;
};

// Breadth first, so that what lies nearest to the root is said first, and each pair of types by its shortest path.
class Comparison {
 public:
  Comparison(const FieldTable& here, const FieldTable& there) : here_(here), there_(there) {}

  SchemaDifference run() {
    meet_structs(0, 0, "", 0);
    while (!todo_.empty() && budget_ > 0) {
      const Pair pair = std::move(todo_.front());
      todo_.pop_front();
      compare(pair);
    }
    if (budget_ == 0) mismatch("these types are too large to be compared");
    return std::move(found_);
  }

 private:
  // Messages nest 64 deep at most, so nobody meets what lies deeper.
  static constexpr int kDepthMax = 64;
  // Fields looked at: far more than honest schemas have, and a fraction of a second.
  static constexpr size_t kBudget = 1u << 20;

  void mismatch(std::string text) { add(true, std::move(text), &found_.mismatches); }
  void note(std::string text) { add(false, std::move(text), &found_.notes); }
  void add(bool is_mismatch, std::string text, size_t* count) {
    ++*count;
    if (found_.lines.size() < SchemaDifference::kLinesMax)
      found_.lines.push_back({is_mismatch, shortened(text, kLineBytesMax)});
  }

  void meet_structs(int32_t here, int32_t there, std::string path, int depth) {
    if (depth >= kDepthMax || !met_structs_.emplace(here, there).second) return;
    todo_.push_back({here, there, shortened(path, kPathBytesMax), depth});
  }

  // ---- fields

  void compare(const Pair& pair) {
    Fields fields{leaves_of(here_, pair.here), leaves_of(there_, pair.there), {}, {}};
    fields.known_unions_here = fields.here.unions_known_to(fields.there);
    fields.known_unions_there = fields.there.unions_known_to(fields.here);
    const size_t mismatches_before = found_.mismatches;
    const std::set<int32_t> moved = compare_names(pair, fields);
    std::set<int32_t> ordinals;
    for (const auto& [ordinal, leaf] : fields.here.by_ordinal) ordinals.insert(ordinal);
    for (const auto& [ordinal, leaf] : fields.there.by_ordinal) ordinals.insert(ordinal);
    for (const int32_t ordinal : ordinals) {
      if (budget_ == 0) return;
      --budget_;
      const Leaf *ours = fields.here.find(ordinal), *theirs = fields.there.find(ordinal);
      const std::string place = pair.path + (ours != nullptr ? ours : theirs)->name() + " " + at(ordinal) + ": ";
      if (theirs == nullptr)
        note(place + type_here(*ours) + " here, nothing there");
      else if (ours == nullptr)
        note(place + "nothing here, " + type_there(*theirs) + " there");
      else if (!moved.contains(ordinal))
        compare(pair, fields, *ours, *theirs, place);
    }
    if (found_.mismatches == mismatches_before) compare_places(pair, fields);
  }

  // Returns the ordinals of which all is said: what they are called lies elsewhere on the other side.
  std::set<int32_t> compare_names(const Pair& pair, const Fields& fields) {
    std::map<std::string, int32_t> there;
    for (const auto& [ordinal, leaf] : fields.there.by_ordinal) there.emplace(leaf.name(), ordinal);
    std::set<int32_t> moved;
    for (const auto& [ordinal, leaf] : fields.here.by_ordinal) {
      const auto found = there.find(leaf.name());
      if (found == there.end() || found->second == ordinal) continue;
      if (fields.there.find(ordinal) == nullptr || fields.here.find(found->second) == nullptr) continue;
      mismatch(pair.path + leaf.name() + ": " + at(ordinal) + " here, " + at(found->second) + " there");
      moved.insert({ordinal, found->second});
    }
    return moved;
  }

  void compare(const Pair& pair, const Fields& fields, const Leaf& ours, const Leaf& theirs, const std::string& place) {
    const FieldEntry &a = *ours.field, &b = *theirs.field;
    const bool is_renamed = ours.name() != theirs.name();
    if (a.type.kind != b.type.kind || a.type.list_depth != b.type.list_depth) {
      const std::string text = place + type_here(ours) + " here, " + (is_renamed ? theirs.name() + " :" : "") +
                               type_there(theirs) + " there";
      if (!is_list_upgrade(a.type, b.type)) return mismatch(text);
      note(text);
    } else {
      if (is_renamed) note(place + "called " + theirs.name() + " there");
      if (!same_default(a, b)) mismatch(place + different_defaults(a, b));
      compare_inner(pair, ours, a.type, b.type);
    }
    compare_alternatives(fields, ours, theirs, place);
  }

  std::string different_defaults(const FieldEntry& a, const FieldEntry& b) const {
    const std::string here = default_text(here_, a), there = default_text(there_, b);
    return here == there ? "another default there" : "default " + here + " here, " + there + " there";
  }

  void compare_inner(const Pair& pair, const Leaf& ours, TypeRef here, TypeRef there) {
    if (here.kind != Kind::struct_ && here.kind != Kind::enum_) return;
    std::string path = pair.path + ours.name();
    for (int32_t i = 0; i < here.list_depth; ++i) path += "[]";
    if (here.kind == Kind::struct_)
      meet_structs(here.index, there.index, path + ".", pair.depth + 1);
    else
      compare_enums(here.index, there.index, path);
  }

  // Only where nothing else is wrong: other differences move fields about.
  void compare_places(const Pair& pair, const Fields& fields) {
    for (const auto& [ordinal, ours] : fields.here.by_ordinal) {
      const Leaf* theirs = fields.there.find(ordinal);
      if (theirs == nullptr) continue;
      const FieldEntry &a = *ours.field, &b = *theirs->field;
      if (a.bit_offset != b.bit_offset || a.pointer_index != b.pointer_index)
        mismatch(pair.path + ours.name() + " " + at(ordinal) + ": lies at another place of the message there");
    }
  }

  // ---- types

  std::string type_here(const Leaf& leaf) const { return type_text(here_, leaf.field->type); }
  std::string type_there(const Leaf& leaf) const { return type_text(there_, leaf.field->type); }

  bool is_list_upgrade(TypeRef here, TypeRef there) const {
    return is_list_of_first_field(here, there_, there) || is_list_of_first_field(there, here_, here);
  }

  // A list of numbers, texts or the like may become a list of structs that have these as their first field: Cap'n Proto reads
  // either as the other. Not so a list of Bool, whose elements are bits.
  static bool is_list_of_first_field(TypeRef plain, const FieldTable& table, TypeRef structs) {
    if (structs.kind != Kind::struct_ || structs.list_depth == 0 || plain.list_depth < structs.list_depth) return false;
    const TypeRef element{plain.kind, plain.list_depth - structs.list_depth, plain.index};
    if (element.kind >= Kind::struct_ || element.kind == Kind::enum_) return false;
    if (element.kind == Kind::bool_ && element.list_depth == 0) return false;
    const StructLeaves leaves = leaves_of(table, structs.index);
    const Leaf* first = leaves.find(0);
    if (first == nullptr || !first->alternatives.empty()) return false;
    const FieldEntry& field = *first->field;
    return field.type.kind == element.kind && field.type.list_depth == element.list_depth && field.bit_offset == 0 &&
           field.pointer_index == 0 && field.default_bits == 0 && field.default_frame == nullptr;
  }

  void compare_enums(int32_t here, int32_t there, const std::string& path) {
    if (!met_enums_.emplace(here, there).second) return;
    const auto& ours = here_.enums[static_cast<size_t>(here)].enumerants;
    const auto& theirs = there_.enums[static_cast<size_t>(there)].enumerants;
    std::map<std::string, size_t> numbers_there;
    for (size_t i = 0; i < theirs.size(); ++i) numbers_there.emplace(theirs[i], i);
    for (size_t i = 0; i < std::max(ours.size(), theirs.size()) && budget_ > 0; ++i, --budget_) {
      const std::string place = shortened(path, kPathBytesMax) + ": enumerant ";
      if (i >= ours.size()) {
        note(place + theirs[i] + " " + at(i) + ": not here");
        continue;
      }
      const auto found = numbers_there.find(ours[i]);
      if (found != numbers_there.end() && found->second != i)
        mismatch(place + ours[i] + ": " + at(i) + " here, " + at(found->second) + " there");
      else if (i >= theirs.size())
        note(place + ours[i] + " " + at(i) + ": not there");
      else if (found == numbers_there.end())
        note(place + ours[i] + " " + at(i) + ": called " + theirs[i] + " there");
    }
  }

  // ---- unions

  // A union may be put around a field that was there before, as its first alternative: where the tag is, old messages have 0.
  void compare_alternatives(const Fields& fields, const Leaf& ours, const Leaf& theirs, const std::string& place) {
    if (ours.alternatives == theirs.alternatives) return;
    const auto here = only_known(ours, fields.known_unions_here), there = only_known(theirs, fields.known_unions_there);
    const std::string text =
        place + alternative_text(ours, theirs) + " here, " + alternative_text(theirs, ours) + " there";
    return here == there ? note(text) : mismatch(text);
  }

  static std::vector<Alternative> only_known(const Leaf& leaf, const std::set<uint32_t>& known_unions) {
    std::vector<Alternative> known;
    for (const Alternative& alternative : leaf.alternatives)
      if (known_unions.contains(alternative.union_bit_offset)) known.push_back(alternative);
    return known;
  }

  static std::string alternative_text(const Leaf& leaf, const Leaf& other) {
    const auto &ours = leaf.alternatives, &theirs = other.alternatives;
    if (ours.empty()) return "in no union";
    if (ours.size() > 1) return "in " + std::to_string(ours.size()) + " unions";
    const bool is_same_union = theirs.size() == 1 && theirs[0].union_bit_offset == ours[0].union_bit_offset;
    if (is_same_union) return "alternative " + std::to_string(ours[0].discriminant) + " of a union";
    return theirs.empty() ? "in a union" : "in another union";
  }

  const FieldTable &here_, &there_;
  SchemaDifference found_;
  std::deque<Pair> todo_;
  std::set<std::pair<int32_t, int32_t>> met_structs_, met_enums_;
  size_t budget_ = kBudget;
};

}  // namespace

SchemaDifference difference_of(const Schema& here, const Schema& there) {
  if (here == there) return {};
  return Comparison(fields_of(here), fields_of(there)).run();
}

std::string SchemaDifference::summary(size_t bytes_max) const {
  constexpr size_t kRoomForRest = 24;  // "; and 1048576 more"
  std::string text;
  size_t said = 0;
  for (const Line& line : lines) {
    if (!line.is_mismatch) continue;
    const std::string next = (said == 0 ? "" : "; ") + line.text;
    const size_t room = said + 1 == mismatches ? 0 : kRoomForRest;
    if (said != 0 && text.size() + next.size() + room > bytes_max) break;
    text += next;
    ++said;
  }
  const std::string rest = said < mismatches ? "; and " + std::to_string(mismatches - said) + " more" : "";
  return shortened(text, bytes_max - std::min(bytes_max, rest.size())) + rest;
}

std::string shortened(const std::string& text, size_t bytes_max) {
  constexpr std::string_view kMissing = "…";
  if (text.size() <= bytes_max) return text;
  size_t size = bytes_max > kMissing.size() ? bytes_max - kMissing.size() : 0;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  return text.substr(0, size) + std::string(kMissing);
}

}  // namespace polybus::bus
