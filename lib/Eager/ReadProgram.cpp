//===- ReadProgram.cpp - A Program from its canonical text ----------------===//
//
// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The inverse of Program.cpp, so that an exported program runs without MLIR and
// under the same key as the function it was. The text may come from anywhere:
// whatever is read here has known types that agree with each other; that the
// operations fit their operands is the compiler's to verify.
//===----------------------------------------------------------------------===//

#include "stepwell/Eager/OpAttributes.h"
#include "stepwell/Eager/OpTable.h"
#include "stepwell/Eager/Program.h"
#include "stepwell/Eager/Tensor.h"

#include <charconv>
#include <cstring>
#include <unordered_map>

using namespace stepwell;

namespace {

/// Sums of sizes stay far from overflow, whatever a program holds.
constexpr int64_t kMostBytes = int64_t{1} << 46;
constexpr int kDeepestRegion = 16;

class Reader {
public:
  explicit Reader(std::string_view text) : text(text) {}

  Program module() {
    Program program;
    expect("\"builtin.module\"() ({");
    expect("\"func.func\"() <{arg_attrs = [");
    list("]", [&] { argumentAttributes(program.inputs.emplace_back()); });
    expect(", function_type = ");
    std::vector<TensorType> arguments, results;
    functionType(arguments, results);
    expect(", res_attrs = [");
    std::vector<ProgramOutput> outputs;
    list("]", [&] { resultAttributes(outputs.emplace_back()); });
    expect(", sym_name = \"main\"}> ({");
    if (arguments.size() != program.inputs.size() ||
        results.size() != outputs.size())
      refuse("as many attributes as arguments and results");
    block(program, "func.return", 0);
    if (inputTypes(program) != arguments)
      refuse("arguments of the types that function_type has");
    if (program.outputs.size() != outputs.size())
      refuse("as many results as function_type has");
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (program.type(program.outputs[i].value) != results[i])
        refuse("results of the types that function_type has");
      if (outputs[i].into >= static_cast<int>(program.inputs.size()))
        refuse("results that are written into arguments");
      outputs[i].value = program.outputs[i].value;
    }
    program.outputs = std::move(outputs);
    expect("}) : () -> ()");
    expect("}) : () -> ()");
    skipSpace();
    if (at != text.size())
      refuse("the end");
    return program;
  }

private:
  using Names = std::unordered_map<std::string, ValueId>;

  std::string_view text;
  size_t at = 0;

  //===--- Words ----------------------------------------------------------===//

  [[noreturn]] void refuse(const std::string &expected) {
    size_t line = 1;
    for (char c : text.substr(0, at))
      line += c == '\n';
    fail(Error::Kind::Value, "the program is malformed: line " +
                                 std::to_string(line) + ": expected " +
                                 expected);
  }

  void skipSpace() {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\n'))
      ++at;
  }

  bool accept(std::string_view word) {
    skipSpace();
    if (text.substr(at, word.size()) != word)
      return false;
    at += word.size();
    return true;
  }

  void expect(std::string_view word) {
    while (!word.empty() && word.front() == ' ')
      word.remove_prefix(1);
    if (!accept(word))
      refuse("'" + std::string(word) + "'");
  }

  /// Letters, digits, '_' and '.'.
  std::string_view word() {
    skipSpace();
    size_t begin = at;
    while (at < text.size() &&
           (std::isalnum(static_cast<unsigned char>(text[at])) ||
            text[at] == '_' || text[at] == '.'))
      ++at;
    if (begin == at)
      refuse("a name");
    return text.substr(begin, at - begin);
  }

  template <typename T = int64_t> T number() {
    skipSpace();
    T value{};
    auto [end, error] =
        std::from_chars(text.data() + at, text.data() + text.size(), value);
    if (error != std::errc())
      refuse("a number");
    at = static_cast<size_t>(end - text.data());
    return value;
  }

  std::string string() {
    expect("\"");
    std::string value;
    while (at < text.size() && text[at] != '"') {
      char c = text[at++];
      if (c == '\\') {
        unsigned code = 0;
        const char *from = text.data() + at;
        if (at + 2 > text.size() ||
            std::from_chars(from, from + 2, code, 16).ptr != from + 2)
          refuse("two hex digits");
        at += 2;
        c = static_cast<char>(code);
      }
      value += c;
    }
    expect("\"");
    return value;
  }

  /// Items separated by commas, up to and with `close`.
  template <typename F> void list(std::string_view close, F item) {
    if (accept(close))
      return;
    do
      item();
    while (accept(","));
    expect(close);
  }

  //===--- Types and attributes -------------------------------------------===//

  DType dtype(std::string_view name) {
    for (DType dtype : kDTypes)
      if (mlirName(dtype) == name)
        return dtype;
    refuse("an element type");
  }

  TensorType type() {
    TensorType type;
    expect("tensor<");
    size_t end = text.find('>', at);
    if (end == std::string_view::npos)
      refuse("'>'");
    int64_t elements = 1;
    for (;;) {
      size_t x = text.find('x', at);
      if (x == std::string_view::npos || x > end)
        break;
      int64_t size = accept("?") ? kDynamic : number();
      if (at != x || (size < 0 && size != kDynamic) ||
          type.dims.size() == kMaxRank)
        refuse("a size, in at most " + std::to_string(kMaxRank) +
               " dimensions");
      // Sizes of an empty tensor are strides and bounds, too.
      if (__builtin_mul_overflow(elements, std::max<int64_t>(size, 1),
                                 &elements) ||
          elements > kMostBytes)
        refuse("a tensor that fits into memory");
      type.dims.push_back(size);
      ++at;
    }
    type.dtype = dtype(text.substr(at, end - at));
    if (elements > kMostBytes / byteWidth(type.dtype))
      refuse("a tensor that fits into memory");
    at = end + 1;
    return type;
  }

  void typeList(std::vector<TensorType> &types) {
    expect("(");
    list(")", [&] { types.push_back(type()); });
  }

  void functionType(std::vector<TensorType> &operands,
                    std::vector<TensorType> &results) {
    typeList(operands);
    expect("->");
    typeList(results);
  }

  void argumentAttributes(ProgramInput &input) {
    expect("{");
    list("}", [&] {
      std::string_view name = word();
      if (name == "stepwell.scalar")
        input.scalar = true;
      else if (name == "stepwell.shape_only")
        input.shapeOnly = true;
      else if (name == "stepwell.may_alias")
        input.mayAlias = true;
      else if (name == "stepwell.layout")
        expect("="), input.layout = layout();
      else if (name == "stepwell.name")
        expect("="), input.name = string();
      else if (name == "stepwell.number")
        expect("="),
            input.number = std::get<double>(attribute(AttributeKind::F64));
      else
        refuse("an attribute of an argument");
    });
  }

  Layout layout() {
    std::string name = string();
    if (name != "rows" && name != "strided")
      refuse("\"rows\" or \"strided\"");
    return name == "rows" ? Layout::Rows : Layout::Strided;
  }

  void resultAttributes(ProgramOutput &output) {
    expect("{");
    list("}", [&] {
      std::string_view name = word();
      if (name == "stepwell.name") {
        expect("="), output.name = string();
      } else if (name == "stepwell.layout") {
        expect("="), output.layout = layout();
      } else if (name == "stepwell.into") {
        expect("="), output.into = number<int>();
        if (output.into < 0)
          refuse("an argument's number");
        expect(": i64");
      } else {
        refuse("an attribute of a result");
      }
    });
  }

  std::vector<int64_t> array(const char *type = "i64") {
    std::vector<int64_t> values;
    expect(std::string("array<") + type);
    if (accept(":"))
      list(">", [&] { values.push_back(number()); });
    else
      expect(">");
    return values;
  }

  Attribute attribute(AttributeKind kind) {
    switch (kind) {
    case AttributeKind::I64: {
      int64_t value = number();
      expect(": i64");
      return value;
    }
    case AttributeKind::F64: {
      expect("0x");
      uint64_t bits = 0;
      auto [end, error] = std::from_chars(text.data() + at,
                                          text.data() + text.size(), bits, 16);
      if (error != std::errc())
        refuse("the bits of a number");
      at = static_cast<size_t>(end - text.data());
      expect(": f64");
      double value;
      std::memcpy(&value, &bits, sizeof value);
      return value;
    }
    case AttributeKind::Bool:
      if (accept("true"))
        return true;
      expect("false");
      return false;
    case AttributeKind::Dims: {
      std::vector<int64_t> values = array();
      if (values.size() > kMaxRank)
        refuse("at most " + std::to_string(kMaxRank) + " numbers");
      return Dims(values.begin(), values.end());
    }
    case AttributeKind::DType:
      return dtype(word());
    case AttributeKind::String:
      return string();
    case AttributeKind::List:
      return array();
    case AttributeKind::Segments:
      return array("i32");
    case AttributeKind::Unit:
      return true;
    case AttributeKind::Elements:
      break;
    }
    refuse("an attribute of another kind");
  }

  //===--- Blocks ---------------------------------------------------------===//

  std::string valueName() {
    expect("%");
    size_t begin = at;
    while (
        at < text.size() &&
        (std::isdigit(static_cast<unsigned char>(text[at])) || text[at] == '#'))
      ++at;
    return std::string(text.substr(begin, at - begin));
  }

  ValueId use(const Names &names) {
    auto found = names.find(valueName());
    if (found == names.end())
      refuse("a value that is defined above");
    return found->second;
  }

  static void define(Names &names, const std::string &name, size_t results,
                     ValueId first) {
    for (size_t i = 0; i < results; ++i)
      names[results > 1 ? name + "#" + std::to_string(i) : name] =
          first + static_cast<ValueId>(i);
  }

  /// Operands, attributes, types; `defined` has the types of all values so far.
  ProgramNode node(const Names &names, const std::vector<TensorType> &defined,
                   int depth) {
    ProgramNode node;
    std::string name = string();
    std::string_view whole = name;
    size_t dot = whole.find('.');
    node.op = dot == whole.npos ? nullptr : findOp(whole.substr(dot + 1));
    if (!node.op || node.op->dialect != whole.substr(0, dot))
      refuse("an operation of this build, not '" + name + "'");
    expect("(");
    list(")", [&] { node.operands.push_back(use(names)); });
    readAttributes(node, name);
    readRegions(node, depth);
    expect(":");
    std::vector<TensorType> operands;
    functionType(operands, node.results);
    bool agree = operands.size() == node.operands.size();
    for (size_t i = 0; agree && i < operands.size(); ++i)
      agree = defined[node.operands[i]] == operands[i];
    if (!agree)
      refuse("the types of the operands");
    if (node.op->form != OpForm::Plain)
      checkRegions(node, operands);
    else if (node.results.size() != node.op->results.size())
      refuse("the number of results of '" + name + "'");
    return node;
  }

  void readAttributes(ProgramNode &node, const std::string &name) {
    const std::vector<AttributeRow> &rows = node.op->attributes;
    node.attributes.resize(rows.size());
    if (accept("<{"))
      list("}>", [&] {
        std::string_view key = word();
        size_t i = 0;
        while (i < rows.size() && rows[i].name != key)
          ++i;
        if (i == rows.size())
          refuse("an attribute of '" + name + "'");
        if (rows[i].kind != AttributeKind::Unit)
          expect("=");
        node.attributes[i] = attribute(rows[i].kind);
      });
    if (node.op->form == OpForm::Plain)
      return;
    // Of these the dispatcher reads what they say.
    for (size_t i = 0; i < rows.size(); ++i) {
      Attribute &value = node.attributes[i];
      if (!std::holds_alternative<std::monostate>(value) || rows[i].optional)
        continue;
      value = rows[i].defaultValue;
      if (std::holds_alternative<std::monostate>(value))
        refuse("the attribute '" + std::string(rows[i].name) + "' of '" + name +
               "'");
    }
  }

  void readRegions(ProgramNode &node, int depth) {
    if (node.op->regions.empty())
      return;
    if (depth == kDeepestRegion)
      refuse("fewer blocks inside of blocks");
    std::string end = std::string(node.op->dialect) + ".yield";
    expect("(");
    for (size_t i = 0; i < node.op->regions.size(); ++i) {
      expect(i ? ", {" : "{");
      // A call need not have a rule.
      if (node.op->form == OpForm::Call && i == 1 && accept("}")) {
        node.regions.push_back(nullptr);
        continue;
      }
      auto region = std::make_shared<Program>();
      block(*region, end.c_str(), depth + 1);
      node.regions.push_back(std::move(region));
      expect("}");
    }
    expect(")");
  }

  /// Blocks take and give what the operation says.
  void checkRegions(const ProgramNode &node,
                    const std::vector<TensorType> &operands) {
    for (size_t i = 0; i < node.regions.size(); ++i) {
      if (!node.region(i))
        continue;
      auto inputs = regionInputs(node, i, operands);
      if (!inputs)
        refuse(inputs.error().message);
      if (inputTypes(*node.region(i)) != *inputs)
        refuse("a block '" + std::string(node.op->regions[i]) +
               "' that takes " + std::to_string(inputs->size()) +
               " values of the operation's types");
    }
    auto results = regionResults(node, operands);
    if (!results)
      refuse(results.error().message);
    if (*results != node.results)
      refuse("results of the types that the blocks give");
    if (node.op->form == OpForm::Call)
      checkRule(node);
  }

  /// A call's rule gives a gradient for each input that it says.
  void checkRule(const ProgramNode &node) {
    std::vector<int64_t> wrt = attributes::Call::of(node.attributes).wrt;
    int64_t previous = -1;
    for (int64_t index : wrt) {
      if (index <= previous ||
          index >= static_cast<int64_t>(node.operands.size()))
        refuse("inputs in ascending order in 'wrt'");
      previous = index;
    }
    const Program *rule = node.region(1);
    if (rule ? rule->outputs.size() != wrt.size() : !wrt.empty())
      refuse("a rule that gives the gradients of 'wrt'");
  }

  void block(Program &program, const char *terminator, int depth) {
    Names names;
    std::vector<TensorType> defined;
    size_t known = program.inputs.size();
    if (accept("^bb0(")) {
      list("):", [&] {
        std::string name = valueName();
        expect(":");
        if (defined.size() == program.inputs.size())
          program.inputs.emplace_back();
        define(names, name, 1, static_cast<ValueId>(defined.size()));
        program.inputs[defined.size()].type = type();
        defined.push_back(program.inputs[defined.size()].type);
      });
    }
    if (known && known != defined.size())
      refuse("as many arguments as attributes");
    std::string end = "\"" + std::string(terminator) + "\"(";
    while (!accept(end)) {
      std::string name;
      size_t count = 1;
      skipSpace();
      if (at < text.size() && text[at] == '%') {
        name = valueName();
        if (accept(":"))
          count = number<size_t>();
        expect("=");
      }
      ProgramNode read = node(names, defined, depth);
      if (name.empty() ? !read.results.empty() : read.results.size() != count)
        refuse("a name for each result");
      define(names, name, count, static_cast<ValueId>(defined.size()));
      defined.insert(defined.end(), read.results.begin(), read.results.end());
      program.nodes.push_back(std::move(read));
    }
    list(")", [&] { program.outputs.push_back({use(names)}); });
    expect(":");
    std::vector<TensorType> returned, none;
    functionType(returned, none);
    bool agree = none.empty() && returned.size() == program.outputs.size();
    for (size_t i = 0; agree && i < returned.size(); ++i)
      agree = defined[program.outputs[i].value] == returned[i];
    if (!agree)
      refuse("the types of the results");
  }
};

} // namespace

Program Program::read(std::string_view text) { return Reader(text).module(); }
