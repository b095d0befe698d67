"""Layers and properties of MODFLOW-2005 and MODFLOW-NWT.

Packages: block-centred flow (BCF), layer-property flow (LPF), and upstream weighting (UPW).

A confining bed of a quasi-three-dimensional model becomes a layer of pass-through cells, and its resistance the leakance of the
layer above it. Formulas: Harbaugh 2005, TM6-A16, chapter 5; Niswonger et al. 2011, TM6-A37.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.modflow.imports.draft import Draft
from aquirecover.modflow.imports.formulation import (
    convertible_cells,
    lower_cells_convert,
    means_agree,
    percent,
    thickness,
    vertical_share,
)
from aquirecover.modflow.imports.report import cells_of


def exact(values: Any) -> FloatArray:
    """Return numbers that flopy holds in single precision as the shortest decimals that these stand for.

    MODFLOW-2005 reads its input in single precision: 3e-8 in a file is 2.9999999e-8 to it. The shortest decimal is what was
    typed, as long as that had no more than seven digits.
    """
    array = np.asarray(values)
    if array.dtype != np.float32:
        return np.asarray(array, dtype=np.float64)
    known, place = np.unique(array, return_inverse=True)
    return known.astype("U32").astype(np.float64)[place].reshape(array.shape)


@dataclass(frozen=True, eq=False)
class Stack:
    """The layers of the model and its confining beds, from top to bottom.

    Parameters
    ----------
    layer : ndarray of int
        Place of each model layer among all, shape ``(n_model_layer,)``.
    bed : ndarray of int
        Place of the confining bed below each model layer, -1 where there is none.
    n : int
        Number of all.
    """

    layer: IntArray
    bed: IntArray
    n: int

    @classmethod
    def of(cls, has_bed: BoolArray) -> Stack:
        """Return the stack of layers of which some have a confining bed below."""
        layer = np.arange(has_bed.size) + np.cumsum(has_bed) - has_bed
        return cls(layer, np.where(has_bed, layer + 1, -1), int(has_bed.size + has_bed.sum()))

    def spread(self, values: np.ndarray, otherwise: float) -> Any:
        """Return values of model layers on all layers; confining beds get another one."""
        found = np.full((self.n, *values.shape[1:]), otherwise, dtype=values.dtype)
        found[self.layer] = values
        return found

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all layers."""
        found = [""] * self.n
        for number, (layer, bed) in enumerate(zip(self.layer, self.bed, strict=True), 1):
            found[layer] = f"layer_{number}"
            if bed >= 0:
                found[bed] = f"confining_bed_{number}"
        return tuple(found)


def fill_bcf(draft: Draft, stack: Stack, bcf: Any) -> BoolArray:
    """Take over block-centred flow; return the cells of layers whose conductances come from transmissivities as they are."""
    kinds, means = np.atleast_1d(bcf.laycon.array), np.atleast_1d(bcf.intercellt.array)
    report, deep = draft.report, thickness(draft)
    transient = not draft.periods.steady.all()
    thin = np.zeros(draft.shape, dtype=bool)
    leakance = np.full((stack.n - 1, *draft.shape[1:]), np.nan)
    for number, place in enumerate(stack.layer):
        kind, name = int(kinds[number]), draft.layer_names[place]
        if kind in (0, 2):
            draft.k[place] = _over(exact(bcf.tran.array[number]), deep[place])
            thin[place] = True
        else:
            draft.k[place] = exact(bcf.hy.array[number])
            draft.convertible[place] = True
        if transient:
            first, second = exact(bcf.sf1.array[number]), exact(bcf.sf2.array[number])
            draft.specific_storage[place] = 0.0 if kind == 1 else _over(first, deep[place])
            draft.specific_yield[place] = first if kind == 1 else second if kind == 3 else 0.0
            if kind == 2:
                report.unsupported.append(
                    f"BCF: {name} has a storage that converts and a transmissivity that does not (LAYCON 2; a partial "
                    "import keeps "
                    "it confined)."
                )
        if kind == 1:
            report.converted.append(
                f"BCF: {name} is unconfined (LAYCON 1): convertible, the same while heads stay below its top."
            )
        draft.k22[place] = draft.k[place] * float(exact(np.atleast_1d(bcf.trpy.array))[number])
        draft.k33[place] = draft.k[place]
        if number < stack.layer.size - 1:
            leakance[place] = exact(bcf.vcont.array[number])
        if stack.bed[number] >= 0:
            draft.k[place + 1] = draft.k22[place + 1] = draft.k33[place + 1] = draft.k[place]
    draft.leakance = leakance
    report.converted.append(
        "BCF: transmissivity over thickness is conductivity, storage coefficient over thickness specific storage."
    )
    report.kept.append("BCF: vertical conductances (VCONT) as leakance.")
    _note_means(draft, means, stack, "BCF")
    return thin


def fill_lpf(draft: Draft, stack: Stack, lpf: Any, *, newton: bool) -> None:
    """Take over layer-property flow or its upstream-weighted form."""
    word, options = ("UPW" if newton else "LPF"), _options(lpf)
    kinds, ratios = np.atleast_1d(lpf.laytyp.array), np.atleast_1d(lpf.layvka.array)
    anisotropy = exact(np.atleast_1d(lpf.chani.array))
    transient, deep, report = not draft.periods.steady.all(), thickness(draft), draft.report
    coefficient = "STORAGECOEFFICIENT" in options or bool(getattr(lpf, "storagecoefficient", False))
    for number, place in enumerate(stack.layer):
        k, vertical = exact(lpf.hk.array[number]), exact(lpf.vka.array[number])
        draft.k[place] = k
        draft.k22[place] = k * (anisotropy[number] if anisotropy[number] > 0.0 else exact(lpf.hani.array[number]))
        draft.k33[place] = _over(k, vertical) if ratios[number] != 0 else vertical
        draft.convertible[place] = kinds[number] != 0
        if transient:
            elastic = exact(lpf.ss.array[number])
            draft.specific_storage[place] = _over(elastic, deep[place]) if coefficient else elastic
            if kinds[number] != 0:
                draft.specific_yield[place] = exact(lpf.sy.array[number])
    if ratios.any():
        report.converted.append(f"{word}: ratios of horizontal to vertical conductivity (LAYVKA) are vertical conductivities.")
    if coefficient and transient:
        report.converted.append(f"{word}: storage coefficients over the thickness of their cells are specific storage.")
    _keep_starting_thickness(draft, stack, kinds, word, "THICKSTRT" in options or bool(getattr(lpf, "thickstrt", False)))
    if (stack.bed >= 0).any():
        _fill_beds(draft, stack, exact(lpf.vkcb.array), word)
    _note_means(draft, np.atleast_1d(lpf.layavg.array), stack, word)


def _options(package: Any) -> str:
    """Return the options of a package as one text in capitals."""
    found = getattr(package, "options", "") or ""
    return " ".join(map(str, found)).upper() if isinstance(found, list | tuple) else str(found).upper()


def _over(values: FloatArray, divisor: FloatArray) -> FloatArray:
    """Return a quotient, 0 where the divisor is not positive."""
    return np.divide(values, divisor, out=np.zeros_like(values), where=divisor > 0.0)


def _keep_starting_thickness(draft: Draft, stack: Stack, kinds: np.ndarray, word: str, wanted: bool) -> None:
    """Let layers whose thickness follows from the starting heads (LAYTYP < 0 with THICKSTRT) be confined."""
    for place in stack.layer[(kinds < 0) & wanted]:
        above = draft.top if place == 0 else draft.bottom[place - 1]
        below = (draft.initial_head[place] < above) & (draft.domain[place] > 0)
        draft.convertible[place] = False
        draft.specific_yield[place] = 0.0
        if below.any():
            draft.report.unsupported.append(
                f"{word}: the thickness of {cells_of(int(below.sum()))} of {draft.layer_names[place]} from the starting heads "
                "(THICKSTRT)."
            )


def _fill_beds(draft: Draft, stack: Stack, conductivity: FloatArray, word: str) -> None:
    """Give the layers above confining beds the leakance down to the next layer: half of both, and the bed, in series."""
    deep = thickness(draft)
    leakance = np.full((stack.n - 1, *draft.shape[1:]), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        for number in np.flatnonzero(stack.bed[:-1] >= 0):
            upper, bed, lower = stack.layer[number], stack.bed[number], stack.layer[number + 1]
            draft.k[bed] = draft.k22[bed] = draft.k33[bed] = conductivity[number]
            resistance = deep[bed] / conductivity[number] + sum(0.5 * deep[n] / draft.k33[n] for n in (upper, lower))
            leakance[upper] = np.where(np.isfinite(resistance) & (resistance > 0.0), 1.0 / resistance, 0.0)
    draft.leakance = leakance
    count = cells_of(int((stack.bed >= 0).sum()), "confining bed")
    draft.report.converted.append(f"{word}: {count} (LAYCBD): pass-through layers, and their resistance (VKCB) leakance.")


def _note_means(draft: Draft, means: np.ndarray, stack: Stack, word: str) -> None:
    """Report layers whose conductances are other means than harmonic ones, where that matters."""
    for number, place in enumerate(stack.layer):
        layers = np.arange(stack.n) == place
        if number < means.size and means[number] != 0 and not means_agree(draft, layers):
            draft.report.unsupported.append(
                f"{word}: conductances of {draft.layer_names[place]} from means that are not harmonic (LAYAVG "
                f"{int(means[number])})."
            )


def close_dead_cells(draft: Draft) -> None:
    """Make cells inactive that conduct nothing, as MODFLOW does, and report those that conduct along the vertical alone."""
    active = draft.domain > 0
    dead = active & (draft.k == 0.0)
    if not dead.any():
        return
    joined = np.zeros(draft.shape, dtype=bool)
    if draft.leakance is not None:
        given = np.nan_to_num(draft.leakance) > 0.0
        joined[:-1] |= given
        joined[1:] |= given
    joined |= (draft.k33 > 0.0) & dead
    closed = dead & ~joined
    draft.domain[closed] = 0
    if closed.any():
        draft.report.converted.append(f"{cells_of(int(closed.sum()))} without conductivity are inactive, as in MODFLOW.")
    if rest := int((dead & joined).sum()):
        draft.report.unsupported.append(f"{cells_of(rest)} conduct water along the vertical alone (horizontal conductivity 0).")
        draft.domain[dead & joined] = 0


def note_formulas(draft: Draft, *, newton: bool, constant_cv: bool, transmissive: bool, options: str) -> None:
    """Report where MODFLOW has another formula for the flow between cells."""
    report, converts = draft.report, convertible_cells(draft)
    if newton:
        if not _even_thickness(draft):
            report.approximated.append(
                "UPW: between cells of unlike thickness, the mean of transmissivity times the saturated share of the "
                "upstream cell (as "
                "in MODFLOW 6) stands for the mean of conductivity times its saturated thickness."
            )
    elif converts.any():
        report.approximated.append(
            f"{cells_of(int(converts.sum()))} convertible: cells that are dry stay in the model, where MODFLOW-2005 "
            "turns them off, and "
            "elastic storage goes on below the water table. Flows have the same harmonic mean of saturated transmissivities."
        )
    share = 0.0 if newton or constant_cv or transmissive else vertical_share(draft)
    if share > 0.0:
        report.approximated.append(
            f"LPF: vertical conductances are those of full cells: at most {percent(share)} of the vertical resistance "
            "follows the "
            "water table in MODFLOW-2005."
        )
    if not newton and "NOVFC" not in options and lower_cells_convert(draft):
        report.approximated.append("Water that is perched above a cell that is not full flows as if it were.")
    if converts.any():
        report.kept.append(f"{cells_of(int(converts.sum()))} convertible.")
    else:
        report.kept.append("All cells are confined.")


def _even_thickness(draft: Draft) -> bool:
    """Tell whether neighbouring cells have the same thickness."""
    deep, active = thickness(draft), draft.domain > 0
    for axis in (1, 2):
        d, near = np.moveaxis(deep, axis, 0), np.moveaxis(active, axis, 0)
        both = near[1:] & near[:-1]
        if np.any(np.abs(d[1:] - d[:-1])[both] > 1e-6 * d[1:][both]):
            return False
    return True
