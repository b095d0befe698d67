"""MODFLOW 6 as the second engine: a problem is written, run and read back as a `FlowResult`, as the native engine gives it."""

from aquirecover.modflow.engine import simulate
from aquirecover.modflow.program import Program, find_program
from aquirecover.modflow.settings import ModflowSettings

__all__ = ["ModflowSettings", "Program", "find_program", "simulate"]
