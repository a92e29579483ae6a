# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The expressions of `vjp` and `scalar`: Python's grammar, our names."""

import ast
from dataclasses import dataclass, field

from records import RecordError


@dataclass
class Number:
    value: float | int


@dataclass
class Ref:
    """A value: kind is "operand", "result", "cotangent" or "local"."""

    kind: str
    index: int
    name: str


@dataclass
class AttributeRef:
    """An attribute of the record itself."""

    name: str


@dataclass
class AttributeCall:
    """An attribute computed from another, or from a value's type: `inverse(permutation)`."""

    function: str
    argument: "AttributeRef | Ref"


@dataclass
class Literal:
    """An attribute's value, written out: a number, bool, string or list of integers."""

    value: object


@dataclass
class TypedNumber:
    """A number, often an attribute's, with the element type of a value."""

    number: "AttributeRef | Literal"
    like: object


@dataclass
class Call:
    op: object  # an Op in a vjp, "arith.addf" in a scalar body
    args: list
    attributes: dict = field(default_factory=dict)
    result: int = 0  # which of several


ATTRIBUTE_FUNCTIONS = {
    "inverse": "attribute",
    "negated": "attribute",
    "dims": "attribute",
    "dtype": "value",
    "wide": "value",
    "swapLast": "value",
    "allDims": "value",
    "sizes": "value",
}
# What a scalar body may call besides arith and math: the number of arguments.
SCALAR_BUILTINS = {"convert": 1, "power": 2, "bits": 0, "widen": 1, "narrow": 1}
# The arith and math operations that infer their type, by their number of values. Predicates
# come before those of the first two.
SCALAR_OPERATIONS = {
    f"{dialect}.{name}": count
    for dialect, count, names in (
        ("arith", 1, "negf"),
        ("arith", 2, "addf subf mulf divf remf maximumf minimumf maxnumf minnumf"),
        ("arith", 2, "addi subi muli divsi divui remsi remui floordivsi ceildivsi ceildivui"),
        ("arith", 2, "andi ori xori shli shrsi shrui maxsi maxui minsi minui cmpf cmpi"),
        ("arith", 3, "select"),
        ("math", 1, "absf absi acos acosh asin asinh atan atanh cbrt ceil cos cosh ctlz cttz"),
        ("math", 1, "ctpop erf erfc exp exp2 expm1 floor log log10 log1p log2 round roundeven"),
        ("math", 1, "rsqrt sin sinh sqrt tan tanh trunc"),
        ("math", 2, "atan2 copysign fpowi ipowi powf"),
        ("math", 3, "fma"),
    )
    for name in names.split()
}
PREDICATES = {
    "arith.cmpf": set("false oeq ogt oge olt ole one ord ueq ugt uge ult ule une uno true".split()),
    "arith.cmpi": set("eq ne slt sle sgt sge ult ule ugt uge".split()),
}
# What a literal may be, by the kind of the attribute that takes it.
LITERALS = {"I64": int, "F64": (int, float), "Bool": bool, "Dims": (list, tuple), "String": str}
INFIX = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div"}


class _Parser:
    def __init__(self, op, text, where):
        self.op, self.text, self.where = op, text, where

    def fail(self, message):
        raise RecordError(f'{self.op.record}: {self.where} "{self.text}": {message}')

    def parse(self):
        try:
            tree = ast.parse(self.text, mode="eval")
        except SyntaxError as error:
            self.fail(f"not an expression ({error.msg})")
        return self.value(tree.body)

    def number(self, node):
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            inner = self.number(node.operand)
            return None if inner is None else Number(-inner.value)
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, (int, float))
            and not isinstance(node.value, bool)
        ):
            return Number(node.value)
        return None

    def operand_ref(self, name):
        index = self.op.operand_index(name)
        return None if index is None else Ref("operand", index, name)


class _ValueParser(_Parser):
    """Operations of the dialect on values: what `vjp` and `decomposition` are made of."""

    def __init__(self, op, text, ops, where):
        super().__init__(op, text, where)
        self.ops = ops

    def callee(self, mnemonic):
        if mnemonic not in self.ops:
            self.fail(f"'{mnemonic}' is no operation")
        return self.ops[mnemonic]

    def value(self, node):
        number = self.number(node)
        if number is not None:
            return number
        if isinstance(node, ast.Name):
            return self.name(node.id)
        if isinstance(node, ast.BinOp) and type(node.op) in INFIX:
            return Call(
                self.callee(INFIX[type(node.op)]), [self.value(node.left), self.value(node.right)]
            )
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return Call(self.callee("neg"), [self.value(node.operand)])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return self.call(node)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Call):
            call = self.value(node.value)
            if not isinstance(call, Call) or node.attr not in call.op.results:
                self.fail(f"'{ast.unparse(node)}' is no result")
            call.result = call.op.results.index(node.attr)
            return call
        self.fail(f"'{ast.unparse(node)}' is not understood")

    def name(self, name):
        ref = self.operand_ref(name)
        if ref is None:
            self.fail(f"'{name}' is no operand, result or attribute of '{self.op.mnemonic}'")
        return ref

    def call(self, node):
        if node.func.id == "number":
            return self.typed_number(node)
        op = self.callee(node.func.id)
        count = len(op.operands)
        if any(o.variadic for o in op.operands):
            count = len(node.args)
        if len(node.args) < count:
            self.fail(f"'{op.mnemonic}' takes {count} operands")
        call = Call(op, [self.value(argument) for argument in node.args[:count]])
        extra = dict(zip([a.name for a in op.attributes], node.args[count:], strict=False))
        if len(node.args) - count > len(op.attributes):
            self.fail(f"too many arguments for '{op.mnemonic}'")
        for keyword in node.keywords:
            if keyword.arg in extra:
                self.fail(f"'{op.mnemonic}' gets '{keyword.arg}' twice")
            extra[keyword.arg] = keyword.value
        for name, value in extra.items():
            if op.attribute(name) is None:
                self.fail(f"'{op.mnemonic}' has no attribute '{name}'")
            call.attributes[name] = self.attribute(value)
            self.check_literal(op.attribute(name), call.attributes[name])
        for attribute in op.attributes:
            if attribute.name not in call.attributes and attribute.default is None:
                self.fail(f"'{op.mnemonic}' needs the attribute '{attribute.name}'")
        return call

    def check_literal(self, attribute, value):
        wanted = LITERALS.get(attribute.kind)
        if not isinstance(value, Literal) or wanted is None:
            return
        literal = value.value
        fits = isinstance(literal, wanted) and isinstance(literal, bool) == (wanted is bool)
        if fits and attribute.kind == "Dims":
            fits = all(type(item) is int for item in literal)
        if not fits:
            self.fail(f"{literal!r} is no value of the attribute '{attribute.name}'")

    def typed_number(self, node):
        """`number(attribute or literal, value)`: with the value's element type."""
        if len(node.args) != 2 or node.keywords:
            self.fail("'number' takes a number and a value")
        literal = self.number(node.args[0])
        attribute = Literal(literal.value) if literal else self.attribute(node.args[0])
        return TypedNumber(attribute, self.value(node.args[1]))

    def attribute(self, node):
        if isinstance(node, ast.Name):
            if self.op.attribute(node.id) is None:
                self.fail(f"'{node.id}' is no attribute of '{self.op.mnemonic}'")
            return AttributeRef(node.id)
        if isinstance(node, ast.Call):
            function = ast.unparse(node.func)
            if function not in ATTRIBUTE_FUNCTIONS or len(node.args) != 1 or node.keywords:
                self.fail(f"'{ast.unparse(node)}' computes no attribute")
            if ATTRIBUTE_FUNCTIONS[function] == "value":
                return AttributeCall(function, self.value(node.args[0]))
            return AttributeCall(function, self.attribute(node.args[0]))
        try:
            return Literal(ast.literal_eval(node))
        except ValueError:
            self.fail(f"'{ast.unparse(node)}' is no attribute value")


class _VJPParser(_ValueParser):
    def __init__(self, op, text, ops):
        super().__init__(op, text, ops, "vjp")

    def name(self, name):
        if name == "g":
            return Ref("cotangent", 0, name)
        if name in self.op.results:
            return Ref("result", self.op.results.index(name), name)
        return super().name(name)


class _DecompositionParser(_ValueParser):
    def __init__(self, op, text, ops, local_names):
        super().__init__(op, text, ops, "decomposition")
        self.local_names = local_names

    def name(self, name):
        if name in self.local_names:
            return Ref("local", 0, name)
        return super().name(name)


class _ScalarParser(_Parser):
    """Calls are `arith.addf(input, other)`; leading strings are predicates."""

    def __init__(self, op, text):
        super().__init__(op, text, "scalar")

    def value(self, node):
        number = self.number(node)
        if number is not None:
            return number
        if isinstance(node, ast.Name):
            ref = self.operand_ref(node.id)
            if ref is None:
                self.fail(f"'{node.id}' is no operand of '{self.op.mnemonic}'")
            return ref
        if isinstance(node, ast.Call) and ast.unparse(node.func) in SCALAR_BUILTINS:
            name = ast.unparse(node.func)
            if len(node.args) != SCALAR_BUILTINS[name] or node.keywords:
                self.fail(f"'{name}' takes {SCALAR_BUILTINS[name]} arguments")
            return Call(name, [self.value(argument) for argument in node.args])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            name = ast.unparse(node.func)
            if name.split(".")[0] not in ("arith", "math"):
                self.fail(f"'{name}' is neither an arith nor a math operation")
            if name not in SCALAR_OPERATIONS:
                self.fail(f"'{name}' is no operation that a scalar may call")
            call = Call(name, [])
            arguments = list(node.args)
            if name in PREDICATES:
                first = arguments.pop(0) if arguments else None
                predicate = first.value if isinstance(first, ast.Constant) else None
                if predicate not in PREDICATES[name]:
                    self.fail(f"'{name}' takes a predicate first")
                call.attributes["predicate"] = Literal(predicate)
            for argument in arguments:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    self.fail(f"'{name}' takes no predicate")
                call.args.append(self.value(argument))
            if len(call.args) != SCALAR_OPERATIONS[name] or node.keywords:
                self.fail(f"'{name}' takes {SCALAR_OPERATIONS[name]} values")
            return call
        self.fail(f"'{ast.unparse(node)}' is not understood")


def parse_vjp(op, text, ops):
    return _VJPParser(op, text, ops).parse()


def parse_decomposition(op, ops):
    """The statements "name = expression", as pairs; then the results, which are expressions."""
    statements, local_names = [], set()
    count = len(op.decomposition) - len(op.results)
    if count < 0:
        raise RecordError(f"{op.record}: the decomposition has fewer lines than results")
    for text in op.decomposition[:count]:
        name, equals, expression = text.partition(" = ")
        if not equals or not name.isidentifier() or op.operand_index(name) is not None:
            raise RecordError(f'{op.record}: decomposition "{text}" is not "name = expression"')
        value = _DecompositionParser(op, expression, ops, local_names).parse()
        statements.append((name, value))
        local_names.add(name)
    results = [
        _DecompositionParser(op, text, ops, local_names).parse()
        for text in op.decomposition[count:]
    ]
    return statements, results


def parse_scalar(op, text):
    return _ScalarParser(op, text).parse()


@dataclass
class Needs:
    """What an expression reads, as bit masks over operands and results."""

    operands: int = 0
    operand_shapes: int = 0
    results: int = 0
    result_shapes: int = 0


@dataclass
class Smooth:
    """What an expression is differentiable in: bit masks over operands and results, and the cotangent."""

    operands: int = 0
    results: int = 0
    cotangent: bool = False


def smooth(expression, into=None):
    into = Smooth() if into is None else into
    if isinstance(expression, Ref):
        if expression.kind == "operand":
            into.operands |= 1 << expression.index
        elif expression.kind == "result":
            into.results |= 1 << expression.index
        else:
            into.cotangent |= expression.kind == "cotangent"
    elif isinstance(expression, Call) and not expression.op.non_differentiable:
        op = expression.op
        for index, argument in enumerate(expression.args):
            at = min(index, len(op.operands) - 1)
            if op.operands[at].name in op.shape_only or (op.vjp and not op.vjp[at]):
                continue
            smooth(argument, into)
    return into


def needs(expression, shape_only=False, into=None):
    into = Needs() if into is None else into
    if isinstance(expression, Ref):
        if expression.kind == "operand":
            if shape_only:
                into.operand_shapes |= 1 << expression.index
            else:
                into.operands |= 1 << expression.index
        elif expression.kind == "result":
            if shape_only:
                into.result_shapes |= 1 << expression.index
            else:
                into.results |= 1 << expression.index
    elif isinstance(expression, Call):
        for index, argument in enumerate(expression.args):
            operands = expression.op.operands
            operand = operands[min(index, len(operands) - 1)]
            needs(argument, operand.name in expression.op.shape_only, into)
    return into
