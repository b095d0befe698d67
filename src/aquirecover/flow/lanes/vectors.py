"""One number for each of several scenarios, as one value in compiled loops.

Scenarios that share a matrix are computed side by side: an array of shape ``(n, LANES)`` holds a row of one number per scenario
for each cell, and loops read, combine and write whole rows. A row is a vector of the processor, so that a loop over cells needs
no numbering that runs along memory, and every conductance is read once for all scenarios.

`row` and `put` read and write rows of C-contiguous arrays; ``+``, ``-`` and ``*`` combine rows with one another and with numbers
of the same precision, and products and sums may be fused. All of this is for functions compiled by numba alone.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

LANES = 16
"""Scenarios side by side: a row is one vector of the widest processors in single precision, two in double."""

_FUSED = ("contract",)
# the types of numba's decorator do not fit functions that it types itself
_compiled: Any = intrinsic
_VECTORS = {types.float32: ir.VectorType(ir.FloatType(), LANES), types.float64: ir.VectorType(ir.DoubleType(), LANES)}


class LaneType(types.Type):
    """Numba's type of a row of numbers, one per lane."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"lanes({dtype})")


@register_model(LaneType)
class _LaneModel(models.PrimitiveModel):
    """A row is held in registers."""

    def __init__(self, manager: Any, kind: LaneType) -> None:
        super().__init__(manager, kind, _VECTORS[kind.dtype])  # type: ignore[no-untyped-call]


def _repeated(builder: Any, value: Any, vector: Any) -> Any:
    """Return a vector of one number in all lanes."""
    empty = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(empty, value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, empty, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES))


def _define(sign: Callable[..., Any], instruction: str) -> None:
    """Let an operator combine rows with rows, and with numbers of the same precision."""

    @infer_global(sign)
    class _Template(AbstractTemplate):
        key = sign

        def generic(self, args: Any, keywords: Any) -> Any:
            rows = [kind for kind in args if isinstance(kind, LaneType)]
            if len(args) != 2 or not rows or any(kind not in (rows[0], rows[0].dtype) for kind in args):
                return None
            return signature(rows[0], *args)

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        vector = _VECTORS[sig.return_type.dtype]
        pairs = zip(sig.args, args, strict=True)
        a, b = (value if isinstance(kind, LaneType) else _repeated(builder, value, vector) for kind, value in pairs)
        return getattr(builder, instruction)(a, b, flags=_FUSED)

    for kinds in ((LaneType, LaneType), (LaneType, types.Float), (types.Float, LaneType)):
        lower_builtin(sign, *kinds)(lower)


_define(operator.add, "fadd")
_define(operator.sub, "fsub")
_define(operator.mul, "fmul")


def _address(context: Any, builder: Any, kind: Any, array: Any, number: Any) -> Any:
    """Return the address of a row of an array."""
    start = builder.mul(number, ir.Constant(number.type, LANES))
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [start]), _VECTORS[kind.dtype].as_pointer())


@_compiled
def row(typing: Any, array: Any, number: Any) -> Any:
    """Return row `number` of an array of shape ``(n, LANES)``."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.load(_address(context, builder, sig.args[0], *args), align=array.dtype.bitwidth // 8)

    return LaneType(array.dtype)(array, types.intp), generate


@_compiled
def put(typing: Any, array: Any, number: Any, value: Any) -> Any:
    """Set row `number` of an array of shape ``(n, LANES)``."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        address = _address(context, builder, sig.args[0], *args[:2])
        builder.store(args[2], address, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, LaneType(array.dtype)), generate


@_compiled
def product(typing: Any, factor: Any, value: Any) -> Any:
    """Return a number times a row, rounded before it is used: the difference of two equal products is nothing."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.fmul(_repeated(builder, args[0], _VECTORS[value.dtype]), args[1])

    return value(value.dtype, value), generate


@_compiled
def zeros(typing: Any, array: Any) -> Any:
    """Return a row of zeros in the precision of an array."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return ir.Constant(_VECTORS[array.dtype], None)

    return LaneType(array.dtype)(array), generate


@_compiled
def single(typing: Any, value: Any) -> Any:
    """Return a row rounded to single precision."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.fptrunc(args[0], _VECTORS[types.float32])

    return LaneType(types.float32)(LaneType(types.float64)), generate


@_compiled
def double(typing: Any, value: Any) -> Any:
    """Return a row of single precision in double precision."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.fpext(args[0], _VECTORS[types.float64])

    return LaneType(types.float64)(LaneType(types.float32)), generate


@_compiled
def magnitude(typing: Any, value: Any) -> Any:
    """Return the absolute values of a row."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        vector = _VECTORS[value.dtype]
        name = f"llvm.fabs.v{LANES}f{value.dtype.bitwidth}"
        return builder.call(cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector, [vector]), name), args)

    return value(value), generate


@_compiled
def larger(typing: Any, a: Any, b: Any) -> Any:
    """Return the larger of two rows, lane by lane."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.select(builder.fcmp_ordered(">", *args), *args)

    return a(a, b), generate


@_compiled
def smaller(typing: Any, a: Any, b: Any) -> Any:
    """Return the smaller of two rows, lane by lane."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.select(builder.fcmp_ordered("<", *args), *args)

    return a(a, b), generate


@_compiled
def between(typing: Any, value: Any, low: Any, high: Any, inside: Any) -> Any:
    """Return `inside` in lanes where ``low < value < high``, and 0 elsewhere."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        over, under = builder.fcmp_ordered(">", args[0], args[1]), builder.fcmp_ordered("<", args[0], args[2])
        return builder.select(builder.and_(over, under), args[3], ir.Constant(_VECTORS[inside.dtype], None))

    return inside(value, low, high, inside), generate
