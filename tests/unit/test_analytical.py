"""The exact solutions against published numbers, limits and each other."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, optimize, special

from aquirecover import analytical
from aquirecover.verification.field_recovery import FIELD, MEASURED, field_recovery

# T 500 m2/d, S 2e-4, Q 1,000 m3/d, r 100 m, pump stops at 30 d: time, d, and residual drawdown, m
THEIS_RECOVERY = (
    (30.0, 1.548859),
    (30.01, 1.258785),
    (30.1, 0.906733),
    (31.0, 0.546382),
    (35.0, 0.309674),
    (40.0, 0.220624),
    (60.0, 0.110315),
    (90.0, 0.064531),
    (120.0, 0.045786),
    (390.0, 0.012739),
)

# Hantush (1956), table of W(u, r/B)
LEAKY = (
    (0.0, 0.01, 9.4425),
    (5e-6, 0.01, 9.4413),
    (1e-5, 0.01, 9.4176),
    (1e-4, 0.01, 8.3983),
    (1e-3, 0.01, 6.3069),
    (1e-2, 0.01, 4.0356),
    (1.0, 0.01, 0.2194),
    (0.0, 0.1, 4.8541),
    (1e-3, 0.1, 4.8292),
    (5e-3, 0.1, 4.2960),
    (1e-2, 0.1, 3.8150),
    (0.05, 0.1, 2.4271),
    (0.1, 0.1, 1.8050),
    (1.0, 0.1, 0.2190),
    (0.0, 0.5, 1.8488),
    (0.1, 0.5, 1.4422),
    (0.5, 0.5, 0.5206),
    (1.0, 0.5, 0.2103),
    (0.0, 1.0, 0.8420),
    (0.05, 1.0, 0.8409),
    (0.1, 1.0, 0.8190),
    (0.5, 1.0, 0.4210),
    (1.0, 1.0, 0.1855),
    (0.0, 2.0, 0.2278),
    (0.5, 2.0, 0.1944),
    (1.0, 2.0, 0.1139),
)


@pytest.mark.parametrize(("time", "expected"), THEIS_RECOVERY)
def test_theis_recovery_table(time: float, expected: float) -> None:
    assert analytical.theis_recovery(1000.0, 500.0, 2e-4, 100.0, time, 30.0) == pytest.approx(expected, abs=5.1e-7)


def test_recovery_with_another_storativity_follows_its_formula() -> None:
    w = 1000.0 / (4 * np.pi * 500.0) * (special.exp1(1e4 * 2e-4 / (2000.0 * 40.0)) - special.exp1(1e4 * 1e-4 / (2000.0 * 10.0)))
    assert analytical.theis_recovery(1000.0, 500.0, 2e-4, 100.0, 40.0, 30.0, 1e-4) == pytest.approx(w, rel=1e-12)


def test_hardinxveld_conductivity() -> None:
    # MLU publishes 48.94 m/d. timflow publishes 40.60 m/d with an RMSE of 0.028 m: that is no least-squares fit of the exact
    # solution to these numbers, for which 40.60 leaves 0.033 m and the best fit 0.011 m.
    fit = optimize.least_squares(lambda k: field_recovery(k[0]) - MEASURED[:, 1], [20.0])
    assert fit.x[0] == pytest.approx(48.94, rel=5e-3)
    error = np.sqrt(np.mean((field_recovery(40.60) - MEASURED[:, 1]) ** 2))
    assert np.sqrt(np.mean(fit.fun**2)) == pytest.approx(0.01075, abs=1e-5)
    assert error == pytest.approx(0.0329, abs=1e-4)


def test_hardinxveld_drawdown_and_recovery() -> None:
    # TTim's single-layer fit to the whole test, with a skin in the pumped well: k 48.653125 m/d, RMSE 0.00873670 m
    pumping = np.array([694, 1389, 2083, 2778, 3472, 4167, 4861, 5556, 6250, 6944, 8333, 9722, 11111, 12500, 13889]) * 1e-6
    drawdown = [2.746, 2.807, 2.869, 2.9, 2.923, 2.944, 2.96, 2.977, 2.993, 3.004, 3.019, 3.031, 3.058, 3.064, 3.084]
    time = np.concatenate((pumping, MEASURED[:, 0]))
    measured = np.concatenate((drawdown, MEASURED[:, 1]))

    def error(guess: np.ndarray) -> np.ndarray:
        # the skin and the storativity both shift the drawdown, so the storativity stays at the published 7.6e-5 1/m
        model = analytical.theis_recovery(FIELD["rate"], guess[0] * 27.0, 27.0 * 7.6e-5, FIELD["radius"], time, FIELD["stop"])
        return model + np.where(time <= FIELD["stop"], guess[1], 0.0) - measured

    fit = optimize.least_squares(error, [20.0, 0.0])
    assert fit.x[0] == pytest.approx(48.653125, rel=2e-4)
    assert np.sqrt(np.mean(fit.fun**2)) == pytest.approx(0.00873670, rel=1e-3)
    # published skin resistance 0.022092 d: head loss is rate x resistance / (2 pi r b)
    assert fit.x[1] == pytest.approx(0.022092 * FIELD["rate"] / (2.0 * np.pi * FIELD["radius"] * 27.0), rel=2e-3)


def test_hardinxveld_straight_line() -> None:
    transmissivity, intercept = analytical.recovery_transmissivity(FIELD["rate"], MEASURED[:, 0], FIELD["stop"], MEASURED[:, 1])
    assert transmissivity == pytest.approx(1185.0, abs=1.0)
    line = np.polyfit(np.log10(MEASURED[:, 0] / (MEASURED[:, 0] - FIELD["stop"])), MEASURED[:, 1], 1)
    assert intercept == pytest.approx(line[1])


def test_straight_line_returns_the_transmissivity_of_theis() -> None:
    time = 30.0 + np.geomspace(2.0, 300.0, 20)
    s = analytical.theis_recovery(1000.0, 500.0, 2e-4, 10.0, time, 30.0)
    transmissivity, intercept = analytical.recovery_transmissivity(1000.0, time, 30.0, s)
    assert transmissivity == pytest.approx(500.0, rel=1e-4)
    assert intercept == pytest.approx(0.0, abs=1e-4)


@pytest.mark.parametrize(("time", "s"), [([31.0], [0.1]), ([29.0, 31.0], [0.1, 0.2]), ([31.0, 32.0], [0.1])])
def test_straight_line_refuses(time: list[float], s: list[float]) -> None:
    with pytest.raises(ValueError, match=r"needed|after stop_time"):
        analytical.recovery_transmissivity(1000.0, time, 30.0, s)


def test_theis_rates_superpose() -> None:
    time = np.array([-1.0, 5.0, 10.0, 40.0])
    two = analytical.theis_rates([1000.0, 0.0], [0.0, 30.0], 500.0, 2e-4, 100.0, time)
    assert two == pytest.approx(analytical.theis_recovery(1000.0, 500.0, 2e-4, 100.0, time, 30.0), rel=1e-12)
    assert two[0] == 0.0
    with pytest.raises(ValueError, match="ascend"):
        analytical.theis_rates([1.0, 2.0], [1.0, 1.0], 500.0, 2e-4, 1.0, time)
    with pytest.raises(ValueError, match="one rate for each time"):
        analytical.theis_rates([1.0, 2.0], [1.0], 500.0, 2e-4, 1.0, time)


def test_cooper_jacob_nears_theis() -> None:
    u = np.array([0.03, 0.01, 1e-4])
    time = 100.0**2 * 2e-4 / (4 * 500.0 * u)
    exact = analytical.theis(1000.0, 500.0, 2e-4, 100.0, time)
    error = analytical.cooper_jacob(1000.0, 500.0, 2e-4, 100.0, time) / exact - 1.0
    assert np.all(np.abs(error) < [0.0102, 0.0026, 2e-5])


@pytest.mark.parametrize(("u", "ratio", "expected"), LEAKY)
def test_leaky_well_function_table(u: float, ratio: float, expected: float) -> None:
    assert analytical.leaky_well_function(u, ratio) == pytest.approx(expected, abs=5.1e-5)


def test_leaky_well_function_by_quadrature() -> None:
    for u in (1e-6, 1e-3, 0.1, 1.0, 8.0):
        for ratio in (0.0, 1e-6, 1e-3, 0.05, 0.7, 3.0, 15.0):
            direct = integrate.quad(
                lambda x, u=u, b=ratio: np.exp(-u * np.exp(x) - 0.25 * b * b / u * np.exp(-x)),
                0,
                22,
                limit=400,
                epsabs=0,
                epsrel=1e-11,
            )[0]
            assert analytical.leaky_well_function(u, ratio) == pytest.approx(direct, rel=1e-10)


def test_leaky_well_function_limits() -> None:
    u = np.geomspace(1e-25, 50.0, 200)
    assert analytical.leaky_well_function(u, 0.0) == pytest.approx(special.exp1(u), rel=1e-12)
    ratio = np.geomspace(1e-8, 50.0, 200)
    assert analytical.leaky_well_function(0.0, ratio) == pytest.approx(2 * special.k0(ratio), rel=1e-12)
    assert np.isinf(analytical.leaky_well_function(0.0, 0.0))
    assert analytical.leaky_well_function(np.ones((2, 1)), np.ones(3)).shape == (2, 3)
    for bad in (-1.0, np.nan):
        with pytest.raises(ValueError, match="0 or more"):
            analytical.leaky_well_function(bad, 1.0)


def test_hantush_becomes_steady_and_begins_as_theis() -> None:
    radius = np.array([10.0, 100.0, 1000.0])
    steady = analytical.leaky_steady(1000.0, 500.0, 1e-3, radius)
    assert analytical.hantush(1000.0, 500.0, 1e-4, 1e-3, radius, 1e4) == pytest.approx(steady, rel=1e-9)
    early = analytical.hantush(1000.0, 500.0, 1e-4, 1e-6, radius, 1e-3)
    assert early == pytest.approx(analytical.theis(1000.0, 500.0, 1e-4, radius, 1e-3), rel=1e-4)
    assert analytical.hantush(1000.0, 500.0, 1e-4, 1e-6, 10.0, 0.0) == 0.0


def test_thiem_solves_its_equation() -> None:
    r = np.array([50.0, 50.0 * np.e])
    s = analytical.thiem(1000.0, 500.0, r, 1000.0)
    assert s[0] - s[1] == pytest.approx(1000.0 / (2 * np.pi * 500.0), rel=1e-12)
    assert analytical.thiem(1000.0, 500.0, 1000.0, 1000.0) == 0.0


def test_dupuit_strip_balances() -> None:
    x, width = np.array([0.0, 400.0, 1000.0]), 1000.0
    head = analytical.dupuit_recharge(x, width, 10.0, 8.0, 5.0, 1e-3)
    flow = analytical.dupuit_discharge(x, width, 10.0, 8.0, 5.0, 1e-3)
    assert head[[0, 2]] == pytest.approx([10.0, 8.0])
    assert flow[2] - flow[0] == pytest.approx(1e-3 * width)
    near = analytical.dupuit_recharge([399.0, 401.0], width, 10.0, 8.0, 5.0, 1e-3)
    assert -5.0 * head[1] * (near[1] - near[0]) / 2.0 == pytest.approx(flow[1], rel=1e-5)
    assert np.isnan(analytical.dupuit_recharge(500.0, width, 1.0, 1.0, 5.0, -1e-3))


def test_dupuit_well_carries_its_rate() -> None:
    head = analytical.dupuit_well(500.0, 10.0, np.array([99.0, 100.0, 101.0]), 1000.0, 20.0)
    assert 2 * np.pi * 100.0 * 10.0 * head[1] * (head[2] - head[0]) / 2.0 == pytest.approx(500.0, rel=1e-4)
    assert np.isnan(analytical.dupuit_well(5e4, 1.0, 1.0, 1000.0, 20.0))


def test_jacob_correction_turns_thiem_into_dupuit() -> None:
    head = analytical.dupuit_well(500.0, 10.0, 30.0, 1000.0, 20.0)
    assert analytical.jacob_correction(20.0 - head, 20.0) == pytest.approx(analytical.thiem(500.0, 200.0, 30.0, 1000.0))


def test_images_keep_the_stream_and_close_the_barrier() -> None:
    y = np.array([0.0, 30.0, 300.0])
    well = (1000.0, 500.0, 1e-3, 200.0)
    stream = analytical.theis_images(*well, 0.0, y, 10.0, west=(0.0, "stream"))
    assert stream == pytest.approx(0.0, abs=1e-14)
    left, right = (analytical.theis_images(*well, x, y, 10.0, west=(0.0, "barrier")) for x in (-1e-3, 1e-3))
    assert left == pytest.approx(right, rel=1e-12)
    only = analytical.theis_images(*well, 250.0, y, 10.0)
    assert only == pytest.approx(analytical.theis(1000.0, 500.0, 1e-3, np.hypot(50.0, y), 10.0))


def test_images_in_a_strip() -> None:
    x, sign = analytical.image_wells(200.0, (0.0, "stream"), (1000.0, "barrier"), 3)
    assert sorted(zip(x, sign, strict=True)) == [
        (-2200.0, 1.0), (-1800.0, -1.0), (-200.0, -1.0), (200.0, 1.0), (1800.0, 1.0), (2200.0, -1.0), (3800.0, -1.0),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="between the boundaries"):
        analytical.image_wells(-1.0, (0.0, "stream"))


def test_strip_between_streams_is_the_sum_of_its_images() -> None:
    x, y = np.array([0.0, 100.0, 700.0, 1000.0]), np.array([50.0, 0.0, 200.0, -10.0])
    steady = analytical.strip_steady(1000.0, 500.0, 1000.0, 300.0, x, y)
    late = analytical.theis_images(1000.0, 500.0, 1e-4, 300.0, x, y, 50.0, (0.0, "stream"), (1000.0, "stream"), 400)
    assert steady == pytest.approx(late, abs=1e-9)
    assert steady[[0, 3]] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(("distance", "expected"), [(1000.0, 0.9365), (5000.0, 0.6906), (10000.0, 0.4259)])
def test_glover_table(distance: float, expected: float) -> None:
    # feet; the published 5 years are 1,826.25 days to the last digit but one
    assert analytical.glover_depletion(distance, 8640.0, 0.2, 5 * 365.25) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(("time", "expected"), [(10.0, 0.1055), (20.0, 0.1942), (28.0, 0.2378)])
def test_hunt_table(time: float, expected: float) -> None:
    assert 0.557 * analytical.hunt_depletion(500.0, 1000.0, 0.1, 20.0, time) == pytest.approx(expected, abs=5.1e-5)


def test_hunt_nears_glover_on_a_clean_bed() -> None:
    time = np.array([0.0, 1.0, 100.0])
    clean = analytical.hunt_depletion(500.0, 1000.0, 0.1, 1e7, time)
    assert clean == pytest.approx(analytical.glover_depletion(500.0, 1000.0, 0.1, time), abs=1e-6)
    assert clean[0] == 0.0


@pytest.mark.parametrize(
    ("time", "compaction"), [(1.0, 0.00035682), (10.0, 0.00112838), (100.0, 0.00356823), (1000.0, 0.0093126)]
)
def test_delay_bed_compaction(time: float, compaction: float) -> None:
    # CSUB: thickness 1 m, Kv 2.5e-6 m/d, Skv 0.01 1/m, head lowered by 1 m on both faces
    assert 1.0 * 0.01 * analytical.slab_consolidation(time, 0.5, 2.5e-6 / 0.01) == pytest.approx(compaction, abs=5.1e-9)


def test_slab_joins_its_early_and_late_forms() -> None:
    x = np.linspace(-1.0, 1.0, 9)
    before, after = (analytical.diffusion_slab(x, 0.1 * f, 1.0, 1.0) for f in (1 - 1e-9, 1 + 1e-9))
    assert before == pytest.approx(after, abs=1e-7)
    assert analytical.slab_consolidation(0.05 * (1 - 1e-9), 1.0, 1.0) == pytest.approx(
        float(analytical.slab_consolidation(0.05 * (1 + 1e-9), 1.0, 1.0)), abs=1e-7
    )
    early = analytical.diffusion_slab(0.9, 1e-3, 1.0, 1.0)
    assert early == pytest.approx(float(analytical.diffusion_half_space(0.1, 1e-3, 1.0)), rel=1e-9)
    for time in (0.02, 0.5):
        mean = integrate.quad(lambda p, t=time: float(analytical.diffusion_slab(p, t, 1.0, 1.0)), 0.0, 1.0, limit=200)[0]
        assert mean == pytest.approx(float(analytical.slab_consolidation(time, 1.0, 1.0)), rel=1e-6)
    assert analytical.diffusion_slab(0.0, 0.0, 1.0, 1.0) == 0.0
    assert analytical.diffusion_half_space(0.0, [0.0, 1.0], 1.0) == pytest.approx([0.0, 1.0])


def test_equivalent_radius_of_a_square_and_of_a_large_grid() -> None:
    assert analytical.equivalent_radius(100.0, 100.0) == pytest.approx(20.8, abs=0.02)
    assert analytical.equivalent_radius_grid(100.0, 100.0) == pytest.approx(19.85, abs=0.01)
    # Peaceman (1983) writes 0.28 sqrt(sqrt(ky/kx) dx² + sqrt(kx/ky) dy²) / ((ky/kx)^1/4 + (kx/ky)^1/4)
    kx, ky, dx, dy = 4.0, 1.0, 100.0, 50.0
    peaceman = 0.28 * np.sqrt((ky / kx) ** 0.5 * dx**2 + (kx / ky) ** 0.5 * dy**2) / ((ky / kx) ** 0.25 + (kx / ky) ** 0.25)
    assert analytical.equivalent_radius_grid(dx, dy, kx, ky) == pytest.approx(peaceman, rel=3e-3)
    assert analytical.equivalent_radius(dx, dy, kx, ky) == pytest.approx(peaceman, rel=0.06)


def test_well_correction_is_thiem_and_loss() -> None:
    radius = analytical.equivalent_radius(100.0, 100.0)
    drop = analytical.well_correction(1000.0, 500.0, radius, 0.1, 1e-7)
    assert drop == pytest.approx(analytical.thiem(1000.0, 500.0, 0.1, float(radius)) + 0.1)
