# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The operation records, read from `llvm-tblgen -dump-json` (docs/record-schema.md)."""

import re
import textwrap
from dataclasses import dataclass, field


class RecordError(Exception):
    """What is wrong with which record; the generator prints it and exits with 1."""


# ODS attribute constraint -> the alternative of stepwell::Attribute that holds it.
ATTRIBUTE_KINDS = {
    "I64Attr": "I64",
    "F64Attr": "F64",
    "BoolAttr": "Bool",
    "DenseI64ArrayAttr": "Dims",
    "TypeAttr": "DType",
    "StrAttr": "String",
    "ElementsAttr": "Elements",
}

# In an operation with blocks a list is of operands or results, of which there is any number.
BLOCK_ATTRIBUTE_KINDS = ATTRIBUTE_KINDS | {"DenseI64ArrayAttr": "List", "UnitAttr": "Unit"}

# What a record's `dispatch` may list: stepwell::OpTrait.
DISPATCH_TRAITS = (
    "Reduces",
    "NeedsElements",
    "GivesPosition",
    "RankOfIndex",
    "Permutes",
    "MultipliesMatrices",
    "ByPosition",
    "InPlace",
)

SCALAR_KINDS = ("onFloat", "onInteger", "onUnsigned", "onBool")


@dataclass
class Operand:
    name: str
    variadic: bool = False


@dataclass
class AttributeField:
    name: str
    kind: str
    default: str | None = None  # as in the record: a C++ literal
    optional: bool = False


@dataclass
class BlockOp:
    """An operation with blocks, a call or a loop: of it the dispatcher knows the form alone."""

    record: str
    dialect: str
    mnemonic: str
    operands: list[Operand]
    attributes: list[AttributeField]
    results: list[str]
    regions: list[str]
    form: str = field(init=False)

    def __post_init__(self):
        self.form = self.record.partition("_")[2].removesuffix("Op")


@dataclass
class Op:
    record: str
    mnemonic: str
    summary: str
    description: str
    operands: list[Operand]
    attributes: list[AttributeField]
    results: list[str]
    inference: list[tuple[str, str]]
    promotion: str
    unpromoted: list[str]
    constants: list[str]
    numbers: list[str]
    held_numbers: list[str]
    natural_numbers: list[str]
    nonzero: list[str]
    checked: list[str]
    bool_refusal: str
    scalar: dict[str, str]
    decomposition: list[str]
    vjp: list[str]
    batch: tuple[str, list[str]]  # the kind, and the attributes that number dimensions
    non_differentiable: bool
    has_vjp_hook: bool
    saves: list[str]
    shape_only: list[str]
    auxiliary: list[str]
    cheap: bool
    python: list[str]
    slots: list[str]
    dispatch: list[str]
    partial: list[str]
    group: str
    cpp_class: str = field(init=False)

    def __post_init__(self):
        self.cpp_class = self.record.removeprefix("Array_")

    @property
    def elementwise(self):
        return any(self.scalar.values())

    @property
    def auxiliary_mask(self):
        return sum(1 << self.results.index(name) for name in self.auxiliary)

    def operand_mask(self, names):
        """Bit i is operand i."""
        return sum(1 << self.operand_index(name) for name in names)

    def operand_index(self, name):
        return next((i for i, o in enumerate(self.operands) if o.name == name), None)

    def attribute(self, name):
        return next((a for a in self.attributes if a.name == name), None)


def _attribute(records, definition, name, record, kinds):
    fields = records[definition]
    base, default, optional = definition, None, False
    if "DefaultValuedAttr" in fields["!superclasses"]:
        base, default = fields["baseAttr"]["def"], fields["defaultValue"]
    elif "OptionalAttr" in fields["!superclasses"] and base not in kinds:
        base, optional = fields["baseAttr"]["def"], True
    if base not in kinds:
        known = ", ".join(kinds)
        raise RecordError(f"{record}: attribute '{name}' is {base}; known are {known}")
    return AttributeField(name, kinds[base], default, optional or kinds[base] == "Unit")


def _arguments(records, name, kinds=ATTRIBUTE_KINDS):
    operands, attributes = [], []
    for argument, argument_name in records[name]["arguments"]["args"]:
        definition = argument["def"]
        classes = records[definition]["!superclasses"]
        if "AttrConstraint" in classes:
            attributes.append(_attribute(records, definition, argument_name, name, kinds))
        else:
            operands.append(Operand(argument_name, "Variadic" in classes))
    return operands, attributes


def _block_op(records, name):
    record = records[name]
    operands, attributes = _arguments(records, name, BLOCK_ATTRIBUTE_KINDS)
    if any(trait["def"] == "AttrSizedOperandSegments" for trait in record["traits"]):
        attributes.append(AttributeField("operandSegmentSizes", "Segments"))
    return BlockOp(
        record=name,
        dialect=records[record["opDialect"]["def"]]["name"],
        mnemonic=record["opName"],
        operands=operands,
        attributes=attributes,
        results=[result_name for _, result_name in record["results"]["args"]],
        regions=[region_name for _, region_name in record["regions"]["args"]],
    )


def read_block_ops(records):
    """Every operation that has blocks."""
    names = records["!instanceof"].get("Op", [])
    return [_block_op(records, name) for name in names if records[name]["regions"]["args"]]


def _batch(record, text):
    """Kind and attributes of "shift(dim)"."""
    found = re.fullmatch(r"(|shift|fold|rule)(?:\((\w+(?:, \w+)*)\))?", text)
    if not found or (found[2] and found[1] != "shift"):
        raise RecordError(f"{record}: '{text}' is no way to compute a batch")
    return found[1], found[2].split(", ") if found[2] else []


def _op(records, name):
    record = records[name]
    operands, attributes = _arguments(records, name)
    if record["inference"] is None:
        raise RecordError(f"{name}: the field 'inference' is not stated")
    scalar = records[record["scalar"]["def"]]
    op = Op(
        record=name,
        mnemonic=record["opName"],
        summary=record["summary"],
        description=textwrap.dedent(record["description"]).strip(),
        operands=operands,
        attributes=attributes,
        results=[result_name for _, result_name in record["results"]["args"]],
        inference=[
            (records[i["def"]]["shapeRule"], records[i["def"]]["dtypeRule"])
            for i in record["inference"]
        ],
        promotion=record["promotion"],
        unpromoted=record["unpromoted"],
        constants=record["constants"],
        numbers=record["numbers"],
        held_numbers=record["heldNumbers"],
        natural_numbers=record["naturalNumbers"],
        nonzero=record["nonzero"],
        checked=record["checked"],
        bool_refusal=record["boolRefusal"],
        scalar={kind: scalar[kind] for kind in SCALAR_KINDS},
        decomposition=record["decomposition"],
        vjp=record["vjp"],
        batch=_batch(name, record["batch"]),
        non_differentiable=bool(record["nonDifferentiable"]),
        has_vjp_hook=bool(record["hasVJPHook"]),
        saves=record["saves"],
        shape_only=record["shapeOnly"],
        auxiliary=record["auxiliary"],
        cheap=bool(record["cheap"]),
        python=record["python"],
        slots=record["slots"],
        dispatch=record["dispatch"],
        partial=record["partial"],
        group=record["!locs"][0].split(":")[0].removesuffix(".td"),
    )
    _check(op)
    return op


def _check(op):
    if not op.summary:
        raise RecordError(f"{op.record}: the summary is empty")
    if op.promotion not in ("None", "Common", "ToFloat", "ToBool", "SumToInt64"):
        raise RecordError(f"{op.record}: '{op.promotion}' is no promotion")
    if op.vjp and len(op.vjp) != len(op.operands):
        raise RecordError(
            f"{op.record}: {len(op.vjp)} vjp expressions for {len(op.operands)} operands"
        )
    for field_name, names in (
        ("shapeOnly", op.shape_only),
        ("unpromoted", op.unpromoted),
        ("numbers", op.numbers),
        ("heldNumbers", op.held_numbers),
        ("naturalNumbers", op.natural_numbers),
        ("nonzero", op.nonzero),
        ("checked", op.checked),
    ):
        for name in names:
            if op.operand_index(name) is None:
                raise RecordError(f"{op.record}: {field_name} names '{name}', which is no operand")
    if bool(op.batch[0]) == op.elementwise and not op.decomposition:
        raise RecordError(f"{op.record}: 'batch' is stated by what is not elementwise, and only so")
    for name in op.batch[1]:
        if op.attribute(name) is None:
            raise RecordError(f"{op.record}: batch names '{name}', which is no attribute")
    for name in op.dispatch:
        if name not in DISPATCH_TRAITS:
            known = ", ".join(DISPATCH_TRAITS)
            raise RecordError(f"{op.record}: dispatch lists '{name}'; known are {known}")
    for name in op.auxiliary:
        if name not in op.results:
            raise RecordError(f"{op.record}: auxiliary names '{name}', which is no result")
    if op.inference and len(op.inference) != len(op.results):
        raise RecordError(
            f"{op.record}: {len(op.inference)} inferences for {len(op.results)} results"
        )


def read(records):
    """Every operation of the dialect, by mnemonic, in alphabetical order."""
    ops = {}
    for name in records["!instanceof"].get("Array_Op", []):
        op = _op(records, name)
        if op.mnemonic in ops:
            raise RecordError(f"{name}: '{op.mnemonic}' is also {ops[op.mnemonic].record}")
        ops[op.mnemonic] = op
    return dict(sorted(ops.items()))
