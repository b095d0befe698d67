"""A multigrid preconditioner for layered structured grids.

Coarsened in x and y only (`coarsening`), since the contrasts of an aquifer system lie between its layers; smoothed by solving
each column exactly, in red-black order (`cycle`). One symmetric cycle in single precision is the preconditioner (Trottenberg,
Oosterlee and Schüller, Multigrid, 2001, sections 5.2 and A.4): a W-cycle, whose second visits make up for what the five-point
stencils of coarse grids leave out, down to grids so small that a V-cycle does.
"""

from __future__ import annotations

import math
from functools import cached_property
from weakref import ref

import numpy as np

from aquirecover.flow import kernels
from aquirecover.flow.arrays import FloatArray
from aquirecover.flow.coarsening import CoarseGrid, coarsen
from aquirecover.flow.colouring import Layout, SingleArray
from aquirecover.flow.cycle import Hierarchy
from aquirecover.flow.finest import Finest
from aquirecover.flow.loading import load, unload
from aquirecover.flow.packing import pack_finest, pack_level, pack_weights
from aquirecover.flow.products import Bands, bands_of
from aquirecover.flow.shared_cycle import cycle
from aquirecover.flow.sweeps import Level, turns

# Results of cycles that a Krylov method keeps.
KEPT = 8
# What single precision is taken to hide at first, as a share of a residual.
FIRST_NOISE = 1e-4
# Cells of one colour in a block of rows, so that what a leg of the cycle works on at a time stays in the second-nearest memory,
# and the fewest and most of its columns.
BLOCK_CELLS, FEWEST_COLUMNS, MOST_COLUMNS = 5000, 256, 1024


class Multigrid:
    """A symmetric cycle for ``A = faces + diag(surplus)``, or for a matrix like it.

    Parameters
    ----------
    cx, cy, cz : ndarray
        Conductance of faces between unknowns, shape ``(n_layer, n_y, n_x)``; m²/d.
    surplus : ndarray
        Row sums of A, ≥ 0: storage, head-dependent stresses and faces to fixed heads; m²/d.
    x, y : ndarray, optional
        Positions of columns and rows of cells, shapes ``(n_x,)`` and ``(n_y,)``, m; evenly spaced by default.
    bands : Bands, optional
        Of the finest level; those of ``A`` by default.
    threads : int, optional
        See `compiled.share`.
    """

    def __init__(
        self,
        cx: FloatArray,
        cy: FloatArray,
        cz: FloatArray,
        surplus: FloatArray,
        x: FloatArray | None = None,
        y: FloatArray | None = None,
        bands: Bands | None = None,
        threads: int | None = None,
    ) -> None:
        _, n_y, n_x = self.shape = cx.shape
        bands = bands_of(surplus, cx, cx, cy, cy, cz) if bands is None else bands
        at_x = np.arange(n_x, dtype=np.float64) if x is None else x
        at_y = np.arange(n_y, dtype=np.float64) if y is None else y
        grids: list[CoarseGrid] = []
        while cx.shape[1] * cx.shape[2] > 1:
            grid = coarsen(cx, cy, cz, surplus, at_x, at_y, threads)
            grids.append(grid)
            cx, cy, cz, surplus = grid.cx, grid.cy, grid.cz, grid.surplus
            at_x, at_y = at_x[grid.columns.kept], at_y[grid.rows.kept]
        self.layouts = (Layout(*self.shape), *(Layout(*grid.cx.shape) for grid in grids))
        self.finest, self.hierarchy = _build(self.layouts, grids)
        self.levels = [Level._make(row) for row in self.hierarchy.levels.tolist()]
        self.level = self.levels[0]
        self._sums = np.zeros((-(-n_y // self.level.rows), 2))
        # arrays of the bands of the finest level, which may go when their matrix does
        self._packed: tuple[ref[FloatArray], ...] = ()
        # share of a residual that single precision hides, as the last solve has shown
        self.noise = FIRST_NOISE
        # of what `load` has taken, m³/d
        self.unit = 1.0
        self.refresh(bands, threads)

    def __repr__(self) -> str:
        """Return the shapes of the grids, finest first."""
        return "Multigrid(" + " → ".join(f"{g.n_layer}×{g.n_y}×{g.n_x}" for g in self.layouts) + ")"

    def refresh(self, bands: Bands, threads: int | None = None) -> None:
        """Let the finest level be that of a matrix like the one that the coarser levels were made for.

        Bands that share their faces with those before must have left them as they were.
        """
        same = [known() is array for known, array in zip(self._packed, bands[:6], strict=False)]
        if same and all(same):
            return
        faces = self.finest.faces
        if bands.symmetric:
            self.finest = self.finest._replace(far_faces=faces)
        elif self.finest.far_faces is faces:
            self.finest = self.finest._replace(far_faces=np.zeros_like(faces))
        pack_finest(bands, self.finest, self.level, threads, diagonal_only=bool(same) and all(same[1:]))
        self._packed = tuple(ref(array) for array in bands[:6])

    @property
    def residual(self) -> SingleArray:
        """Black plane of the finest right-hand side."""
        return self.finest.b[self.black.size :]

    @cached_property
    def work(self) -> FloatArray:
        """A field of shape ``(n_layer, n_y, n_x)`` for a solver."""
        return np.empty(self.shape)

    @cached_property
    def black(self) -> FloatArray:
        """Black plane of the solution."""
        return np.zeros(self.finest.red.size)

    @cached_property
    def results(self) -> SingleArray:
        """Black planes for the results of cycles, shape ``(n, n_layer stride)``."""
        return np.zeros((KEPT, self.finest.red.size), dtype=np.float32)

    @cached_property
    def images(self) -> SingleArray:
        """Black planes for the products of the matrix with the directions made of `results`."""
        return np.zeros(self.results.shape, dtype=np.float32)

    def load(self, b: FloatArray, size: float | None = None, threads: int | None = None) -> float:
        """Take a right-hand side of shape ``(n_layer, n_y, n_x)``, and return ``Σ|residual|`` without its red columns; m³/d.

        What is worked on is in a `unit`, a power of two near the mean of ``|b|``, so that single precision does not overflow;
        who knows about what that sums to, gives it as `size`.
        """
        mean = (float(kernels.absolute_sum(b.ravel())) if size is None else size) / b.size
        self.unit = math.ldexp(1.0, math.frexp(mean)[1]) if 0.0 < mean < math.inf else 1.0
        return self.unit * float(load(self.finest, self.level, b, 1.0 / self.unit, self.black, threads))

    def cycle(self, place: int, threads: int | None = None) -> tuple[float, float]:
        """Put one cycle on `residual` in a place of `results`, and return its product with that and with its image."""
        f, h, z = self.finest, self.hierarchy, self.results[place]
        cycle(f, h, z, self._sums, self.levels, threads)
        product, curvature = np.add.accumulate(self._sums)[-1].tolist()
        return product, curvature

    def straighten(self) -> bool:
        """Let the cycle turn no more on the finest of the grids where it does; return whether it has turned anywhere.

        A V-cycle is positive definite wherever its smoother is; one that turns is so no longer where the correction of a coarse
        grid goes more than twice as far as it should.
        """
        turns = self.hierarchy.levels[:, Level._fields.index("turns")]
        turning = np.flatnonzero(turns)
        turns[turning[:1]] = 0
        self.levels = [Level._make(row) for row in self.hierarchy.levels.tolist()]
        return turning.size > 0

    def unload(self, x: FloatArray, threads: int | None = None, *, add: bool = False) -> None:
        """Set x, shape ``(n_layer, n_y, n_x)``, to the solution, of which `black` is given, or add that."""
        unload(self.finest, self.level, self.black, self.unit, x, add, threads)

    def apply(self, residual: FloatArray) -> FloatArray:
        """Return an approximation of ``A⁻¹ residual``, shape ``(n_layer, n_y, n_x)``."""
        self.load(residual)
        self.cycle(0)
        self.black[:] = self.results[0]
        result = np.empty(self.shape)
        self.unload(result)
        return result


def rows_of(layout: Layout) -> int:
    """Return the rows of a block; even, so that a block begins with parents."""
    columns = min(max(BLOCK_CELLS // layout.n_layer, FEWEST_COLUMNS), MOST_COLUMNS)
    return 2 * max(1, round(0.5 * columns / layout.width))


def _levels(layouts: tuple[Layout, ...]) -> tuple[list[Level], list[int]]:
    """Return the levels, and the lengths of their arrays: vectors, faces, weights, natural work space and lines."""
    at = np.zeros(6, dtype=np.int64)
    levels = []
    for depth, layout in enumerate(layouts):
        below = layouts[depth + 1] if depth + 1 < len(layouts) else None
        coarse = (below.n_y, below.n_x) if below else (0, 0)
        regular = below is not None and coarse == ((layout.n_y + 1) // 2, (layout.n_x + 1) // 2)
        grid = (layout.n_layer, layout.n_y, layout.n_x, layout.width, layout.stride)
        rows, turned = rows_of(layout), turns(layout.n_y, layout.n_x, depth)
        levels.append(Level._make([*grid, *at.tolist(), *coarse, int(regular), rows, turned]))
        plane, last = layout.n_layer * layout.stride, below is None
        at += [
            0 if depth == 0 else 2 * plane,
            0 if depth == 0 else plane,
            0 if last else layout.n_layer * (layout.n_y // 2) * layout.width,
            0 if last or regular else layout.n_layer * (coarse[0] + 1) * (coarse[1] + 1),
            0 if last else layout.n_x,
            0 if last else layout.n_y,
        ]
    return levels, at.tolist()


def _build(layouts: tuple[Layout, ...], grids: list[CoarseGrid]) -> tuple[Finest, Hierarchy]:
    """Return the arrays of all levels, those of the finest still empty."""
    levels, (n_vector, n_face, n_weight, n_natural, _, _) = _levels(layouts)
    plane = layouts[0].size // 2
    lines = np.zeros(0, dtype=np.int64)
    faces = _single(4, plane)
    finest = Finest(
        faces,
        faces,
        red_factors=np.zeros((2, plane)),
        black_factors=_single(2, plane),
        surplus=_single(plane),
        cz=_single(plane),
        b=_single(2 * plane),
        red=np.zeros(plane),
        image=_single(plane),
    )
    h = Hierarchy(
        np.array(levels, dtype=np.int64),
        faces=_single(4, n_face),
        factors=_single(2, n_vector),
        # the row after the last is read, times zero
        weight=_single(4, n_weight + 1),
        before_x=np.concatenate([lines, *(grid.columns.before for grid in grids)]),
        before_y=np.concatenate([lines, *(grid.rows.before for grid in grids)]),
        b=_single(n_vector),
        x=_single(n_vector),
        natural=_single(n_natural),
        residual=_single(plane),
    )
    for level, below, grid in zip(levels[:-1], levels[1:], grids, strict=True):
        pack_weights(grid.weights, grid.columns.before, grid.rows.before, h.weight, level)
        pack_level(grid.cx, grid.cy, grid.cz, grid.surplus, h.faces, h.factors, below)
    return finest, h


def _single(*shape: int) -> SingleArray:
    """Return zeros in single precision."""
    return np.zeros(shape, dtype=np.float32)
