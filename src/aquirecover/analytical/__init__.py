"""Exact solutions of groundwater flow, by which the simulator is proven and from which quick estimates are made.

Lengths are in metres and times in days; every function takes arrays that broadcast and returns drawdown (positive down) or head.
"""

from aquirecover.analytical.boundaries import image_wells, strip_steady, theis_images
from aquirecover.analytical.streams import glover_depletion, hunt_depletion
from aquirecover.analytical.strips import (
    diffusion_half_space,
    diffusion_slab,
    dupuit_discharge,
    dupuit_recharge,
    slab_consolidation,
)
from aquirecover.analytical.wells import (
    cooper_jacob,
    dupuit_well,
    equivalent_radius,
    equivalent_radius_grid,
    hantush,
    jacob_correction,
    leaky_steady,
    leaky_well_function,
    recovery_transmissivity,
    theis,
    theis_rates,
    theis_recovery,
    thiem,
    well_correction,
)

__all__ = [
    "cooper_jacob",
    "diffusion_half_space",
    "diffusion_slab",
    "dupuit_discharge",
    "dupuit_recharge",
    "dupuit_well",
    "equivalent_radius",
    "equivalent_radius_grid",
    "glover_depletion",
    "hantush",
    "hunt_depletion",
    "image_wells",
    "jacob_correction",
    "leaky_steady",
    "leaky_well_function",
    "recovery_transmissivity",
    "slab_consolidation",
    "strip_steady",
    "theis",
    "theis_images",
    "theis_rates",
    "theis_recovery",
    "thiem",
    "well_correction",
]
