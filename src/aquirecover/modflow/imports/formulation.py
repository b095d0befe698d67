"""How far the flow between cells differs where MODFLOW has another formula for it."""

from __future__ import annotations

import numpy as np

from aquirecover.flow.arrays import BoolArray, FloatArray
from aquirecover.modflow.imports.draft import Draft


def thickness(draft: Draft) -> FloatArray:
    """Return the thickness of all cells, shape ``(n_layer, n_y, n_x)``."""
    return np.concatenate((draft.top[None], draft.bottom[:-1])) - draft.bottom


def convertible_cells(draft: Draft) -> BoolArray:
    """Return the active cells whose saturated thickness follows the head."""
    return draft.convertible & (draft.domain > 0)


def means_agree(draft: Draft, layers: BoolArray) -> bool:
    """Tell whether all ways to average transmissivity give the same in some layers: neighbours have the same one.

    Parameters
    ----------
    draft : Draft
        With its properties.
    layers : ndarray of bool
        Layers that are looked at.
    """
    active = (draft.domain > 0) & layers[:, None, None]
    if not draft.upstream and (draft.convertible & active).any():
        return False
    deep = thickness(draft)
    for axis, k in ((2, draft.k), (1, draft.k22)):
        t, near = np.moveaxis(k * deep, axis, 0), np.moveaxis(active, axis, 0)
        both = near[:-1] & near[1:]
        if np.any(np.abs(t[1:] - t[:-1])[both] > 1e-9 * np.abs(t[1:])[both]):
            return False
    return True


def vertical_share(draft: Draft) -> float:
    """Return the largest share of the vertical resistance between two cells that lies in convertible ones; 0 to 1.

    By as much the resistance shrinks at most when the water table falls, where MODFLOW lets it follow the saturated thickness.
    """
    half = np.divide(0.5 * thickness(draft), draft.k33, out=np.zeros(draft.shape), where=draft.k33 > 0.0)
    converts, active = convertible_cells(draft), draft.domain > 0
    most = 0.0
    for upper in range(draft.shape[0] - 1):
        both = active[upper] & active[upper + 1]
        total = (half[upper] + half[upper + 1])[both]
        if draft.leakance is not None:
            given = draft.leakance[upper][both]
            total = np.where(given > 0.0, np.divide(1.0, given, out=np.zeros_like(given), where=given > 0.0), total)
        moving = sum((half[n] * converts[n])[both] for n in (upper, upper + 1))
        share = np.divide(moving, total, out=np.zeros_like(total), where=total > 0.0)
        most = max(most, float(share.max(initial=0.0)))
    return min(most, 1.0)


def lower_cells_convert(draft: Draft) -> bool:
    """Tell whether a convertible cell lies below another active one, so that water may be perched above it."""
    converts, active = convertible_cells(draft), draft.domain > 0
    return bool((active[:-1] & converts[1:]).any())


def percent(share: float) -> str:
    """Return a share as text: ``0.007 %``."""
    return f"{100.0 * share:.2g} %"
