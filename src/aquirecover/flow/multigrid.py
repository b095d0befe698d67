"""A multigrid preconditioner for layered structured grids.

Coarsened in x and y only (`coarsening`), since the contrasts of an aquifer system lie between its layers; smoothed by solving
each column exactly, in red-black order (`cycle`). One symmetric V-cycle in single precision is the preconditioner (Trottenberg,
Oosterlee and Schüller, Multigrid, 2001, sections 5.2 and A.4).
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.coarsening import CoarseGrid, coarsen
from aquirecover.flow.colouring import Layout, SingleArray, factor_columns, split_faces
from aquirecover.flow.compiled import fused_kernel
from aquirecover.flow.cycle import Hierarchy, cycle

# Directions that a Krylov method for unsymmetric matrices keeps, and the memory that they may take, numbers.
DIRECTIONS, DIRECTION_MEMORY = 10, 100_000_000


@fused_kernel
def _pack_weights(weight: FloatArray, packed: SingleArray, width: int, stride: int) -> None:
    """Keep the weights of red columns on odd rows."""
    _, n_layer, n_y, n_x = weight.shape
    for parent in range(4):
        for k in range(n_layer):
            for j in range(1, n_y, 2):
                start = k * stride + (j + 1) * width + 1 + j // 2
                for i in range(1, n_x, 2):
                    packed[parent, start + (i + 1) // 2] = weight[parent, k, j, i]


class Multigrid:
    """A symmetric V-cycle for ``A = faces + diag(surplus)``.

    Parameters
    ----------
    cx, cy, cz : ndarray
        Conductance of faces between unknowns, shape ``(n_layer, n_y, n_x)``; m²/d.
    surplus : ndarray
        Row sums of A, ≥ 0: storage, head-dependent stresses and faces to fixed heads; m²/d.
    x, y : ndarray, optional
        Positions of columns and rows of cells, shapes ``(n_x,)`` and ``(n_y,)``, m; evenly spaced by default.
    """

    def __init__(
        self,
        cx: FloatArray,
        cy: FloatArray,
        cz: FloatArray,
        surplus: FloatArray,
        x: FloatArray | None = None,
        y: FloatArray | None = None,
    ) -> None:
        n_layer, n_y, n_x = cx.shape
        at_x = np.arange(n_x, dtype=np.float64) if x is None else x
        at_y = np.arange(n_y, dtype=np.float64) if y is None else y
        packs: list[_Pack] = []
        while cx.shape[1] * cx.shape[2] > 1:
            grid = coarsen(cx, cy, cz, surplus, at_x, at_y)
            packs.append(_Pack(cx, cy, cz, surplus, grid))
            cx, cy, cz, surplus = grid.cx, grid.cy, grid.cz, grid.surplus
            at_x, at_y = at_x[grid.columns.kept], at_y[grid.rows.kept]
        packs.append(_Pack(cx, cy, cz, surplus, None))
        self.shape = (n_layer, n_y, n_x)
        self.layouts = tuple(pack.layout for pack in packs)
        self.hierarchy = _join_packs(packs)

    def __repr__(self) -> str:
        """Return the shapes of the grids, finest first."""
        return "Multigrid(" + " → ".join(f"{g.n_layer}×{g.n_y}×{g.n_x}" for g in self.layouts) + ")"

    def refresh(self, cx: FloatArray, cy: FloatArray, cz: FloatArray, surplus: FloatArray) -> None:
        """Smooth the finest level with a similar matrix from now on; coarser levels stay as they are."""
        layout, h = self.layouts[0], self.hierarchy
        width, stride = layout.width, layout.stride
        split_faces(cx, cx, cy, cy, *h.faces[:, : layout.n_layer * stride], width, stride)
        factor_columns(cx, cy, cz, surplus, *h.factors[:, : layout.size], width, stride)

    @cached_property
    def work(self) -> FloatArray:
        """Vectors for a Krylov method, in the numbering of `colouring`, shape ``(5, size)``."""
        return np.zeros((5, self.layouts[0].size))

    @cached_property
    def directions(self) -> FloatArray:
        """Directions of a Krylov method and their images, shape ``(2, n, size)``."""
        size = self.layouts[0].size
        return np.zeros((2, max(2, min(DIRECTIONS, DIRECTION_MEMORY // (2 * size))), size))

    def apply(self, residual: FloatArray) -> FloatArray:
        """Return an approximation of ``A⁻¹ residual``, shape ``(n_layer, n_y, n_x)``."""
        layout, h = self.layouts[0], self.hierarchy
        layout.split_into(residual, h.b[: layout.size])
        cycle(h)
        return layout.join(h.x[: layout.size])


class _Pack:
    """Arrays of one level."""

    def __init__(self, cx: FloatArray, cy: FloatArray, cz: FloatArray, surplus: FloatArray, grid: CoarseGrid | None) -> None:
        n_layer, n_y, n_x = cx.shape
        self.layout = Layout(n_layer, n_y, n_x)
        width, stride = self.layout.width, self.layout.stride
        self.faces = np.zeros((4, n_layer * stride), dtype=np.float32)
        split_faces(cx, cx, cy, cy, *self.faces, width, stride)
        self.factors = np.zeros((2, self.layout.size), dtype=np.float32)
        factor_columns(cx, cy, cz, surplus, *self.factors, width, stride)
        self.coarse = (0, 0)
        self.weight = np.zeros_like(self.faces)
        self.regular = False
        self.before_x = self.before_y = np.zeros(0, dtype=np.int64)
        if grid is not None:
            self.coarse = (grid.cx.shape[1], grid.cx.shape[2])
            self.regular = self.coarse == ((n_y + 1) // 2, (n_x + 1) // 2)
            _pack_weights(grid.weight, self.weight, width, stride)
            self.before_x, self.before_y = grid.columns.before, grid.rows.before

    @property
    def sizes(self) -> tuple[int, ...]:
        """Lengths of its vectors, faces, natural work space and lines."""
        natural = 0 if self.regular else self.layout.n_layer * (self.coarse[0] + 1) * (self.coarse[1] + 1)
        return self.layout.size, self.faces.shape[1], natural, self.before_x.size, self.before_y.size


def _join_packs(packs: list[_Pack]) -> Hierarchy:
    """Return the arrays of all levels behind one another."""
    sizes = np.array([pack.sizes for pack in packs], dtype=np.int64)
    starts = np.cumsum(sizes, axis=0) - sizes
    grids = [(g.n_layer, g.n_y, g.n_x, g.width, g.stride) for g in (pack.layout for pack in packs)]
    coarse = [(*pack.coarse, int(pack.regular)) for pack in packs]
    faces = np.concatenate([pack.faces for pack in packs], axis=1)
    factors = np.concatenate([pack.factors for pack in packs], axis=1)
    vectors, red = int(sizes[:, 0].sum()), int(sizes[:, 1].sum())
    return Hierarchy(
        np.concatenate([np.array(grids), starts, np.array(coarse)], axis=1).astype(np.int64),
        faces,
        factors,
        np.concatenate([pack.weight for pack in packs], axis=1),
        np.concatenate([pack.before_x for pack in packs]),
        np.concatenate([pack.before_y for pack in packs]),
        b=np.zeros(vectors, dtype=np.float32),
        x=np.zeros(vectors, dtype=np.float32),
        natural=np.zeros(int(sizes[:, 2].sum()), dtype=np.float32),
        residual=np.zeros(int(sizes[0, 1]), dtype=np.float32),
        gathered=np.zeros(int(sizes[0, 1]), dtype=np.float32),
        correction=np.zeros(red, dtype=np.float32),
    )
