"""Loads, stores and calls at addresses, which numba does not offer, as intrinsics that emit LLVM IR.

Addresses are int64; nothing is aligned and nothing is checked: callers size and pad what addresses point at.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

I1, I8, I16, I32, I64, I128 = (ir.IntType(n) for n in (1, 8, 16, 32, 64, 128))


def pointer(builder: Any, address: Any, kind: Any) -> Any:
    return builder.inttoptr(address, kind.as_pointer())


def load(builder: Any, address: Any, kind: Any) -> Any:
    return builder.load(pointer(builder, address, kind), align=1)


@intrinsic
def load64(typingctx: Any, address: Any) -> Any:
    """uint64 at an address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return load(builder, args[0], I64)

    return types.uint64(types.int64), generate


@intrinsic
def load32(typingctx: Any, address: Any) -> Any:
    """uint32 at an address, widened to uint64."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.zext(load(builder, args[0], I32), I64)

    return types.uint64(types.int64), generate


@intrinsic
def load16(typingctx: Any, address: Any) -> Any:
    """uint16 at an address, as int64."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.zext(load(builder, args[0], I16), I64)

    return types.int64(types.int64), generate


@intrinsic
def load8(typingctx: Any, address: Any) -> Any:
    """The byte at an address, as int64."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.zext(load(builder, args[0], I8), I64)

    return types.int64(types.int64), generate


@intrinsic
def store64(typingctx: Any, address: Any, value: Any) -> Any:
    """Write a uint64."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(args[1], pointer(builder, args[0], I64), align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.uint64), generate


@intrinsic
def store32(typingctx: Any, address: Any, value: Any) -> Any:
    """Write the low 32 bits of an int64."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(builder.trunc(args[1], I32), pointer(builder, args[0], I32), align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def get(typingctx: Any, address: Any, index: Any) -> Any:
    """The int64 in place `index` of the array at an address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return load(builder, builder.add(args[0], builder.shl(args[1], I64(3))), I64)

    return types.int64(types.int64, types.int64), generate


@intrinsic
def put(typingctx: Any, address: Any, index: Any, value: Any) -> Any:
    """Write an int64 to place `index` of the array at an address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = builder.add(args[0], builder.shl(args[1], I64(3)))
        builder.store(args[2], pointer(builder, place, I64), align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


@intrinsic
def bump(typingctx: Any, address: Any, index: Any, by: Any) -> Any:
    """Add to the int64 in place `index` of the array at an address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = pointer(builder, builder.add(args[0], builder.shl(args[1], I64(3))), I64)
        builder.store(builder.add(builder.load(place, align=1), args[2]), place, align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


@intrinsic
def call_address(typingctx: Any, function: Any, a: Any, b: Any, c: Any, d: Any, e: Any, f: Any) -> Any:
    """Call what lies at an address with six int64; its int64."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(I64, [I64] * 6)
        return builder.call(builder.inttoptr(args[0], kind.as_pointer()), args[1:])

    return types.int64(*[types.int64] * 7), generate


@intrinsic
def read_at(typingctx: Any, fd: Any, address: Any, count: Any, offset: Any) -> Any:
    """The C library's pread: how many bytes it got, 0 at the file's end, -1 for an error."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        name = "pread"
        function = builder.module.globals.get(name) or ir.Function(
            builder.module, ir.FunctionType(I64, [I32, I64, I64, I64]), name
        )
        return builder.call(function, [builder.trunc(args[0], I32), *args[1:]])

    return types.int64(*[types.int64] * 4), generate


@intrinsic
def store16(typingctx: Any, address: Any, value: Any) -> Any:
    """Write the low 16 bits of an int64."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(builder.trunc(args[1], I16), pointer(builder, args[0], I16), align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def store8(typingctx: Any, address: Any, value: Any) -> Any:
    """Write the low 8 bits of an int64."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(builder.trunc(args[1], I8), pointer(builder, args[0], I8), align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def copy64(typingctx: Any, target: Any, source: Any) -> Any:
    """Copy 64 bytes."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.VectorType(I64, 8)
        builder.store(load(builder, args[1], kind), pointer(builder, args[0], kind), align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def prefetch(typingctx: Any, address: Any) -> Any:
    """Ask for the cache line at an address, soon to be read and written."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = I8.as_pointer()
        name = "llvm.prefetch.p0"
        function = builder.module.globals.get(name) or ir.Function(
            builder.module, ir.FunctionType(ir.VoidType(), [kind, I32, I32, I32]), name
        )
        builder.call(function, [builder.inttoptr(args[0], kind), I32(0), I32(3), I32(1)])
        return context.get_dummy_value()

    return types.void(types.int64), generate
