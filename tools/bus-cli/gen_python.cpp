// Python stubs: for each struct what reading gives, what building takes, and the dict for publishing.
#include <set>

#include "tools/bus-cli/gen.hpp"

namespace polybus::cli {
namespace {

using bus::FieldEntry;
using bus::FieldTable;
using bus::Kind;
using bus::TypeRef;

bool is_keyword(const std::string& name) {
  static const std::set<std::string> kKeywords = {
      "False", "None",     "True",  "and",    "as",   "assert", "async",  "await",   "break",
      "class", "continue", "def",   "del",    "elif", "else",   "except", "finally", "for",
      "from",  "global",   "if",    "import", "in",   "is",     "lambda", "not",     "nonlocal",
      "or",    "pass",     "raise", "return", "try",  "while",  "with",   "yield"};
  return kKeywords.contains(name);
}

std::string literal(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + ('"' + name + '"');
  return names.empty() ? "_b.int" : "_t.Literal[" + text + "] | _b.int";
}

class Stub {
 public:
  explicit Stub(const GenModel& model) : model_(model) {}

  std::string run() {
    out_ = "# Types of " + model_.stem() +
           ".capnp, made by `bus-cli gen python`. For type checkers and editors only:\n#\n" +
           "#     if TYPE_CHECKING:\n#         import " + model_.stem() + "_capnp as " + model_.stem() +
           "\n#     else:\n#         " + model_.stem() + " = polybus.load_schema(\"" + model_.stem() + ".capnp\")\n\n" +
           // Under names that no field has: one may be called `bool`.
           "import builtins as _b\n"
           "import collections.abc as _c\n"
           "import typing as _t\n\n"
           "import polybus as _p\n"
           "import typing_extensions as _x\n";
    for (const auto& one : model_.structs()) {
      reader(one);
      builder(one);
      dict(one);
      publish(one);
    }
    for (auto type = model_.types().rbegin(); type != model_.types().rend(); ++type) schema(*type);
    line("");
    for (const auto& [name, of] : model_.types()) {
      if (name.find('.') == std::string::npos) line(name + ": _" + of + "Schema");
    }
    constants("", "");
    return std::move(out_);
  }

 private:
  void line(const std::string& text) { out_ += text + "\n"; }

  std::string enum_text(const FieldTable& table, TypeRef type) { return literal(table.enums[type.index].enumerants); }

  std::string scalar(const FieldTable& table, TypeRef type) {
    switch (type.kind) {
      case Kind::void_: return "None";
      case Kind::bool_: return "_b.bool";
      case Kind::float32:
      case Kind::float64: return "_b.float";
      case Kind::enum_: return enum_text(table, type);
      case Kind::text: return "_b.str";
      case Kind::interface_: return "None";
      default: return "_b.int";
    }
  }

  std::string read(const FieldTable& table, TypeRef type) {
    if (type.list_depth > 0) return "_p.List[" + read(table, type.element()) + "]";
    if (type.kind == Kind::data) return "_b.memoryview";
    if (type.kind == Kind::any) return "_p.AnyPointer | None";
    if (type.kind == Kind::struct_) return model_.name_of(table, type.index) + "Reader";
    return scalar(table, type);
  }

  // What an attribute of a builder gives.
  std::string edit(const FieldTable& table, TypeRef type) {
    if (type.list_depth > 0) return "_p.ListBuilder[" + edit(table, type.element()) + "]";
    if (type.kind == Kind::any) return "None";
    if (type.kind == Kind::struct_) return model_.name_of(table, type.index) + "Builder";
    return read(table, type);
  }

  std::string write(const FieldTable& table, TypeRef type) {
    if (type.list_depth > 0) {
      const TypeRef element = type.element();
      const bool is_numeric = element.list_depth == 0 && element.kind <= Kind::enum_;
      // Of a list that is read, elements are what reading gives, and those can be written.
      return "_c.Sequence[" + write(table, element) + "] | _p.List[" + read(table, element) + "]" +
             (is_numeric ? " | _x.Buffer" : "");
    }
    if (type.kind == Kind::data) return "_x.Buffer";
    if (type.kind == Kind::any) return "_b.object";
    if (type.kind == Kind::struct_) {
      const auto& name = model_.name_of(table, type.index);
      return name + "Dict | " + name + "Reader | " + name + "Builder";
    }
    return scalar(table, type);
  }

  static bool has_union(const GenStruct& one) { return one.entry->union_field_count > 0; }
  std::string which(const GenStruct& one) {
    std::vector<std::string> members;
    for (const auto& field : one.entry->fields) {
      if (field.discriminant >= 0) members.push_back(field.name);
    }
    return literal(members);
  }

  // What every message has, unless a field has the name.
  void methods(const GenStruct& one) {
    const auto add = [&](const std::string& name, const std::string& text) {
      for (const auto& field : one.entry->fields) {
        if (field.name == name) return;
      }
      line(text);
    };
    if (has_union(one)) add("which", "    def which(self) -> " + which(one) + ": ...");
    add("to_dict", "    def to_dict(self) -> _b.dict[_b.str, _t.Any]: ...");
    add("to_json", "    def to_json(self) -> _b.str: ...");
    line("    def __getitem__(self, name: _b.str, /) -> _t.Any: ...");
  }

  void reader(const GenStruct& one) {
    line("\nclass " + one.name + "Reader:");
    for (const auto& field : one.entry->fields) {
      if (is_keyword(field.name)) continue;  // message["from"]
      line("    @_b.property\n    def " + field.name + "(self) -> " + read(*one.table, field.type) + ": ...");
    }
    line("    def __contains__(self, name: _b.str, /) -> _b.bool: ...");
    methods(one);
  }

  void builder(const GenStruct& one) {
    line("\nclass " + one.name + "Builder:");
    std::vector<std::string> inits;
    for (const auto& field : one.entry->fields) {
      const std::string gives = edit(*one.table, field.type);
      const bool is_data = field.type.list_depth == 0 && field.type.kind == Kind::data;
      const bool is_sized = field.type.list_depth > 0 || is_data;
      if (is_sized || field.type.kind == Kind::struct_) {
        inits.push_back("    def init(self, name: _t.Literal[\"" + field.name + "\"]" +
                        (is_sized ? ", size: _b.int" : "") + ", /) -> " + gives + ": ...");
      }
      if (is_keyword(field.name)) continue;
      line("    @_b.property\n    def " + field.name + "(self) -> " + gives + ": ...");
      line("    @" + field.name + ".setter\n    def " + field.name + "(self, value: " + write(*one.table, field.type) +
           ") -> None: ...");
    }
    for (const auto& field : one.entry->fields) {
      if (field.name == "init") inits.clear();  // fields win
    }
    for (const auto& init : inits) line((inits.size() > 1 ? "    @_t.overload\n" : "") + init);
    line("    def __setitem__(self, name: _b.str, value: _t.Any, /) -> None: ...");
    methods(one);
  }

  void dict(const GenStruct& one) {
    bool is_plain = true;
    for (const auto& field : one.entry->fields) is_plain = is_plain && !is_keyword(field.name);
    line(is_plain ? "\nclass " + one.name + "Dict(_t.TypedDict, total=False):"
                  : "\n" + one.name + "Dict = _t.TypedDict(\"" + one.name + "Dict\", {");
    for (const auto& field : one.entry->fields) {
      const std::string type = write(*one.table, field.type) + (nullable(field) ? " | None" : "");
      line(is_plain ? "    " + field.name + ": " + type : "    \"" + field.name + "\": \"" + type + "\",");
    }
    if (!is_plain) {
      line("}, total=False)");
    } else if (one.entry->fields.empty()) {
      line("    pass");
    }
  }

  // As to_dict() shows a union's member that is a null pointer.
  static bool nullable(const FieldEntry& field) {
    return field.discriminant >= 0 && field.type.is_pointer() && !field.is_group;
  }

  void publish(const GenStruct& one) {
    if (one.entry->is_group) return;
    line("\nclass " + one.name + "Publish(_t.Protocol):");
    line("    def __call__(\n        self, value: " + one.name + "Dict | " + one.name + "Reader | " + one.name +
         "Builder | None = None, /, **fields: _t.Unpack[" + one.name + "Dict]\n    ) -> _b.int: ...");
  }

  void schema(const std::pair<std::string, std::string>& type) {
    const auto& [name, of] = type;
    line("\nclass _" + of + "Schema(_p.Schema[" + of + "Reader, " + of + "Builder, " + of + "Publish]):");
    const size_t before = out_.size();
    for (const auto& [other, inner] : model_.types()) {
      if (!other.starts_with(name + ".") || other.find('.', name.size() + 1) != std::string::npos) continue;
      line("    " + other.substr(name.size() + 1) + ": _" + inner + "Schema");
    }
    constants(name, "    ");
    if (out_.size() == before) line("    pass");
  }

  void constants(const std::string& scope, const std::string& indent) {
    const GenStruct* found = model_.constants(scope);
    if (found == nullptr) return;
    for (const auto& field : found->entry->fields) {
      if (!is_keyword(field.name)) line(indent + field.name + ": " + read(*found->table, field.type));
    }
  }

  const GenModel& model_;
  std::string out_;
};

}  // namespace

std::string python_stub(const GenModel& model) { return Stub(model).run(); }

}  // namespace polybus::cli
