"""Vector and bit instructions that numba does not offer, as intrinsics that emit LLVM IR.

Addresses are int64; loads and stores are unaligned and unchecked, and vector loads read whole vectors, so every
buffer has PAD bytes before its first and after its last byte. Masks are uint64, bit i for byte i.
"""

from __future__ import annotations

from typing import Any

from llvmlite import binding, ir
from numba import types
from numba.extending import intrinsic

from kernels.words import I1, I8, I16, I32, I64, I128, load, pointer

_FEATURES = binding.get_host_cpu_features()
HAS_COMPRESS = bool(_FEATURES.get("avx512vbmi2")) and bool(_FEATURES.get("avx512bw"))
HAS_CLMUL = bool(_FEATURES.get("pclmul"))
HAS_AES = bool(_FEATURES.get("aes"))


def _splat(builder: Any, value: Any, kind: Any) -> Any:
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, I32(0))
    return builder.shuffle_vector(
        one, ir.Constant(kind, ir.Undefined), ir.Constant(ir.VectorType(I32, kind.count), [0] * kind.count)
    )


def _bytes64(builder: Any, address: Any) -> Any:
    return load(builder, address, ir.VectorType(I8, 64))


@intrinsic
def equal_mask(typingctx: Any, address: Any, byte: Any) -> Any:
    """Which of the 64 bytes at an address equal `byte`."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        wanted = _splat(builder, builder.trunc(args[1], I8), ir.VectorType(I8, 64))
        return builder.bitcast(builder.icmp_unsigned("==", _bytes64(builder, args[0]), wanted), I64)

    return types.uint64(types.int64, types.int64), generate


@intrinsic
def bracket_mask(typingctx: Any, address: Any, byte: Any) -> Any:
    """Which of the 64 bytes at an address equal `byte` once their bit 5 is set: 0x7b finds `{` and `[`."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.VectorType(I8, 64)
        folded = builder.or_(_bytes64(builder, args[0]), ir.Constant(kind, [0x20] * 64))
        wanted = _splat(builder, builder.trunc(args[1], I8), kind)
        return builder.bitcast(builder.icmp_unsigned("==", folded, wanted), I64)

    return types.uint64(types.int64, types.int64), generate


@intrinsic
def nesting_mask(typingctx: Any, address: Any) -> Any:
    """Which of the 64 bytes at an address are brackets or braces, or `|` or a backslash: one compare, since bytes that
    differ in bit 5 only are folded and 0x7b to 0x7d stand in a row."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.VectorType(I8, 64)
        folded = builder.or_(_bytes64(builder, args[0]), ir.Constant(kind, [0x20] * 64))
        shifted = builder.sub(folded, ir.Constant(kind, [0x7B] * 64))
        return builder.bitcast(builder.icmp_unsigned("<=", shifted, ir.Constant(kind, [2] * 64)), I64)

    return types.uint64(types.int64), generate


@intrinsic
def digit_count(typingctx: Any, address: Any) -> Any:
    """How many of the 32 bytes at an address are digits before the first that is none (32 if all are)."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.VectorType(I8, 32)
        shifted = builder.sub(load(builder, args[0], kind), ir.Constant(kind, [0x30] * 32))
        others = builder.icmp_unsigned(">", shifted, ir.Constant(kind, [9] * 32))
        mask = builder.zext(builder.bitcast(others, I32), I64)
        mask = builder.or_(mask, I64(1 << 32))
        return builder.cttz(mask, I1(1))

    return types.int64(types.int64), generate


@intrinsic
def begins_with(typingctx: Any, left: Any, right: Any, length: Any) -> Any:
    """Whether the first `length` (1 to 64) bytes at two addresses are equal."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.VectorType(I8, 64)
        differ = builder.icmp_unsigned("!=", load(builder, args[0], kind), load(builder, args[1], kind))
        above = builder.shl(builder.bitcast(differ, I64), builder.sub(I64(64), args[2]))
        return builder.icmp_unsigned("==", above, I64(0))

    return types.boolean(types.int64, types.int64, types.int64), generate


@intrinsic
def same_group(typingctx: Any, slot: Any, row: Any) -> Any:
    """Whether the keys at two addresses agree: 32 bytes but for bytes 20 to 23, the resource's number."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.VectorType(I32, 8)
        equal = builder.icmp_unsigned("==", load(builder, args[0], kind), load(builder, args[1], kind))
        return builder.icmp_unsigned("==", builder.or_(builder.bitcast(equal, I8), I8(1 << 5)), I8(255))

    return types.boolean(types.int64, types.int64), generate


@intrinsic
def entry_mask(typingctx: Any, bucket: Any, low: Any, tag: Any) -> Any:
    """Which of the 16 entries of an index's cache line have `tag` above their `low` lower bits, or are 0."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.VectorType(I32, 16)
        entries = load(builder, args[0], kind)
        tags = builder.lshr(entries, _splat(builder, builder.trunc(args[1], I32), kind))
        alike = builder.icmp_unsigned("==", tags, _splat(builder, builder.trunc(args[2], I32), kind))
        free = builder.icmp_unsigned("==", entries, ir.Constant(kind, [0] * 16))
        return builder.zext(builder.bitcast(builder.or_(alike, free), I16), I64)

    return types.uint64(types.int64, types.int64, types.uint64), generate


@intrinsic
def add_sums(typingctx: Any, slot: Any, row: Any) -> Any:
    """Add the sums of the line at `row` to those of the group at `slot`: four of 32 bits and two of 64, bytes 32 to
    63."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        for kind, at in ((ir.VectorType(I32, 4), 32), (ir.VectorType(I64, 2), 48)):
            place = pointer(builder, builder.add(args[0], I64(at)), kind)
            more = load(builder, builder.add(args[1], I64(at)), kind)
            builder.store(builder.add(builder.load(place, align=1), more), place, align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def hash32(typingctx: Any, address: Any, length: Any, seed: Any, seed_2: Any, out: Any) -> Any:
    """Write at `out` a seeded 128-bit hash of the first `length` (0 to 32) bytes at an address.

    Rounds of AES keyed by the seeds: one for each half, three for both. Where the processor has none, folded
    64 × 64 → 128 bit products over four words, the construction of the wyhash family, once a seed.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        address, length, seed, seed_2, out = args
        kind = ir.VectorType(I8, 32)
        places = ir.Constant(kind, list(range(32)))
        inside = builder.icmp_unsigned("<", places, _splat(builder, builder.trunc(length, I8), kind))
        data = builder.select(inside, load(builder, address, kind), ir.Constant(kind, [0] * 32))
        words = builder.bitcast(data, ir.VectorType(I64, 4))
        made = _aes_hash if HAS_AES else _folded_hash
        pair = made(builder, words, length, seed, seed_2)
        builder.store(pair, pointer(builder, out, ir.VectorType(I64, 2)), align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.uint64, types.uint64, types.int64), generate


_SECRETS = (0xA0761D6478BD642F, 0xE7037ED1A0B428DB, 0x8EBC6AF09C88C6E3, 0x589965CC75374CC3)
_MORE = 0x9E3779B97F4A7C15


def _aes_hash(builder: Any, words: Any, length: Any, seed: Any, seed_2: Any) -> Any:
    kind = ir.VectorType(I64, 2)
    nothing = ir.Constant(kind, ir.Undefined)

    def both(first: Any, second: Any) -> Any:
        return builder.insert_element(builder.insert_element(nothing, first, I32(0)), second, I32(1))

    def half(first: int) -> Any:
        return builder.shuffle_vector(words, words, ir.Constant(ir.VectorType(I32, 2), [first, first + 1]))

    def one_round(state: Any, key: Any) -> Any:
        name = "llvm.x86.aesni.aesenc"
        function = builder.module.globals.get(name) or ir.Function(
            builder.module, ir.FunctionType(kind, [kind, kind]), name
        )
        return builder.call(function, [state, key])

    key = both(seed, seed_2)
    secrets = [ir.Constant(kind, list(pair)) for pair in (_SECRETS[:2], _SECRETS[2:], (_MORE, _SECRETS[0]))]
    low = one_round(builder.xor(half(0), key), secrets[0])
    counted = builder.add(key, both(length, I64(_MORE)))
    high = one_round(builder.xor(half(2), counted), secrets[1])
    return one_round(one_round(one_round(low, high), secrets[2]), key)


def _folded_hash(builder: Any, words: Any, length: Any, seed: Any, seed_2: Any) -> Any:
    parts = [builder.extract_element(words, I32(i)) for i in range(4)]
    pair = ir.Constant(ir.VectorType(I64, 2), ir.Undefined)
    for i, by in enumerate((seed, seed_2)):
        keyed = [builder.xor(p, builder.add(by, I64(s))) for p, s in zip(parts, _SECRETS, strict=True)]
        folded = builder.xor(_fold(builder, keyed[0], keyed[1]), _fold(builder, keyed[2], keyed[3]))
        pair = builder.insert_element(pair, _fold(builder, builder.xor(folded, length), I64(_MORE)), I32(i))
    return pair


def _fold(builder: Any, left: Any, right: Any) -> Any:
    product = builder.mul(builder.zext(left, I128), builder.zext(right, I128))
    return builder.xor(builder.trunc(product, I64), builder.trunc(builder.lshr(product, I128(64)), I64))


@intrinsic
def trailing_zeros(typingctx: Any, mask: Any) -> Any:
    """Place of the lowest set bit, 64 for none."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], I1(0))

    return types.int64(types.uint64), generate


@intrinsic
def popcount(typingctx: Any, mask: Any) -> Any:
    """How many bits are set."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.int64(types.uint64), generate


@intrinsic
def prefix_xor(typingctx: Any, mask: Any) -> Any:
    """Bit i of the result is the exclusive or of bits 0 to i: with quotes in, the bytes from an opening quote up to
    before its closing one."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if HAS_CLMUL:
            kind = ir.VectorType(I64, 2)
            left = builder.insert_element(ir.Constant(kind, [0, 0]), args[0], I32(0))
            ones = ir.Constant(kind, [(1 << 64) - 1, 0])
            name = "llvm.x86.pclmulqdq"
            function = builder.module.globals.get(name) or ir.Function(
                builder.module, ir.FunctionType(kind, [kind, kind, I8]), name
            )
            return builder.extract_element(builder.call(function, [left, ones, I8(0)]), I32(0))
        value = args[0]
        for shift in (1, 2, 4, 8, 16, 32):
            value = builder.xor(value, builder.shl(value, I64(shift)))
        return value

    return types.uint64(types.uint64), generate


@intrinsic
def store_places(typingctx: Any, out: Any, mask: Any, base: Any) -> Any:
    """Write base + i as uint16 at `out` for every set bit i of `mask`, in order; up to 128 bytes are written over.

    With AVX-512 VBMI2 a compress of a ramp of bytes (of 16-bit words it takes two: 5 % less); elsewhere a loop over the
    bits, which also takes what does not fit one vector.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        out, mask, base = args
        if HAS_COMPRESS:
            kind = ir.VectorType(I8, 64)
            name = "llvm.x86.avx512.mask.compress.v64i8"
            function = builder.module.globals.get(name) or ir.Function(
                builder.module, ir.FunctionType(kind, [kind, kind, ir.VectorType(I1, 64)]), name
            )
            ramp = ir.Constant(kind, list(range(64)))
            bits = builder.bitcast(mask, ir.VectorType(I1, 64))
            packed = builder.call(function, [ramp, ir.Constant(kind, [0] * 64), bits])
            wide = ir.VectorType(I16, FIRST_PLACES)
            half = ir.Constant(ir.VectorType(I32, FIRST_PLACES), list(range(FIRST_PLACES)))
            first = builder.zext(builder.shuffle_vector(packed, packed, half), wide)
            places = builder.add(first, _splat(builder, builder.trunc(base, I16), wide))
            builder.store(places, pointer(builder, out, wide), align=1)
            many = builder.icmp_unsigned(">", builder.ctpop(mask), I64(FIRST_PLACES))
            with builder.if_then(many, likely=False):
                _store_each(builder, out, mask, base)
        else:
            _store_each(builder, out, mask, base)
        return context.get_dummy_value()

    return types.void(types.int64, types.uint64, types.int64), generate


FIRST_PLACES = 16
"""Places that one vector takes."""


def _store_each(builder: Any, out: Any, mask: Any, base: Any) -> None:
    """The places of the bits of a mask, one after another."""
    start_block = builder.block
    test, body, done = (builder.append_basic_block(n) for n in ("places.test", "places.body", "places.done"))
    builder.branch(test)
    builder.position_at_end(test)
    rest = builder.phi(I64)
    place = builder.phi(I64)
    rest.add_incoming(mask, start_block)
    place.add_incoming(out, start_block)
    builder.cbranch(builder.icmp_unsigned("!=", rest, I64(0)), body, done)
    builder.position_at_end(body)
    value = builder.add(base, builder.cttz(rest, I1(0)))
    builder.store(builder.trunc(value, I16), pointer(builder, place, I16), align=1)
    rest.add_incoming(builder.and_(rest, builder.sub(rest, I64(1))), body)
    place.add_incoming(builder.add(place, I64(2)), body)
    builder.branch(test)
    builder.position_at_end(done)
