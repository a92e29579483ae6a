//===- Program.cpp - The canonical text of a Program ----------------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// MLIR's generic form, written without MLIR. Two equal requests print equal
// bytes: this text is part of every kernel key (docs/kernel-key.md).
//===----------------------------------------------------------------------===//

#include "stepwell/Eager/Program.h"

#include "stepwell/Eager/OpTable.h"

#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <span>

using namespace stepwell;

const TensorType &Program::type(ValueId id) const {
  if (id < static_cast<ValueId>(inputs.size()))
    return inputs[id].type;
  id -= static_cast<ValueId>(inputs.size());
  for (const ProgramNode &node : nodes) {
    if (id < static_cast<ValueId>(node.results.size()))
      return node.results[id];
    id -= static_cast<ValueId>(node.results.size());
  }
  assert(false && "no such value");
  return inputs.front().type;
}

namespace {

class Printer {
public:
  explicit Printer(bool withNames) : withNames(withNames) {}
  std::string text;

  void module(const Program &program) {
    text += "\"builtin.module\"() ({\n  \"func.func\"() <{arg_attrs = [";
    for (size_t i = 0; i < program.inputs.size(); ++i)
      comma(i), argumentAttributes(program.inputs[i]);
    text += "], function_type = ";
    functionType(program);
    text += ", res_attrs = [";
    for (size_t i = 0; i < program.outputs.size(); ++i)
      comma(i), resultAttributes(program.outputs[i]);
    text += "], sym_name = \"main\"}> ({\n";
    block(program, "    ", "func.return");
    text += "  }) : () -> ()\n}) : () -> ()\n";
  }

private:
  /// "%3", or "%3#1" for one of several results.
  struct Value {
    std::string name;
    const TensorType *type;
  };
  using Names = std::vector<Value>;
  bool withNames;
  int next = 0;

  void comma(size_t i) {
    if (i)
      text += ", ";
  }

  void type(const TensorType &type) {
    text += "tensor<";
    for (int64_t size : type.dims) {
      text += size == kDynamic ? "?" : std::to_string(size);
      text += 'x';
    }
    text += mlirName(type.dtype);
    text += '>';
  }

  void functionType(const Program &program) {
    text += '(';
    for (size_t i = 0; i < program.inputs.size(); ++i)
      comma(i), type(program.inputs[i].type);
    text += ") -> (";
    for (size_t i = 0; i < program.outputs.size(); ++i)
      comma(i), type(program.type(program.outputs[i].value));
    text += ')';
  }

  void string(const std::string &value) {
    text += '"';
    for (char c : value) {
      char escaped[4];
      if (c == '"' || c == '\\' || (c >= 0 && c < 0x20) || c == 0x7f) {
        std::snprintf(escaped, sizeof escaped, "\\%02X",
                      static_cast<unsigned char>(c));
        text += escaped;
      } else {
        text += c;
      }
    }
    text += '"';
  }

  void name(const std::string &name, bool &any) {
    if (!withNames || name.empty())
      return;
    comma(any);
    text += "stepwell.name = ";
    string(name);
    any = true;
  }

  void layout(Layout layout, bool &any) {
    if (layout == Layout::Contiguous)
      return;
    comma(any);
    text += layout == Layout::Rows ? "stepwell.layout = \"rows\""
                                   : "stepwell.layout = \"strided\"";
    any = true;
  }

  void argumentAttributes(const ProgramInput &input) {
    bool any = false;
    text += '{';
    layout(input.layout, any);
    auto unit = [&](bool set, const char *name) {
      if (!set)
        return;
      comma(any);
      text += name;
      any = true;
    };
    unit(input.mayAlias, "stepwell.may_alias");
    name(input.name, any);
    if (input.number) {
      comma(any);
      text += "stepwell.number = ";
      attribute(*input.number, AttributeKind::F64);
      any = true;
    }
    unit(input.scalar, "stepwell.scalar");
    unit(input.shapeOnly, "stepwell.shape_only");
    text += '}';
  }

  void resultAttributes(const ProgramOutput &output) {
    bool any = false;
    text += '{';
    if (output.into >= 0) {
      text += "stepwell.into = " + std::to_string(output.into) + " : i64";
      any = true;
    }
    layout(output.layout, any);
    name(output.name, any);
    text += '}';
  }

  void array(std::span<const int64_t> values, const char *type = "i64") {
    text += "array<";
    text += type;
    for (size_t i = 0; i < values.size(); ++i)
      text += (i ? ", " : ": ") + std::to_string(values[i]);
    text += '>';
  }

  void attribute(const Attribute &value, AttributeKind kind) {
    if (auto *integer = std::get_if<int64_t>(&value)) {
      text += std::to_string(*integer) + " : i64";
    } else if (auto *number = std::get_if<double>(&value)) {
      // Bits, so that the text is exact and infinities are no special case.
      uint64_t bits;
      std::memcpy(&bits, number, sizeof bits);
      char buffer[32];
      std::snprintf(buffer, sizeof buffer, "0x%016" PRIX64 " : f64", bits);
      text += buffer;
    } else if (auto *flag = std::get_if<bool>(&value)) {
      text += *flag ? "true" : "false";
    } else if (auto *dims = std::get_if<Dims>(&value)) {
      array({dims->begin(), dims->end()});
    } else if (auto *list = std::get_if<std::vector<int64_t>>(&value)) {
      array(*list, kind == AttributeKind::Segments ? "i32" : "i64");
    } else if (auto *dtype = std::get_if<DType>(&value)) {
      text += mlirName(*dtype);
    } else if (auto *word = std::get_if<std::string>(&value)) {
      string(*word);
    }
  }

  void node(const ProgramNode &node, Names &names, const std::string &indent) {
    std::string name = "%" + std::to_string(next++);
    text += indent;
    if (!node.results.empty()) {
      text += name;
      if (node.results.size() > 1)
        text += ":" + std::to_string(node.results.size());
      text += " = ";
    }
    text += '"';
    text += node.op->dialect;
    text += '.';
    text += node.op->mnemonic;
    text += "\"(";
    for (size_t i = 0; i < node.operands.size(); ++i)
      comma(i), text += names[node.operands[i]].name;
    text += ')';
    bool any = false;
    for (size_t i = 0; i < node.attributes.size(); ++i) {
      if (std::holds_alternative<std::monostate>(node.attributes[i]))
        continue;
      const AttributeRow &row = node.op->attributes[i];
      text += any ? ", " : " <{";
      text += row.name;
      if (row.kind != AttributeKind::Unit) {
        text += " = ";
        attribute(node.attributes[i], row.kind);
      }
      any = true;
    }
    if (any)
      text += "}>";
    if (!node.regions.empty()) {
      std::string end(node.op->dialect);
      end += ".yield";
      text += " (";
      for (size_t i = 0; i < node.regions.size(); ++i) {
        text += i ? ", {\n" : "{\n";
        if (node.regions[i])
          block(*node.regions[i], indent + "  ", end.c_str());
        text += indent + '}';
      }
      text += ')';
    }
    text += " : (";
    for (size_t i = 0; i < node.operands.size(); ++i)
      comma(i), type(*names[node.operands[i]].type);
    text += ") -> (";
    for (size_t i = 0; i < node.results.size(); ++i)
      comma(i), type(node.results[i]);
    text += ")\n";
    for (size_t i = 0; i < node.results.size(); ++i)
      names.push_back(
          {node.results.size() > 1 ? name + "#" + std::to_string(i) : name,
           &node.results[i]});
  }

  /// Nested blocks go on counting: a region that is not isolated may not reuse
  /// names.
  void block(const Program &program, const std::string &indent,
             const char *terminator) {
    Names names;
    if (!program.inputs.empty()) {
      text += indent.substr(2) + "^bb0(";
      for (size_t i = 0; i < program.inputs.size(); ++i) {
        comma(i);
        names.push_back(
            {"%" + std::to_string(next++), &program.inputs[i].type});
        text += names.back().name + ": ";
        type(program.inputs[i].type);
      }
      text += "):\n";
    }
    for (const ProgramNode &each : program.nodes)
      node(each, names, indent);
    text += indent + '"' + terminator + "\"(";
    for (size_t i = 0; i < program.outputs.size(); ++i)
      comma(i), text += names[program.outputs[i].value].name;
    text += ") : (";
    for (size_t i = 0; i < program.outputs.size(); ++i)
      comma(i), type(*names[program.outputs[i].value].type);
    text += ") -> ()\n";
  }
};

} // namespace

std::string Program::print(bool withNames) const {
  Printer printer(withNames);
  printer.module(*this);
  return std::move(printer.text);
}
