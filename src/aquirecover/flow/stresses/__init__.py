"""Stresses: each is one class and one formula, from which both its linear terms and its budget follow.

A stress acts on `n` cells. Its `flow` returns the water that enters each cell, m³/d, and the derivative of that flow with
respect to the head of the cell, m²/d, which is never positive. A rate that varies in time has shape ``(n_period, n)``.
"""

from aquirecover.flow.stresses.areal import Evapotranspiration, Recharge
from aquirecover.flow.stresses.base import Cells, Ramp, Stress, in_period
from aquirecover.flow.stresses.fixed import FixedHead, FlowBarrier
from aquirecover.flow.stresses.head_dependent import Drain, GeneralHead, River
from aquirecover.flow.stresses.wells import FLOW_REDUCTION, Wells, split_screens

__all__ = [
    "FLOW_REDUCTION",
    "Cells",
    "Drain",
    "Evapotranspiration",
    "FixedHead",
    "FlowBarrier",
    "GeneralHead",
    "Ramp",
    "Recharge",
    "River",
    "Stress",
    "Wells",
    "in_period",
    "split_screens",
]
