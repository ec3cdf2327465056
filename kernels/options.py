"""The one place that decides how the parts of kernels are compiled; `kernels.native` compiles and keeps the kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numba
from numba.core.codegen import JITCodeLibrary, JITCPUCodegen
from numba.core.types import Boolean, Float, Integer
from numba.core.types.functions import BaseFunction
from numba.core.types.misc import unliteral

_PART = {
    "nogil": True,
    "boundscheck": False,
    "error_model": "numpy",
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "no_rewrites": True,
}


def inner(function: Callable[..., Any]) -> Any:
    """Compile as a part of the kernels that call it, into each of their calls; never called from Python."""
    return _once_a_type(numba.njit(function, forceinline=True, **_PART))


_OUTER: set[str] = set()


def outer(function: Callable[..., Any]) -> Any:
    """The same for what is seldom called: its code is laid out apart from what runs on every line."""
    _OUTER.add(f"{len(function.__name__)}{function.__name__}")
    return _once_a_type(numba.njit(function, **_PART))


def _once_a_type(part: Any) -> Any:
    """numba makes a part anew for every constant that it is called with: a seventh of the time that exact_json_line
    took to compile. LLVM knows the constants anyway, once the part is laid into its callers."""
    template = part.get_call_template

    def without_constants(args: Any, kws: Any) -> Any:
        return template(tuple(numba.types.unliteral(kind) for kind in args), kws)

    part.get_call_template = without_constants
    return part


def _mark_outer(module: Any) -> None:
    """All code of a kernel becomes one function: where LLVM leaves a single call, whether numba had seen its function
    in another kernel before decided about 10 % of a line's time."""
    for function in module.functions:
        if not function.is_declaration and any(name in function.name for name in _OUTER):
            function.add_function_attribute("cold")
            function.add_function_attribute("alwaysinline")


_RESOLVED: dict[tuple[Any, tuple[Any, ...]], Any] = {}
"""What numba found for an operation on plain numbers, whatever constants are among them."""


@contextmanager
def optimising_once(kernel: str) -> Iterator[None]:
    """While it lasts, LLVM works on the kernel of that name only, after all its parts are linked in.

    numba optimises every part by itself and makes machine code of it, which nobody calls, and then does both again for
    each function on the way up: 60 % of the time that a kernel took to compile. Written against the pinned numba.
    """
    set_env = JITCPUCodegen.set_env
    whole = (kernel, "nrt")  # numba's own runtime is made on the way, once a process
    optimise, finish = JITCodeLibrary._optimize_final_module, JITCodeLibrary._finalize_final_module
    resolve = BaseFunction.get_call_type

    def optimise_kernel(library: Any) -> None:
        if library.name in whole:
            _mark_outer(library._final_module)
            optimise(library)

    def finish_kernel(library: Any) -> None:
        if library.name in whole:
            finish(library)
        else:
            library._finalize_dynamic_globals()
            library._finalized = True

    def set_environment(codegen: Any, name: str, environment: Any) -> None:
        # only code that touches Python objects looks at it; parts have no machine code that could
        if codegen._engine.get_global_value_address(name):
            set_env(codegen, name, environment)

    def resolve_once(operator: Any, context: Any, args: Any, kws: Any) -> Any:
        # of 4,000 operations of a kernel 500 differ, and each is a walk through numpy's functions: 0.5 s of 3.6
        plain = tuple(unliteral(kind) for kind in args)
        if kws or not all(isinstance(kind, (Boolean, Float, Integer)) for kind in plain):
            return resolve(operator, context, args, kws)
        known = _RESOLVED.get((operator, plain))
        if known is None:
            known = resolve(operator, context, args, kws)
            if not any(template.prefer_literal for template in operator.templates):
                _RESOLVED[operator, plain] = known
        return known

    JITCPUCodegen.set_env = set_environment
    JITCodeLibrary._optimize_final_module = optimise_kernel
    JITCodeLibrary._finalize_final_module = finish_kernel
    BaseFunction.get_call_type = resolve_once  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        BaseFunction.get_call_type = resolve  # type: ignore[method-assign]
        JITCodeLibrary._optimize_final_module = optimise
        JITCodeLibrary._finalize_final_module = finish
        JITCPUCodegen.set_env = set_env
