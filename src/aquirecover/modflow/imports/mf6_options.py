"""Which packages and options of MODFLOW 6 are imported, which have no influence, and why the others are not supported."""

from __future__ import annotations

from collections.abc import Iterator

from aquirecover.modflow.imports.mf6_files import GRIDS, BlockFile, Mf6Source, Package

# With cells and values that become stresses.
LISTS = ("WEL", "RIV", "DRN", "GHB", "CHD", "RCH", "EVT")
IMPORTED = ("DIS", "IC", "NPF", "STO", "HFB", *LISTS)
PASSIVE = {"OC": "output control", "OBS": "observations of flows"}
KNOWN = {
    "MAW": "multi-aquifer wells",
    "SFR": "streamflow routing",
    "LAK": "lakes",
    "UZF": "flow in the unsaturated zone",
    "MVR": "the mover of water between packages",
    "CSUB": "compaction and subsidence",
    "GNC": "ghost-node corrections",
    "BUY": "flow that depends on density",
    "VSC": "flow that depends on viscosity",
    "API": "a package run by another program",
    **dict.fromkeys(GRIDS[1:], "a grid of cells that are not in rows and columns"),
}

# Options without influence on heads and flows, or read through the columns that they describe.
NEUTRAL = {
    *("AUXILIARY", "BOUNDNAMES", "PRINT_INPUT", "PRINT_FLOWS", "SAVE_FLOWS", "OBS6", "TS6", "MOVER", "NOGRB", "GRB6", "LIST"),
    *("EXPORT_ARRAY_ASCII", "EXPORT_ARRAY_NETCDF", "SAVE_SPECIFIC_DISCHARGE", "SAVE_SATURATION", "DIGITS"),
    *("AUTO_FLOW_REDUCE_CSV", "NETCDF_MESH2D", "NETCDF_STRUCTURED", "NCF6"),
}
# Options that the reader takes into account.
HANDLED = {
    "DIS": {"LENGTH_UNITS", "XORIGIN", "YORIGIN", "ANGROT", "CRS"},
    "NPF": {"K22OVERK", "K33OVERK", "REWET", "THICKSTRT", "ALTERNATIVE_CELL_AVERAGING", "VARIABLECV", "PERCHED"},
    "STO": {"STORAGECOEFFICIENT", "SS_CONFINED_ONLY"},
    "WEL": {"AUTO_FLOW_REDUCE", "AUXMULTNAME"},
    "RCH": {"READASARRAYS", "FIXED_CELL", "AUXMULTNAME"},
    "EVT": {"READASARRAYS", "FIXED_CELL", "SURF_RATE_SPECIFIED"},
    **{kind: {"AUXMULTNAME"} for kind in ("RIV", "DRN", "GHB", "CHD")},
}
MODEL_OPTIONS = {"NEWTON", *NEUTRAL}
SIMULATION_OPTIONS = {"CONTINUE", "NOCHECK", "MEMORY_PRINT_OPTION", "MAXERRORS", "PRINT_INPUT", "HPC6", "PROFILE_OPTION"}
TIME_OPTIONS = {"TIME_UNITS", "START_DATE_TIME", "ATS6"}


def label_of(package: Package) -> str:
    """Return how the report calls a package: ``WEL town (wells.wel)``."""
    name = "" if package.name.upper() in ("", package.kind) else f" {package.name}"
    return f"{package.kind}{name} ({package.file.shown})"


def unsupported_parts(source: Mf6Source) -> Iterator[str]:
    """Yield every package, model, exchange and option that is not supported."""
    for text in source.others:
        yield f"{text}: only one flow model is imported, without others and exchanges."
    for package in source.packages:
        if package.kind not in IMPORTED and package.kind not in PASSIVE:
            what = KNOWN.get(package.kind, "a package that is not known here")
            yield f"{label_of(package)}: {what}."
    yield from _strange(source.simulation, SIMULATION_OPTIONS)
    yield from _strange(source.times, TIME_OPTIONS)
    yield from _strange(source.model, MODEL_OPTIONS)
    for package in source.packages:
        if package.kind in IMPORTED:
            yield from _strange(package.file, NEUTRAL | HANDLED.get(package.kind, set()))
            yield from _arrays_in_time(package)
            yield from _segments(package)


def _strange(file: BlockFile, known: set[str]) -> Iterator[str]:
    for option, (line, words) in file.options().items():
        if option == "TAS6":
            yield f"{file.shown}:{line}: arrays as time series (TAS6; a partial import leaves the package out)."
        elif option not in known:
            yield f"{file.shown}:{line}: the option {' '.join([option, *words])}."


def _arrays_in_time(package: Package) -> Iterator[str]:
    """Yield arrays of recharge and evapotranspiration that are given as time-array series, or multiplied by others."""
    options = package.file.options()
    if "READASARRAYS" in options and "AUXMULTNAME" in options:
        line, _ = options["AUXMULTNAME"]
        yield f"{package.file.shown}:{line}: the option AUXMULTNAME of arrays."


def _segments(package: Package) -> Iterator[str]:
    """Yield evapotranspiration whose decline with depth is not a straight line."""
    if package.kind == "EVT" and package.file.dimensions().get("NSEG", 1) > 1:
        yield f"{label_of(package)}: evapotranspiration in several segments (NSEG)."
    line, _ = package.file.options().get("SURF_RATE_SPECIFIED", (0, []))
    if line:
        yield f"{package.file.shown}:{line}: the option SURF_RATE_SPECIFIED."


def passive_parts(source: Mf6Source) -> Iterator[str]:
    """Yield what is left out without influence on heads and flows."""
    yield "Solver settings (IMS): each engine has its own."
    if "ATS6" in source.times.options():
        yield "Adaptive time steps (ATS): the steps of TDIS are used."
    for package in source.packages:
        if package.kind == "OC":
            yield f"{label_of(package)}: output control; heads are kept at the end of every stress period."
        elif "OBS6" in package.file.options():
            yield f"{label_of(package)}: its observations of flows."
