"""What MODFLOW says in its listing files, by lines that it wrote."""

from __future__ import annotations

import math

import pytest

from aquirecover.modflow.listing import error_messages, finished_normally, number, read_budgets, read_failure, read_iterations

BUDGET = """
  VOLUME BUDGET FOR ENTIRE MODEL AT END OF TIME STEP    2, STRESS PERIOD   3
  ---------------------------------------------------------------------------------------------------

     CUMULATIVE VOLUME      L**3       RATES FOR THIS TIME STEP      L**3/T          PACKAGE NAME
     ------------------                 ------------------------                     ----------------

           IN:                                      IN:
           ---                                      ---
              STO-SS =          16.4347                STO-SS =           1.9941     STORAGE
              STO-SY =         256.2081                STO-SY =          31.0866     STORAGE
                 WEL =          46.2088                   WEL =       9.2432E-02     WELLS
                 RIV =         982.8927                   RIV =         106.3545     BIG_RIVER

            TOTAL IN =        1301.7443              TOTAL IN =         139.5276

          OUT:                                     OUT:
          ----                                     ----
              STO-SS =           0.7618                STO-SS =       9.2432E-02     STORAGE
              STO-SY =          46.7158                STO-SY =           5.6682     STORAGE
                 WEL =         617.1878                   WEL =          67.0931     WELLS
                 RIV =         636.9989                   RIV =          66.6739     BIG_RIVER

           TOTAL OUT =        1301.6643             TOTAL OUT =         139.5276

            IN - OUT =       7.2678E-09              IN - OUT =       7.8370E-10

 PERCENT DISCREPANCY =           0.00     PERCENT DISCREPANCY =           0.00
"""
SUMMARY = """
 SLN_1 OUTER ITERATION SUMMARY
 ----------------------------------------------------------------------------------------------------------
                                OUTER      INNER                    STEP   MAXIMUM CHANGE MODEL-(CELLID) OR
 OUTER ITERATION STEP       ITERATION  ITERATION  MAXIMUM CHANGE SUCCESS             MODEL-PACKAGE-(NUMBER)
 ----------------------------------------------------------------------------------------------------------
 Model                              1         11     -0.69187976                              1_GWF-(3,1,3)
 Model                              2          9 -1.14319848E-03       *                      1_GWF-(1,1,5)
 ----------------------------------------------------------------------------------------------------------


 2 CALLS TO NUMERICAL SOLUTION IN TIME STEP 1 STRESS PERIOD 3
 20 TOTAL ITERATIONS

 Solution 1 did not converge for stress period 3 and time step 1
"""
OLD_REPORT = """
 ERROR REPORT:

 ERROR. UNKNOWN GRIDDATA TAG: STRX

 ERROR OCCURRED WHILE READING FILE:
 model.ic

 Stopping due to error(s)
"""
OLD_SUMMARY = """
 Linear Solver             1        10    0.103542                         1_GWF-(1,6,1)
 Under-relaxation          1              0.103542                         1_GWF-(1,6,1)
 Linear Solver             2         8   -1.764235E-04                     1_GWF-(1,6,6)
 Under-relaxation          2             -1.587811E-04                     1_GWF-(1,6,6)
 Solution 1 did not converge for stress period 2 and time step 4
"""
REPORT = """
ERROR REPORT:

  1. IDOMAIN: a first thing is wrong in a message that is so long that it goes
     on in a second line.
  2. A second thing is wrong.

UNIT ERROR REPORT:

  1. ERROR OCCURRED WHILE READING FILE 'model.ic'
 Elapsed run time:  0.009 Seconds
"""


def test_budget_of_a_step(tmp_path):
    path = tmp_path / "model.lst"
    path.write_text(BUDGET + "more\n" + BUDGET.replace("STEP    2", "STEP    3"), encoding="ascii")
    first, second = read_budgets(path)
    assert (first.period, first.step, second.step) == (2, 1, 2)
    assert (first.total_in, first.total_out, first.volume_in, first.volume_out) == (139.5276, 139.5276, 1301.7443, 1301.6643)
    assert first.net["STORAGE"] == pytest.approx(1.9941 + 31.0866 - 9.2432e-02 - 5.6682)
    assert first.net["WELLS"] == pytest.approx(9.2432e-02 - 67.0931)
    assert set(first.net) == {"STORAGE", "WELLS", "BIG_RIVER"}


def test_iterations_and_failure_of_a_step(tmp_path):
    path = tmp_path / "mfsim.lst"
    path.write_text(SUMMARY, encoding="ascii")
    found = read_iterations(path)[2, 0]
    assert (found.outer, found.inner, found.largest_change, found.place) == (2, 20, 1.14319848e-03, "(1,1,5)")
    assert read_failure(path) == (2, 0, found)
    assert not finished_normally(path)
    path.write_text(SUMMARY + "\n Normal termination of simulation.", encoding="ascii")
    assert finished_normally(path)
    assert read_failure(tmp_path / "none.lst") is None


def test_failure_in_the_words_of_an_old_release(tmp_path):
    path = tmp_path / "mfsim.lst"
    path.write_text(OLD_SUMMARY, encoding="ascii")
    period, step, tried = read_failure(path)
    assert (period, step) == (1, 3)
    assert (tried.outer, tried.inner, tried.largest_change, tried.place) == (2, 18, 1.764235e-04, "(1,6,6)")


def test_error_reports():
    assert error_messages(REPORT) == [
        "IDOMAIN: a first thing is wrong in a message that is so long that it goes on in a second line.",
        "A second thing is wrong.",
        "ERROR OCCURRED WHILE READING FILE 'model.ic'",
    ]
    assert error_messages(OLD_REPORT) == ["ERROR. UNKNOWN GRIDDATA TAG: STRX"]
    assert error_messages(" Normal termination of simulation.\n 1. not a message\n") == []


@pytest.mark.parametrize(
    ("text", "value"), [("12.5", 12.5), ("-1.5E-03", -1.5e-3), ("1.5D+02", 150.0), ("0.1234-100", 0.1234e-100)]
)
def test_numbers_of_fortran(text, value):
    assert number(text) == value


def test_stars_are_no_number():
    assert math.isnan(number("***********"))
