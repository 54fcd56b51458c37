// TypeScript declarations: for each struct what reading gives, what building takes, and the object for publishing.
#include "tools/bus-cli/gen.hpp"

namespace polybus::cli {
namespace {

using bus::FieldTable;
using bus::Kind;
using bus::TypeRef;

std::string literals(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += "'" + name + "' | ";
  return text + "number";
}

// "Float32Array" for a list of such; empty for what is no list of numbers.
std::string typed_array(TypeRef element) {
  if (element.list_depth > 0) return {};
  switch (element.kind) {
    case Kind::int8: return "Int8Array";
    case Kind::int16: return "Int16Array";
    case Kind::int32: return "Int32Array";
    case Kind::int64: return "BigInt64Array";
    case Kind::uint8: return "Uint8Array";
    case Kind::uint16: return "Uint16Array";
    case Kind::uint32: return "Uint32Array";
    case Kind::uint64: return "BigUint64Array";
    case Kind::float32: return "Float32Array";
    case Kind::float64: return "Float64Array";
    default: return {};
  }
}

class Declarations {
 public:
  explicit Declarations(const GenModel& model) : model_(model) {}

  std::string run() {
    out_ = "// Types of " + model_.stem() +
           ".capnp, made by `bus-cli gen typescript`. For the compiler and editors only:\n//\n" +
           "//     import type { Types } from './" + model_.stem() + ".capnp.js'\n" + "//     const { " +
           (model_.types().empty() ? "" : model_.types().front().first) + " } = loadSchema<Types>('" + model_.stem() +
           ".capnp')\n\nimport type * as polybus from 'polybus'\n";
    for (const auto& one : model_.structs()) {
      reader(one);
      builder(one);
      value(one);
      if (!one.entry->is_group) {
        line("export interface " + one.name + " extends polybus.Typed<" + one.name + "Reader, " + one.name +
             "Builder, " + one.name + "Value> {}");
      }
    }
    line("\n/** What loadSchema() returns. */\nexport interface Types {");
    for (const auto& [name, of] : model_.types()) {
      if (name.find('.') == std::string::npos) line("  readonly " + name + ": " + schema(name, of));
    }
    constants("");
    line("}");
    return std::move(out_);
  }

 private:
  void line(const std::string& text) { out_ += text + "\n"; }

  std::string scalar(const FieldTable& table, TypeRef type) {
    switch (type.kind) {
      case Kind::bool_: return "boolean";
      case Kind::int64:
      case Kind::uint64: return "bigint";
      case Kind::enum_: return literals(table.enums[type.index].enumerants);
      case Kind::text: return "string";
      case Kind::data: return "Uint8Array";
      case Kind::void_:
      case Kind::interface_: return "null";
      default: return "number";
    }
  }

  std::string read(const FieldTable& table, TypeRef type) {
    if (type.list_depth > 0) {
      const std::string array = typed_array(type.element());
      return array.empty() ? "polybus.List<" + read(table, type.element()) + ">" : array;
    }
    if (type.kind == Kind::any) return "polybus.AnyPointer | null";
    if (type.kind == Kind::struct_) return model_.name_of(table, type.index) + "Reader";
    return scalar(table, type);
  }

  std::string edit(const FieldTable& table, TypeRef type) {
    if (type.list_depth > 0) {
      const std::string array = typed_array(type.element());
      return array.empty() ? "polybus.ListBuilder<" + edit(table, type.element()) + ">" : array;
    }
    if (type.kind == Kind::any) return "null";
    if (type.kind == Kind::struct_) return model_.name_of(table, type.index) + "Builder";
    return scalar(table, type);
  }

  std::string write(const FieldTable& table, TypeRef type) {
    if (type.list_depth > 0) {
      const TypeRef element = type.element();
      const std::string array = typed_array(element);
      return "Iterable<" + write(table, element) + ">" + (array.empty() ? "" : " | " + array);
    }
    if (type.kind == Kind::any) return "polybus.AnyPointer | object | string";
    if (type.kind == Kind::struct_) {
      const auto& name = model_.name_of(table, type.index);
      return name + "Value | " + name + "Reader | " + name + "Builder";
    }
    if (type.kind == Kind::int64 || type.kind == Kind::uint64) return "bigint | number";
    return scalar(table, type);
  }

  void method(const GenStruct& one, const std::string& name, const std::string& text) {
    for (const auto& field : one.entry->fields) {
      if (field.name == name) return;  // fields win
    }
    line("  " + text);
  }

  void which(const GenStruct& one) {
    if (one.entry->union_field_count == 0) return;
    std::vector<std::string> members;
    for (const auto& field : one.entry->fields) {
      if (field.discriminant >= 0) members.push_back(field.name);
    }
    method(one, "which", "which(): " + literals(members));
  }

  void reader(const GenStruct& one) {
    line("\nexport interface " + one.name + "Reader {");
    for (const auto& field : one.entry->fields) {
      line("  readonly " + field.name + ": " + read(*one.table, field.type));
    }
    which(one);
    method(one, "has", "has(field: string): boolean");
    method(one, "toObject", "toObject(): any");
    method(one, "toJSON", "toJSON(): any");
    line("}");
  }

  void builder(const GenStruct& one) {
    line("export interface " + one.name + "Builder {");
    for (const auto& field : one.entry->fields) {
      line("  get " + field.name + "(): " + edit(*one.table, field.type));
      line("  set " + field.name + "(value: " + write(*one.table, field.type) +
           (field.type.is_pointer() && !field.is_group ? " | null" : "") + ")");
    }
    for (const auto& field : one.entry->fields) {
      const bool is_sized = field.type.list_depth > 0 || field.type.kind == Kind::data;
      if (!is_sized && field.type.kind != Kind::struct_) continue;
      method(one, "init",
             "init(field: '" + field.name + "'" + (is_sized ? ", size: number" : "") +
                 "): " + edit(*one.table, field.type));
    }
    which(one);
    method(one, "toObject", "toObject(): any");
    method(one, "toJSON", "toJSON(): any");
    line("}");
  }

  void value(const GenStruct& one) {
    line("export interface " + one.name + "Value {");
    for (const auto& field : one.entry->fields) {
      line("  " + field.name + "?: " + write(*one.table, field.type) +
           (field.type.is_pointer() && !field.is_group ? " | null" : "") + " | undefined");
    }
    line("}");
  }

  std::string schema(const std::string& name, const std::string& of) {
    std::string text = "polybus.Schema<" + of + ">";
    std::string inner;
    for (const auto& [other, other_of] : model_.types()) {
      if (!other.starts_with(name + ".") || other.find('.', name.size() + 1) != std::string::npos) continue;
      inner += " readonly " + other.substr(name.size() + 1) + ": " + schema(other, other_of) + ";";
    }
    if (const GenStruct* found = model_.constants(name)) {
      for (const auto& field : found->entry->fields) {
        inner += " readonly " + field.name + ": " + read(*found->table, field.type) + ";";
      }
    }
    return inner.empty() ? text : text + " & {" + inner + " }";
  }

  void constants(const std::string& scope) {
    const GenStruct* found = model_.constants(scope);
    if (found == nullptr) return;
    for (const auto& field : found->entry->fields) {
      line("  readonly " + field.name + ": " + read(*found->table, field.type));
    }
  }

  const GenModel& model_;
  std::string out_;
};

}  // namespace

std::string typescript_declarations(const GenModel& model) { return Declarations(model).run(); }

}  // namespace polybus::cli
