"""The files of a MODFLOW-2005 or MODFLOW-NWT model as text, before flopy reads the numbers: what each file names.

Formats: Harbaugh 2005, TM6-A16; Niswonger et al. 2011, TM6-A37.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aquirecover.errors import InputFileError, ResourceError
from aquirecover.modflow.imports.folder import OPEN_CLOSE, SourceFolder, check_size, line_of, named_files

IMPORTED = ("BAS6", "DIS", "BCF6", "LPF", "UPW", "WEL", "RIV", "DRN", "GHB", "CHD", "RCH", "EVT", "HFB6", "HOB")
PARAMETERS = ("ZONE", "MULT", "PVAL")
PASSIVE = {
    **dict.fromkeys(("LIST", "GLOBAL"), "listing"),
    **dict.fromkeys(("OC", "OC6"), "output control; heads are kept at the end of every stress period"),
    **dict.fromkeys(("PCG", "PCGN", "SIP", "SOR", "DE4", "GMG", "NWT"), "solver settings: each engine has its own"),
    **dict.fromkeys(("LMT6", "LMT"), "link to a transport model"),
    **dict.fromkeys(("HYD", "GAGE", "MNWI", "DROB", "RVOB", "GBOB", "CHOB", "STOB", "DTOB"), "output or observations of flows"),
}
UNSUPPORTED = {
    **dict.fromkeys(("MNW1", "MNW", "MNW2"), "multi-node wells"),
    **dict.fromkeys(("SFR", "STR"), "streamflow routing"),
    **dict.fromkeys(("UZF", "UZF1"), "flow in the unsaturated zone"),
    **dict.fromkeys(("IBS", "SUB", "SWT"), "compaction and subsidence"),
    **dict.fromkeys(("ETS", "DRT"), "evapotranspiration in segments, or drains that return water"),
    **dict.fromkeys(("SWI", "SWI2", "VDF"), "flow that depends on density"),
    "LAK": "lakes",
    "RES": "reservoirs",
    "FHB": "flows and heads that vary in time",
    "HUF2": "hydrogeologic units",
    "LVDA": "anisotropy that is turned against the grid",
    "KDEP": "conductivity that depends on depth",
    "SWR": "surface-water routing",
    "AG": "agricultural water use",
    "FMP": "the farm process",
}
FLOW_PACKAGES = ("BCF6", "LPF", "UPW")
BINARY = "DATA(BINARY)"
UNREAD = ("LIST", "GLOBAL", BINARY)
OLD = {"BAS", "BCF", "BAS5", "BCF5"}
LISTS = ("WEL", "RIV", "DRN", "GHB", "CHD", "HFB6", "HOB")
# flopy makes room for as many entries as a list announces, before it reads any.
MOST_DIGITS = 8
_MANY = re.compile(rb"^[ \t]*(\d{%d,})(?![.\d])" % (MOST_DIGITS + 1), re.MULTILINE)
_HDF5 = re.compile(rb"^[^#\r\n]*(?:GMS_HDF5|\.h5\b)[^\r\n]*", re.IGNORECASE | re.MULTILINE)
_NOTES = re.compile(r"(xll|yll|rotation|start_datetime)\s*:\s*([^;,\s]+)", re.IGNORECASE)


@dataclass(frozen=True)
class Entry:
    """A line of the name file.

    Parameters
    ----------
    kind : str
        In capitals.
    unit : int
        FORTRAN unit.
    path : Path
        Of the file.
    where : str
        ``file:line``.
    """

    kind: str
    unit: int
    path: Path
    where: str


@dataclass(frozen=True)
class Mf2005Source:
    """A model of MODFLOW-2005 or MODFLOW-NWT.

    Parameters
    ----------
    folder : SourceFolder
        Of the name file.
    name_file : Path
        Resolved.
    entries : tuple of Entry
        Of the name file.
    notes : dict of str to str
        What flopy writes into comments of the name file: ``xll``, ``yll``, ``rotation`` and ``start_datetime``.
    """

    folder: SourceFolder
    name_file: Path
    entries: tuple[Entry, ...]
    notes: dict[str, str]

    @property
    def newton(self) -> bool:
        """Whether this is MODFLOW-NWT."""
        return bool(self.of("UPW", "NWT"))

    def of(self, *kinds: str) -> list[Entry]:
        """Return the entries of some kinds."""
        return [entry for entry in self.entries if entry.kind in kinds]

    def shown(self, kind: str) -> str:
        """Return the file of a kind as messages show it."""
        return self.folder.shown(self.of(kind)[0].path)


def read_mf2005_source(name_file: Path, folder: SourceFolder) -> Mf2005Source:
    """Read the name file of a model, and check all files that it and they name.

    Raises
    ------
    InputFileError
        When it is no name file or that of another program, or when a file is missing or outside the folder.
    ResourceError
        When the model is too large.
    """
    text, shown = folder.read(name_file).decode("latin-1"), folder.shown(name_file)
    entries: list[Entry] = []
    notes: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#"):
            notes |= {key.lower(): value for key, value in _NOTES.findall(line)}
        elif words := line.split():
            entries.append(_entry(words, folder, f"{shown}:{number}"))
    source = Mf2005Source(folder, name_file, tuple(entries), notes)
    _refuse_other_programs(source, shown)
    for entry in entries:
        if entry.kind not in UNREAD:
            _check_text(folder, entry)
    _check_discretization(source)
    return source


def _entry(words: list[str], folder: SourceFolder, where: str) -> Entry:
    """Return a line of the name file; files that are read must exist."""
    if len(words) < 3 or not words[1].lstrip("-").isdigit():
        raise InputFileError(f"{where}: {' '.join(words)[:60]!r} is no entry of a name file: must be type, unit and file.")
    kind = words[0].upper()
    if kind in ("LIST", "GLOBAL"):
        return Entry(kind, int(words[1]), folder.root / words[2], where)  # written by MODFLOW, never read here
    path = folder.locate(words[2], where)
    if not path.exists() and kind not in (BINARY, "DATA"):
        path = folder.existing(words[2], where) if not (alike := _any_case(path)) else alike
    return Entry(kind, int(words[1]), path, where)


def _any_case(path: Path) -> Path | None:
    """Return a file whose name differs in upper and lower case alone, as flopy finds it."""
    names = path.parent.iterdir() if path.parent.is_dir() else ()
    return next((other for other in names if other.name.lower() == path.name.lower() and other.is_file()), None)


def _refuse_other_programs(source: Mf2005Source, shown: str) -> None:
    """Refuse models of other programs, each with what to do."""
    kinds = {entry.kind for entry in source.entries}
    if kinds & OLD and "BAS6" not in kinds:
        raise InputFileError(
            f"{shown}: this is a model of MODFLOW-96 ({', '.join(sorted(kinds & OLD))}), which has no discretization "
            "file. Convert "
            "it with MF96TO2K of the U.S. Geological Survey, and import the result."
        )
    if kinds & {"DISU", "SMS", "BCT"}:
        raise InputFileError(
            f"{shown}: this is a model of MODFLOW-USG, whose cells are not in rows and columns: it cannot be imported."
        )
    missing = [kind for kind in ("DIS", "BAS6") if kind not in kinds]
    if missing:
        raise InputFileError(f"{shown}: names no {' and no '.join(missing)} file: it is no name file of MODFLOW-2005 or NWT.")


def _check_text(folder: SourceFolder, entry: Entry) -> None:
    """Check the files that a file names; arrays that GMS keeps in HDF5 files cannot be read."""
    path = entry.path
    if not path.exists():
        return
    content, shown = folder.read(path), folder.shown(path)
    if found := _HDF5.search(content):
        line = line_of(content, found.start())
        raise InputFileError(
            f"{shown}:{line}: the values are in an HDF5 file of GMS, which MODFLOW itself does not read. In GMS export the model "
            "with MODFLOW > Export Native MF2K Text (in newer versions: save it without HDF5), and import the result."
        )
    if entry.kind in LISTS and (found := _MANY.search(content)):
        line, count = line_of(content, found.start()), int(found[1])
        raise ResourceError(f"{shown}:{line}: {count} entries of a list: at most {10**MOST_DIGITS - 1} are imported.")
    for name, line in named_files(content, OPEN_CLOSE):
        named = folder.existing(name, f"{shown}:{line}")
        if folder.shown(named) not in folder.checksums:
            folder.read(named)


def _check_discretization(source: Mf2005Source) -> None:
    """Refuse sizes that cannot be, before any array is read."""
    shown = source.shown("DIS")
    for line, words in _data_lines(source.of("DIS")[0].path):
        try:
            layers, rows, columns, periods = (int(word) for word in words[:4])
        except ValueError:
            raise InputFileError(f"{shown}:{line}: {' '.join(words)[:60]!r}: must begin with NLAY NROW NCOL NPER.") from None
        check_size((layers, rows, columns), periods, f"{shown}:{line}")
        return
    raise InputFileError(f"{shown}: holds no line of sizes (NLAY NROW NCOL NPER): the file is empty or cut off.")


def _data_lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield line and words of the lines that are no comment."""
    for number, line in enumerate(path.read_text(encoding="latin-1").splitlines(), 1):
        words = line.replace(",", " ").split()
        if words and not line.lstrip().startswith("#"):
            yield number, words
