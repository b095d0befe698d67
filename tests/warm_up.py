"""Compile the loops that most tests use, in a process of its own, so that all tests load one machine code."""

from __future__ import annotations

from dataclasses import replace

from aquirecover.flow.many import simulate_many
from aquirecover.flow.simulate import SimulateSettings, TimeSettings, simulate
from random_problems import random_problem

# seeds of problems of two and three layers and several rows
for linear in (True, False):
    for seed in (1, 3, 11):
        problem = random_problem(seed, linear=linear)
        simulate(problem)
        simulate_many([problem, replace(problem, initial_head=problem.initial_head + 0.1)])
    simulate(problem, SimulateSettings(time=TimeSettings(scheme="sdirk2")))
