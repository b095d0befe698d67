"""Keys tell apart what a simulation can tell apart, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aquirecover.flow.content import content_key
from aquirecover.flow.problem import Context, Problem
from aquirecover.flow.schedule import Schedule
from aquirecover.flow.simulate import SimulateSettings
from aquirecover.flow.stresses import Wells
from random_problems import random_problem


def test_the_same_content_has_the_same_key_whatever_was_worked_out_of_it() -> None:
    problem, other = random_problem(3), random_problem(3)
    before = content_key(problem, SimulateSettings())
    assert problem.schedule.step_time.size  # cached
    assert content_key(problem, SimulateSettings()) == content_key(other, SimulateSettings()) == before
    assert content_key(replace(problem, name="other", context=Context(title="other"))) == content_key(problem)


def test_every_part_of_a_problem_counts() -> None:
    problem = random_problem(5)
    assert problem.barriers
    wells = problem.wells[0]
    others: list[Problem] = [
        replace(problem, initial_head=problem.initial_head + 1e-12),
        replace(problem, schedule=Schedule([30.0, 60.0], n_steps=[3, 2], step_multiplier=1.3)),
        replace(problem, stresses=problem.stresses[:-1]),
        replace(problem, stresses=problem.stresses[::-1]),
        replace(problem, fixed_heads=()),
        replace(problem, barriers=()),
        replace(problem, zones=None),
        replace(
            problem, stresses=tuple(s.with_rates(wells.pumping_rate) if isinstance(s, Wells) else s for s in problem.stresses)
        ),
    ]
    keys = [content_key(one) for one in (problem, *others)]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (("ab", "c"), ("a", "bc")),
        ((1,), (1.0,)),
        ((1,), (True,)),
        ((np.zeros(2),), (np.zeros((2, 1)),)),
        ((np.zeros(2),), (np.zeros(2, dtype=np.float32),)),
        (([1, 2], [3]), ([1], [2, 3])),
        ((0.1,), (float(np.nextafter(0.1, 1.0)),)),
        (({"a": 1},), ({"b": 1},)),
    ],
)
def test_neighbours_are_not_taken_for_one_another(a: tuple[object, ...], b: tuple[object, ...]) -> None:
    assert content_key(*a) != content_key(*b)


def test_what_has_no_content_is_refused() -> None:
    with pytest.raises(TypeError, match="has no content"):
        content_key(object())
    with pytest.raises(TypeError, match="has no content"):
        content_key(np.array([object()]))
