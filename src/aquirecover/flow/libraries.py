"""What numba makes of compiled functions: one piece of machine code per kernel.

By itself numba makes machine code of every function, links the optimised code of what a function calls into it and optimises that
again. A part then stands in many kernels, each time a little different and always under one name, and a process takes the first
that it meets: in the one that compiles, that of the part alone. Here a part is nothing but what is linked into kernels, and a
kernel keeps to itself what is linked into it. So it is optimised once, as a whole, and the process that compiles runs the same
code as all that load it, whatever they load first. Sums alone are optimised before they are linked (`compiled.summing_part`), as
their order must not depend on the kernel that they stand in.
"""

from __future__ import annotations

from typing import Any

from llvmlite.binding import Linkage
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import AnalysisPass, register_pass
from numba.core.typed_passes import IRLegalization


class _KernelLibrary(JITCodeLibrary):
    """The machine code of a kernel and of all that it calls."""

    def _optimize_final_module(self) -> None:
        """Hide what was linked, even its name, which the loader would take for that of others; then optimise."""
        for function in self._final_module.functions:
            if function.linkage in (Linkage.linkonce_odr, Linkage.weak_odr) and not function.is_declaration:
                function.linkage = Linkage.private
        super()._optimize_final_module()  # type: ignore[no-untyped-call]


class _PartCode:
    """What generates the code of a part, which has no machine code to keep its environment in."""

    def __init__(self, codegen: Any) -> None:
        self._codegen = codegen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codegen, name)

    def set_env(self, name: str, env: Any) -> None:
        """Keep nothing."""


class _PartLibrary(JITCodeLibrary):
    """The code of a part, which is optimised and made machine code of where it is linked."""

    @property
    def codegen(self) -> Any:
        """See `_PartCode`."""
        return _PartCode(self._codegen)

    def _optimize_final_module(self) -> None:
        """Leave it to kernels."""

    def _finalize_final_module(self) -> None:
        """Leave machine code to kernels."""
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """Return 0, which numba takes for a function that is not there."""
        self._ensure_finalized()  # type: ignore[no-untyped-call]
        return 0

    def serialize_using_object_code(self) -> Any:
        """Return what the cache keeps."""
        return self.serialize_using_bitcode()  # type: ignore[no-untyped-call]


class _Choice(AnalysisPass):
    """Gives a function its library."""

    library: type[JITCodeLibrary]

    def __init__(self) -> None:
        AnalysisPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        """Set the library before numba does; nothing is changed in the function."""
        state.library = self.library(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        return False


@register_pass(mutates_CFG=False, analysis_only=True)
class _KernelChoice(_Choice):
    _name = "choose_kernel_library"
    library = _KernelLibrary


@register_pass(mutates_CFG=False, analysis_only=True)
class _PartChoice(_Choice):
    _name = "choose_part_library"
    library = _PartLibrary


class KernelCompiler(CompilerBase):
    """Compiles a kernel."""

    choice: type[_Choice] = _KernelChoice

    def define_pipelines(self) -> list[Any]:
        """Return numba's passes and the choice of a library."""
        manager = DefaultPassBuilder.define_nopython_pipeline(self.state)
        manager.add_pass_after(self.choice, IRLegalization)
        manager.finalize()
        return [manager]


class PartCompiler(KernelCompiler):
    """Compiles a part."""

    choice = _PartChoice
