"""Many scenarios of one model: marched together, and superposed from unit responses, against runs of MODFLOW 6."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.context import Context


def many_task() -> dict[str, Any]:
    """Not there yet."""
    raise NotImplementedError


def span_task() -> dict[str, Any]:
    """Not there yet."""
    raise NotImplementedError


def measure_many(context: Context) -> dict[str, Any]:
    """Not there yet."""
    return {"missing": "this version does not march scenarios together"}
