"""A simulation whose heads are kept, so that it can be gone through backwards."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from dataclasses import dataclass
from typing import IO

import numpy as np

from aquirecover.errors import ResourceError
from aquirecover.flow.arrays import FloatArray, IntArray
from aquirecover.flow.assembly import FlowSystem, Interval, State
from aquirecover.flow.newton import Solution
from aquirecover.flow.problem import FlowResult, Problem
from aquirecover.flow.second_order import CARRIED
from aquirecover.flow.simulate import Progress, SimulateSettings, simulate

GIB = 2.0**30
# States that are kept at hand: those at both ends of a part, and of the part before it.
AT_HAND = 3
# Number of the part at whose end the simulation starts.
START = -1


@dataclass(frozen=True)
class Part:
    """A step, or a part or stage of one, that was solved at once.

    Parameters
    ----------
    step, period : int
        From 0.
    dt : float
        Length, infinite when steady; d.
    share : float
        Its share in the mean flows of the step.
    old : int
        Number of the part at whose end it starts, or `START`.
    carried : float
        Its balance has this times the release from storage of the part before, besides its own.
    """

    step: int
    period: int
    dt: float
    share: float
    old: int
    carried: float


class Trajectory:
    """A simulation with the heads at the end of every part of its steps.

    Parameters
    ----------
    problem : Problem
        To be simulated.
    settings : SimulateSettings
        How.
    memory : float
        What heads may take before the rest of them goes to a temporary file; GiB.
    progress : callable, optional
        See `simulate`.

    Attributes
    ----------
    system : FlowSystem
        The equations.
    result : FlowResult
        Of the simulation.
    parts : list of Part
        In the order of time.
    last_part : ndarray of int
        Last part of each step, shape ``(n_step,)``.
    """

    def __init__(self, problem: Problem, settings: SimulateSettings, memory: float, progress: Progress | None = None) -> None:
        self.problem = problem
        self.parts: list[Part] = []
        self._at_hand: dict[int, State] = {}
        self.system = FlowSystem(problem)
        self._cells = np.flatnonzero(self.system.flowing)
        self._heads = HeadStore(self._cells.size, problem.schedule.n_step, memory)
        self.result: FlowResult = simulate(problem, settings, progress, self._keep)
        steps = [part.step for part in self.parts]
        self.last_part: IntArray = np.searchsorted(steps, np.arange(problem.schedule.n_step), side="right") - 1

    def _keep(self, step: int, solution: Solution, interval: Interval, share: float) -> None:
        number = len(self.parts)
        second = interval.carry is not None
        old = self.parts[-1].old if second else number - 1
        self.parts.append(Part(step, interval.period, interval.dt, share, old, CARRIED if second else 0.0))
        self._heads.append(solution.state.head.ravel()[self._cells])

    def state(self, part: int) -> State:
        """Return the state at the end of a part, or at the `START`."""
        found = self._at_hand.pop(part, None)
        if found is None:
            if part == START:
                found = self.system.initial_state()
            else:
                head = np.zeros(self.system.shape)
                head.reshape(-1)[self._cells] = self._heads[part]
                found = self.system.state(head)
        self._at_hand[part] = found
        while len(self._at_hand) > AT_HAND:
            del self._at_hand[next(iter(self._at_hand))]
        return found

    def interval(self, part: int) -> Interval:
        """Return a part as an interval, but for what earlier stages leave to it."""
        given = self.parts[part]
        return Interval(given.period, given.dt, self.state(given.old))

    def head(self, step: int) -> FloatArray:
        """Return the heads at the end of a step, shape ``(n_layer, n_y, n_x)``, NaN outside active cells; m."""
        return np.where(self.problem.grid.active, self.state(int(self.last_part[step])).head, np.nan)

    def stress_flow(self, name: str, step: int) -> FloatArray:
        """Return the inflow of each connection of a stress, shape ``(n,)``, mean over a step; m³/d."""
        stress = next(stress for stress in self.problem.stresses if stress.name == name)
        fixed = self.system.fixed.ravel()[stress.cell]
        total = np.zeros(stress.n)
        first = 0 if step == 0 else int(self.last_part[step - 1]) + 1
        for part in range(first, int(self.last_part[step]) + 1):
            head = self.state(part).head.ravel()[stress.cell]
            flow, _ = stress.flow(head, self.parts[part].period, self.system.cells)
            total += self.parts[part].share * np.where(fixed, 0.0, flow)
        return total


class HeadStore:
    """Vectors of one size, the first of them in memory and the others in a temporary file that goes with the store.

    Parameters
    ----------
    size : int
        Numbers in a vector.
    expected : int
        How many there will be, about.
    memory : float
        GiB.
    """

    def __init__(self, size: int, expected: int, memory: float) -> None:
        self.size = size
        self._expected = expected
        self._room = int(memory * GIB / (8 * max(size, 1)))
        self._kept: list[FloatArray] = []
        self._file: IO[bytes] | None = None
        self._written = 0

    def append(self, vector: FloatArray) -> None:
        """Keep a vector, which is not copied.

        Raises
        ------
        ResourceError
            When the disk has no room for it.
        """
        if len(self._kept) < self._room:
            self._kept.append(vector)
            return
        try:
            if self._file is None:
                self._file = self._opened()
            self._file.seek(0, 2)
            self._file.write(np.ascontiguousarray(vector).data)
        except OSError as error:
            raise ResourceError(
                f"The heads of the simulation could not be written to {tempfile.gettempdir()}: {error}. {self._remedy}"
            ) from error
        self._written += 1

    def __getitem__(self, number: int) -> FloatArray:
        """Return a vector by its number, from 0."""
        if number < len(self._kept):
            return self._kept[number]
        place = number - len(self._kept)
        if self._file is None or place >= self._written:
            raise IndexError(number)
        self._file.seek(8 * self.size * place)
        return np.frombuffer(self._file.read(8 * self.size), dtype=np.float64)

    def _opened(self) -> IO[bytes]:
        folder = tempfile.gettempdir()
        needed = 8 * self.size * max(1, self._expected - len(self._kept))
        free = shutil.disk_usage(folder).free
        if needed > free:
            raise ResourceError(
                f"The heads of the simulation need {needed / GIB:.2g} GiB in {folder}, which has {free / GIB:.2g}. {self._remedy}"
            )
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the store
        weakref.finalize(self, file.close)
        return file

    _remedy = "Give more memory (SensitivitySettings.memory), or set TMPDIR to a folder with room."
