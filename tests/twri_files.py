"""TWRI, MODFLOW's own test problem (McDonald and Harbaugh 1988, appendix D), typed in as input of three of its versions.

15 × 15 cells of 5,000 ft, in feet and seconds. A water-table aquifer (K 1e-3 ft/s, bottom -150 ft), two confined ones (T 0.01 and
0.02 ft²/s, 100 ft thick), and 50 ft of clay between each two (leakance 2e-8 and 1e-8 1/s). Head 0 in column 1 of the upper two
aquifers, recharge 3e-8 ft/s, 15 wells of 5 ft³/s, nine drains of 1 ft²/s in row 8.
"""

from __future__ import annotations

from pathlib import Path

# layer, row, column from 1
WELLS = [(3, 5, 11), (2, 4, 6), (2, 6, 12), *((1, row, column) for row in (9, 11, 13) for column in (8, 10, 12, 14))]
DRAINS = [0.0, 0.0, 10.0, 20.0, 30.0, 50.0, 70.0, 90.0, 100.0]
SURFACES = (-150.0, -200.0, -300.0, -350.0, -450.0)

DIS = """\
# TWRI
  3 15 15 1 1 1
 1 1 0
CONSTANT 5000.
CONSTANT 5000.
CONSTANT 200.
CONSTANT -150.
CONSTANT -200.
CONSTANT -300.
CONSTANT -350.
CONSTANT -450.
 86400. 1 1. SS
"""
BAS = f"""\
# TWRI
FREE
{"".join(f"INTERNAL 1 (FREE) 3{chr(10)}{(' -1' + ' 1' * 14 + chr(10)) * 15}" for _ in range(2))}CONSTANT 1
 999.99
CONSTANT 0.
CONSTANT 0.
CONSTANT 0.
"""
BCF = """\
 0 1.E30 0 0. 0 0
 1 0 0
CONSTANT 1.
CONSTANT 1.E-3
CONSTANT 2.E-8
CONSTANT 1.E-2
CONSTANT 1.E-8
CONSTANT 2.E-2
"""
# The clays have conductivities of 1e-6 and 5e-7 ft/s; the aquifers conduct so well along the vertical that these alone count.
LPF = """\
 0 1.E30 0
 1 0 0
 0 0 0
 1. 1. 1.
 0 0 0
 0 0 0
CONSTANT 1.E-3
CONSTANT 1.E5
CONSTANT 1.E-6
CONSTANT 1.E-4
CONSTANT 1.E5
CONSTANT 5.E-7
CONSTANT 2.E-4
CONSTANT 1.E5
"""
UPW = LPF.replace(" 0 1.E30 0\n", " 0 1.E30 0 0\n")
WEL = "15 0\n15 0\n" + "".join(f"{k} {i} {j} -5.\n" for k, i, j in WELLS)
DRN = "9 0\n9 0\n" + "".join(f"1 8 {j} {elevation} 1.\n" for j, elevation in enumerate(DRAINS, 2))
RCH = "1 0\n1 1\nCONSTANT 3.E-8\n"
FILES = {"dis": DIS, "bas": BAS, "wel": WEL, "drn": DRN, "rch": RCH}
UNITS = {"DIS": 10, "BAS6": 8, "BCF6": 11, "LPF": 11, "UPW": 11, "WEL": 12, "DRN": 13, "RCH": 18, "NWT": 19}


def write_twri(folder: Path, flow: str = "BCF6") -> Path:
    """Write TWRI with a flow package (BCF6, LPF or UPW), and return the name file."""
    folder.mkdir(parents=True, exist_ok=True)
    kinds = ["DIS", "BAS6", flow, "WEL", "DRN", "RCH"]
    lines = ["# TWRI", "LIST 7 twri.lst"]
    for kind in kinds:
        name = "flow" if kind == flow else kind.lower().removesuffix("6")
        text = {"BCF6": BCF, "LPF": LPF, "UPW": UPW}[flow] if kind == flow else FILES[name]
        (folder / f"twri.{name}").write_text(text)
        lines.append(f"{kind} {UNITS[kind]} twri.{name}")
    (folder / "twri.nam").write_text("\n".join(lines) + "\n")
    return folder / "twri.nam"


def write_twri6(folder: Path) -> Path:
    """Write TWRI as MODFLOW 6 has it, the clays as layers of their own, and return the name file of the simulation."""
    folder.mkdir(parents=True, exist_ok=True)
    place = {1: 1, 2: 3, 3: 5}  # of an aquifer among the five layers

    def rows(lines: list[str]) -> str:
        return "".join(f"  {line}\n" for line in lines)

    def period(lines: list[str]) -> str:
        return f"BEGIN DIMENSIONS\n  MAXBOUND {len(lines)}\nEND DIMENSIONS\nBEGIN PERIOD 1\n{rows(lines)}END PERIOD\n"

    def layered(name: str, values: list[float]) -> list[str]:
        return [f"{name} LAYERED", *(f"  CONSTANT {value}" for value in values)]

    grid = ["DELR", "  CONSTANT 5000.", "DELC", "  CONSTANT 5000.", "TOP", "  CONSTANT 200.", *layered("BOTM", list(SURFACES))]
    k = [1e-3, 1e-8, 1e-4, 5e-7, 2e-4]
    flow = [*layered("ICELLTYPE", [1, 0, 0, 0, 0]), *layered("K", k), *layered("K33", [1e3, 1e-6, 1e3, 5e-7, 1e3])]
    files = {
        "mfsim.nam": "BEGIN TIMING\n  TDIS6 twri.tdis\nEND TIMING\nBEGIN MODELS\n  GWF6 twri.nam twri\nEND MODELS\n"
        "BEGIN EXCHANGES\nEND EXCHANGES\nBEGIN SOLUTIONGROUP 1\n  IMS6 twri.ims twri\nEND SOLUTIONGROUP\n",
        "twri.tdis": "BEGIN OPTIONS\n  TIME_UNITS seconds\nEND OPTIONS\nBEGIN DIMENSIONS\n  NPER 1\nEND DIMENSIONS\n"
        "BEGIN PERIODDATA\n  86400. 1 1.\nEND PERIODDATA\n",
        "twri.ims": "BEGIN NONLINEAR\n  OUTER_DVCLOSE 1e-9\n  OUTER_MAXIMUM 500\nEND NONLINEAR\n"
        "BEGIN LINEAR\n  INNER_DVCLOSE 1e-10\n  INNER_RCLOSE 1e-8\n  INNER_MAXIMUM 300\nEND LINEAR\n",
        "twri.nam": "BEGIN PACKAGES\n"
        + rows([f"{kind}6 twri.{kind.lower()}" for kind in ("DIS", "IC", "NPF", "CHD", "WEL", "DRN", "RCH", "OC")])
        + "END PACKAGES\n",
        "twri.dis": "BEGIN OPTIONS\n  LENGTH_UNITS feet\nEND OPTIONS\nBEGIN DIMENSIONS\n  NLAY 5\n  NROW 15\n  NCOL 15\n"
        f"END DIMENSIONS\nBEGIN GRIDDATA\n{rows(grid)}END GRIDDATA\n",
        "twri.ic": "BEGIN GRIDDATA\n  STRT\n    CONSTANT 0.\nEND GRIDDATA\n",
        "twri.npf": f"BEGIN GRIDDATA\n{rows(flow)}END GRIDDATA\n",
        "twri.chd": period([f"{layer} {row} 1 0." for layer in (1, 3) for row in range(1, 16)]),
        "twri.wel": period([f"{place[layer]} {row} {column} -5." for layer, row, column in WELLS]),
        "twri.drn": period([f"1 8 {column} {elevation} 1." for column, elevation in enumerate(DRAINS, 2)]),
        "twri.rch": "BEGIN OPTIONS\n  READASARRAYS\nEND OPTIONS\nBEGIN PERIOD 1\n  RECHARGE\n    CONSTANT 3.E-8\nEND PERIOD\n",
        "twri.oc": "BEGIN OPTIONS\n  HEAD FILEOUT twri.hds\nEND OPTIONS\nBEGIN PERIOD 1\n  SAVE HEAD LAST\nEND PERIOD\n",
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder / "mfsim.nam"
