"""A model cut into parts that run side by side: blocks of rows and columns, and the exchanges between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from aquirecover.errors import ConfigError, Finding
from aquirecover.flow.arrays import BoolArray, FloatArray, IntArray
from aquirecover.flow.grid import Grid
from aquirecover.flow.problem import Observations, Problem
from aquirecover.flow.properties import AquiferProperties
from aquirecover.flow.stresses import FlowBarrier
from aquirecover.modflow.files import ModelFolder, block
from aquirecover.modflow.packages import Package, packages_of
from aquirecover.modflow.settings import ModflowSettings
from aquirecover.modflow.write import LATEST, SIMULATION, uses_newton, write_flow_model, write_simulation

HPC = f"{SIMULATION}.hpc"


@dataclass(frozen=True)
class Part:
    """A block of all layers.

    Parameters
    ----------
    name : str
        Of its model.
    rows, columns : slice
        Of the whole grid, from 0.
    """

    name: str
    rows: slice
    columns: slice

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start

    def local(self, grid: Grid, cell: IntArray) -> IntArray:
        """Return the numbers that cells of the whole grid have in the part; of no meaning for those outside."""
        layer, row, column = grid.indices(cell)
        n_y, n_x = self.shape
        number: IntArray = (layer * n_y + row - self.rows.start) * n_x + column - self.columns.start
        return number

    def holds(self, grid: Grid, cell: IntArray) -> BoolArray:
        """Tell which cells of the whole grid lie in the part."""
        _, row, column = grid.indices(cell)
        along_y = (row >= self.rows.start) & (row < self.rows.stop)
        inside: BoolArray = along_y & (column >= self.columns.start) & (column < self.columns.stop)
        return inside


def cut(active: BoolArray, n_part: int) -> list[Part]:
    """Cut a grid into blocks with about as many active cells each, halving the longer side again and again.

    Parameters
    ----------
    active : ndarray of bool
        Shape ``(n_layer, n_y, n_x)``.
    n_part : int
        Number of blocks.

    Raises
    ------
    ConfigError
        When the grid has too few rows and columns with active cells.
    """
    weight = active.sum(axis=0).astype(np.float64)
    blocks = _cut(weight, slice(0, weight.shape[0]), slice(0, weight.shape[1]), n_part)
    if blocks is None:
        raise ConfigError([Finding("parts", f"{n_part}: the grid cannot be cut into so many parts with active cells each.")])
    return [Part(f"part_{n + 1}", rows, columns) for n, (rows, columns) in enumerate(blocks)]


def _cut(weight: FloatArray, rows: slice, columns: slice, n_part: int) -> list[tuple[slice, slice]] | None:
    """Return the blocks of a block, or None when it cannot be cut."""
    inside = weight[rows, columns]
    if not inside.any():
        return None
    if n_part == 1:
        return [(rows, columns)]
    first = n_part // 2
    for axis in np.argsort([-inside.shape[0], -inside.shape[1]], kind="stable"):
        along = np.cumsum(inside.sum(axis=1 - axis))
        if along.size < 2:
            continue
        place = 1 + int(np.argmin(np.abs(along[:-1] - along[-1] * first / n_part)))
        side = (rows, columns)[axis]
        near, far = slice(side.start, side.start + place), slice(side.start + place, side.stop)
        halves = [(near, columns), (far, columns)] if axis == 0 else [(rows, near), (rows, far)]
        parts = [_cut(weight, *half, n) for half, n in zip(halves, (first, n_part - first), strict=True)]
        if parts[0] is not None and parts[1] is not None:
            return parts[0] + parts[1]
    return None


def write_parts(problem: Problem, files: ModelFolder, n_part: int, settings: ModflowSettings | None = None) -> list[Part]:
    """Write a problem as a simulation of several models, one for each part, and exchanges between them.

    Parameters
    ----------
    problem : Problem
        Found sound by `check_problem` and `check_equivalence`.
    files : ModelFolder
        Empty.
    n_part : int
        Number of parts.
    settings : ModflowSettings, optional
        How MODFLOW solves.

    Raises
    ------
    ConfigError
        When the grid cannot be cut so, or a barrier lies where parts meet and cannot be put into an exchange.
    """
    settings = settings or ModflowSettings()
    parts, newton = cut(problem.grid.active, n_part), uses_newton(problem)
    _refuse_angles(problem, parts)
    exchanges = []
    for n, first in enumerate(parts):
        for second in parts[n + 1 :]:
            name = f"{first.name}-{second.name}.gwfgwf"
            if _write_exchange(files, name, problem, first, second, newton):
                exchanges.append(f"GWF6-GWF6 {name} {first.name} {second.name}")
    names = [part.name for part in parts]
    write_simulation(files, problem, settings, LATEST, names, exchanges, (f"HPC6 FILEIN {HPC}",))
    files.text(HPC, block("partitions", (f"  {name} {rank}" for rank, name in enumerate(names))))
    packages = packages_of(problem)
    for part in parts:
        own = [_restricted(package, problem.grid, part) for package in packages]
        write_flow_model(files, part.name, part_of(problem, part), own, settings, newton=newton, save_flows=False)
    return parts


def _refuse_angles(problem: Problem, parts: Sequence[Part]) -> None:
    """Refuse faces along y of anisotropic convertible cells in the standard formulation.

    There MODFLOW 6.7.0 takes the angle of an exchange, which is in degrees, for one in radians (`condcalc` of GWF-GWF).
    """
    properties, active = problem.properties, problem.grid.active
    convertible, anisotropic = properties.convertible & active, properties.k22 != properties.k
    stacked = len({part.rows.start for part in parts}) > 1
    if stacked and properties.averaging == "harmonic" and convertible.any() and anisotropic[active].any():
        message = "MODFLOW 6 has no right exchange between parts that follow each other along y where k22 differs from k and "
        raise ConfigError([Finding("parts", message + "averaging is harmonic. Use averaging: upstream, or one part.")])


def part_of(problem: Problem, part: Part) -> Problem:
    """Return grid, properties, initial heads, barriers and observation points of a part; its stresses are packages apart."""
    grid, given, here = problem.grid, problem.properties, (slice(None), part.rows, part.columns)
    own = Grid(
        grid.dx[part.columns],
        grid.dy[part.rows],
        grid.top[part.rows, part.columns],
        grid.bottom[here],
        grid.active[here],
        grid.pass_through[here],
        float(grid.x_edge[part.columns.start]),
        float(grid.y_edge[part.rows.start]),
        grid.layer_names,
    )
    names = ("k", "k33", "k22", "specific_storage", "specific_yield", "convertible", "leakance")
    properties = AquiferProperties(own, averaging=given.averaging, **{name: getattr(given, name)[here] for name in names})
    barriers = []
    for barrier in problem.barriers:
        inside = part.holds(grid, barrier.cell) & part.holds(grid, barrier.neighbour)
        if inside.any():
            cell, neighbour = (part.local(grid, cells[inside]) for cells in (barrier.cell, barrier.neighbour))
            barriers.append(FlowBarrier(cell, neighbour, barrier.hydraulic_characteristic[inside], name=barrier.name))
    points = problem.observations
    seen = np.flatnonzero(part.holds(grid, points.cell))
    observed = Observations(tuple(points.names[n] for n in seen), part.local(grid, points.cell[seen]))
    return replace(
        problem,
        name=part.name,
        grid=own,
        properties=properties,
        initial_head=problem.initial_head[here],
        stresses=(),
        fixed_heads=(),
        barriers=tuple(barriers),
        observations=observed,
        zones=None,
    )


def _restricted(package: Package, grid: Grid, part: Part) -> Package:
    """Return the rows of a package that lie in a part."""
    inside = part.holds(grid, package.cell)

    def columns(period: int) -> tuple[FloatArray, ...]:
        return tuple(values[inside] for values in package.columns(period))

    return replace(package, cell=part.local(grid, package.cell[inside]), columns=columns)


def _write_exchange(files: ModelFolder, name: str, problem: Problem, first: Part, second: Part, newton: bool) -> bool:
    """Write the faces between two parts that follow each other along x or y, and tell whether there are any."""
    faces = _faces(first, second)
    if faces is None:
        return False
    along_x, row, column = faces
    grid = problem.grid
    n_layer, beside = grid.shape[0], (row, column + 1) if along_x else (row + 1, column)
    layer = np.repeat(np.arange(n_layer), row.size)
    cells = [grid.cell(layer, np.tile(r, n_layer), np.tile(c, n_layer)) for r, c in ((row, column), beside)]
    active = grid.active.ravel()
    both = active[cells[0]] & active[cells[1]]
    size = grid.dx if along_x else grid.dy
    width = (grid.dy[row] if along_x else grid.dx[column])[None, :].repeat(n_layer, axis=0).ravel()
    index = column if along_x else row
    near, far = (np.tile(0.5 * size[index + step], n_layer) for step in (0, 1))
    near, open_face = _with_barriers(problem, cells[0], cells[1], near, along_x, newton)
    chosen = np.flatnonzero(both & open_face)
    if not chosen.size:
        return False
    ids = []
    for part, cell in ((first, cells[0]), (second, cells[1])):
        k, j, i = grid.indices(cell[chosen])
        ids += [k + 1, j - part.rows.start + 1, i - part.columns.start + 1]
    angle = 0.0 if along_x else 270.0
    numbers = zip(*(column.tolist() for column in ids), strict=True)
    values = zip(near[chosen].tolist(), far[chosen].tolist(), width[chosen].tolist(), strict=True)
    rows = [
        f"  {' '.join(map(str, cellids))} 1 {cl1!r} {cl2!r} {hwva!r} {angle} {cl1 + cl2!r}"
        for cellids, (cl1, cl2, hwva) in zip(numbers, values, strict=True)
    ]
    options = ("  AUXILIARY ANGLDEGX CDIST", *(("  NEWTON",) if newton else ()))
    lines = block("options", options) + block("dimensions", (f"  NEXG {chosen.size}",))
    files.text(name, lines + block("exchangedata", rows))
    return True


def _faces(first: Part, second: Part) -> tuple[bool, IntArray, IntArray] | None:
    """Return whether the second part follows along x, and rows and columns of the cells of the first one at its edge."""
    rows = range(max(first.rows.start, second.rows.start), min(first.rows.stop, second.rows.stop))
    columns = range(max(first.columns.start, second.columns.start), min(first.columns.stop, second.columns.stop))
    if rows and first.columns.stop == second.columns.start:
        return True, np.array(rows), np.full(len(rows), first.columns.stop - 1)
    if columns and first.rows.stop == second.rows.start:
        return False, np.full(len(columns), first.rows.stop - 1), np.array(columns)
    return None


def _with_barriers(
    problem: Problem, cell: IntArray, neighbour: IntArray, length: FloatArray, along_x: bool, newton: bool
) -> tuple[FloatArray, BoolArray]:
    """Return the lengths in the first cells, stretched by what barriers resist, and which faces are open.

    An exchange knows no barrier. With ``1/C = L₁/(k₁ b₁ w) + L₂/(k₂ b₂ w) + 1/(h b w)``, b the mean of both thicknesses in the
    last term, a barrier of characteristic h is a length ``k₁ b₁ / (h b)`` more in the first cell.

    Raises
    ------
    ConfigError
        When the saturated thickness has a part in it, in the standard formulation.
    """
    thickness, k = problem.grid.thickness.ravel(), (problem.properties.k if along_x else problem.properties.k22).ravel()
    convertible, open_face, result = problem.properties.convertible.ravel(), np.ones(cell.size, dtype=bool), length.copy()
    for barrier in problem.barriers:
        low, high = np.minimum(barrier.cell, barrier.neighbour), np.maximum(barrier.cell, barrier.neighbour)
        order = np.argsort(cell)
        place = order[np.minimum(np.searchsorted(cell, low, sorter=order), cell.size - 1)]
        here = (cell[place] == low) & (neighbour[place] == high)
        place, a, b, h = place[here], low[here], high[here], barrier.hydraulic_characteristic[here]
        if not newton and (convertible[a] | convertible[b]).any():
            message = "a barrier lies where two parts meet, and averaging is harmonic: use another number of parts."
            raise ConfigError([Finding(barrier.name, message)])
        open_face[place[h == 0.0]] = False
        mean = 0.5 * (thickness[a] + thickness[b])
        result[place] += np.divide(k[a] * thickness[a], h * mean, out=np.zeros(h.size), where=h > 0.0)
    return result, open_face


def part_rows(parts: Sequence[Part]) -> list[dict[str, object]]:
    """Return names and places of parts, rows and columns counted from 1, as what JSON holds."""
    return [
        {
            "model": part.name,
            "rows": [part.rows.start + 1, part.rows.stop],
            "columns": [part.columns.start + 1, part.columns.stop],
        }
        for part in parts
    ]
