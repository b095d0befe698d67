"""The files of a MODFLOW 6 simulation as text: blocks and options, before flopy reads the numbers.

What a model uses is found here: packages, options, files that others name. So nothing is read that lies outside the folder, and
an option that flopy would pass over in silence is seen. Formats: Langevin et al. 2017, TM6-A55, and mf6io.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aquirecover.errors import InputFileError
from aquirecover.modflow.imports.folder import NAMED, OPEN_CLOSE, SourceFolder, check_size, line_of, named_files

GRIDS = ("DIS", "DISV", "DISU", "DISV2D", "DIS2D")
_BLOCK = re.compile(rb"^[ \t]*(BEGIN|END)[ \t]+(\w+)[ \t]*([^\r\n#]*)", re.IGNORECASE | re.MULTILINE)
_FILE_IN = re.compile(rb"^[ \t]*\w+[ \t]+FILEIN[ \t]+" + NAMED, re.IGNORECASE | re.MULTILINE)
_COMMENT = re.compile(r"^\s*(?:!|//).*|#.*")
# MODFLOW 6 takes a comma for a blank.
_WORD = re.compile(r"'[^']*'|\"[^\"]*\"|[^\s,]+")


@dataclass(frozen=True)
class Block:
    """One block of a file.

    Parameters
    ----------
    name : str
        In capitals: ``OPTIONS``.
    number : int
        Of a stress period, 0 for other blocks.
    line : int
        Of its BEGIN, from 1.
    content : bytes
        Between BEGIN and END.
    """

    name: str
    number: int
    line: int
    content: bytes

    def lines(self) -> Iterator[tuple[int, list[str]]]:
        """Yield line and words of every line that is no comment."""
        for line, text in enumerate(self.content.decode("latin-1").splitlines(), self.line):
            words = [word.strip("'\"") for word in _WORD.findall(_COMMENT.sub("", text))]
            if words:
                yield line, words


@dataclass(frozen=True)
class BlockFile:
    """A file of MODFLOW 6.

    Parameters
    ----------
    path : Path
        Where it lies.
    shown : str
        As messages show it.
    blocks : tuple of Block
        In the order of the file.
    """

    path: Path
    shown: str
    blocks: tuple[Block, ...]

    def block(self, name: str) -> Block:
        """Return the first block of a name, an empty one where there is none."""
        return next((block for block in self.blocks if block.name == name), Block(name, 0, 1, b""))

    def options(self) -> dict[str, tuple[int, list[str]]]:
        """Return the options by their first word in capitals: line, and the words after it."""
        return {words[0].upper(): (line, words[1:]) for line, words in self.block("OPTIONS").lines()}

    def dimensions(self) -> dict[str, int]:
        """Return the numbers of the block DIMENSIONS.

        Raises
        ------
        InputFileError
            When one is no whole number.
        """
        found = {}
        for line, words in self.block("DIMENSIONS").lines():
            try:
                found[words[0].upper()] = int(words[1])
            except (IndexError, ValueError):
                raise InputFileError(f"{self.shown}:{line}: {' '.join(words)}: must be a name and a whole number.") from None
        return found

    @property
    def periods(self) -> dict[int, Block]:
        """The blocks of stress periods by number, from 1."""
        return {block.number: block for block in self.blocks if block.name == "PERIOD"}


@dataclass(frozen=True)
class Package:
    """A package of a model.

    Parameters
    ----------
    kind : str
        In capitals and without the 6: ``WEL``.
    name : str
        As the name file gives it, or empty.
    file : BlockFile
        Its input.
    where : str
        ``file:line`` of its entry in the name file.
    """

    kind: str
    name: str
    file: BlockFile
    where: str


@dataclass(frozen=True)
class Mf6Source:
    """A simulation of MODFLOW 6 with one groundwater flow model.

    Parameters
    ----------
    folder : SourceFolder
        Of mfsim.nam.
    model_name : str
        Of the flow model.
    simulation, times, model : BlockFile
        mfsim.nam, the TDIS file and the name file of the flow model.
    packages : tuple of Package
        Of the flow model.
    others : tuple of str
        Other models and exchanges, as ``GWT6 transport.nam (mfsim.nam:12)``.
    """

    folder: SourceFolder
    model_name: str
    simulation: BlockFile
    times: BlockFile
    model: BlockFile
    packages: tuple[Package, ...]
    others: tuple[str, ...]

    def of(self, *kinds: str) -> list[Package]:
        """Return the packages of some kinds in the order of the name file."""
        return [package for package in self.packages if package.kind in kinds]


def read_block_file(folder: SourceFolder, path: Path) -> BlockFile:
    """Read a file of MODFLOW 6 as blocks, and check every file that it names.

    Raises
    ------
    InputFileError
        When a block is not ended, as in a file that is cut off, or a file that it names is missing or outside the folder.
    """
    content, shown = folder.read(path), folder.shown(path)
    blocks: list[Block] = []
    begun: tuple[str, bytes, int, int] | None = None
    for found in _BLOCK.finditer(content):
        word, name, line = found[1].upper(), found[2].decode().upper(), line_of(content, found.start())
        if word == b"BEGIN":
            if begun is not None:
                raise InputFileError(f"{shown}:{line}: BEGIN {name} inside the block {begun[0]}, begun in line {begun[2]}.")
            begun = (name, found[3], line, found.end())
        elif begun is None or begun[0] != name:
            raise InputFileError(f"{shown}:{line}: END {name} ends no block that was begun.")
        else:
            first = begun[1].split()[:1]
            number = int(first[0]) if name == "PERIOD" and first and first[0].isdigit() else 0
            blocks.append(Block(name, number, begun[2], content[begun[3] : found.start()]))
            begun = None
    if begun is not None:
        raise InputFileError(f"{shown}:{begun[2]}: the block {begun[0]} has no END: the file is cut off.")
    if not blocks:
        raise InputFileError(f"{shown}: holds no BEGIN … END block: it is no file of MODFLOW 6.")
    for pattern in (OPEN_CLOSE, _FILE_IN):
        for name_text, line in named_files(content, pattern):
            _check_named(folder, name_text, f"{shown}:{line}")
    return BlockFile(path, shown, tuple(blocks))


def _check_named(folder: SourceFolder, text: str, where: str) -> None:
    """Check a file that another one names, and those that it names itself."""
    path = folder.existing(text, where)
    shown = folder.shown(path)
    if shown in folder.checksums:
        return
    content = folder.read(path)
    for pattern in (OPEN_CLOSE, _FILE_IN):
        for name, line in named_files(content, pattern):
            _check_named(folder, name, f"{shown}:{line}")


def read_mf6_source(name_file: Path, folder: SourceFolder) -> Mf6Source:
    """Read all files of a simulation as text.

    Raises
    ------
    InputFileError
        When a file is missing, broken, cut off or outside the folder, or when there is not exactly one flow model.
    ResourceError
        When the model is too large.
    """
    simulation = read_block_file(folder, name_file)
    models = [(line, words) for line, words in simulation.block("MODELS").lines()]
    flow = [(line, words) for line, words in models if words[0].upper() == "GWF6"]
    others = [(line, words) for line, words in models if words[0].upper() != "GWF6"]
    others += list(simulation.block("EXCHANGES").lines())
    if len(flow) != 1:
        names = ", ".join(words[2] if len(words) > 2 else words[1] for _, words in flow)
        found = f"{len(flow)} flow models ({names})" if flow else "no flow model (GWF6)"
        raise InputFileError(f"{simulation.shown}: has {found}: a simulation of one flow model is imported.")
    times = _named_block_file(folder, simulation, "TIMING", "TDIS6")
    line, words = flow[0]
    if len(words) < 2:
        raise InputFileError(f"{simulation.shown}:{line}: GWF6 needs a name file.")
    model = read_block_file(folder, folder.existing(words[1], f"{simulation.shown}:{line}"))
    packages = tuple(_packages(folder, model))
    _check_grid(packages, times, model)
    described = tuple(f"{' '.join(words[:2])} ({simulation.shown}:{line})" for line, words in others)
    return Mf6Source(folder, words[2] if len(words) > 2 else "model", simulation, times, model, packages, described)


def _named_block_file(folder: SourceFolder, parent: BlockFile, block: str, key: str) -> BlockFile:
    """Return the file that a line of a block names."""
    for line, words in parent.block(block).lines():
        if words[0].upper() == key and len(words) > 1:
            return read_block_file(folder, folder.existing(words[1], f"{parent.shown}:{line}"))
    raise InputFileError(f"{parent.shown}: the block {block} names no {key} file.")


def _packages(folder: SourceFolder, model: BlockFile) -> Iterator[Package]:
    """Yield the packages of a name file."""
    for line, words in model.block("PACKAGES").lines():
        where = f"{model.shown}:{line}"
        if len(words) < 2:
            raise InputFileError(f"{where}: {words[0]} needs a file.")
        file = read_block_file(folder, folder.existing(words[1], where))
        yield Package(words[0].upper().removesuffix("6"), words[2] if len(words) > 2 else "", file, where)


def _check_grid(packages: tuple[Package, ...], times: BlockFile, model: BlockFile) -> None:
    """Refuse sizes that cannot be; a grid without rows and columns is listed later, with all else that is not supported."""
    grids = [package for package in packages if package.kind in GRIDS]
    if len(grids) != 1:
        raise InputFileError(f"{model.shown}: names {len(grids)} grids: must be one, as DIS6.")
    periods = times.dimensions()
    if "NPER" not in periods:
        raise InputFileError(f"{times.shown}: NPER is missing.")
    if grids[0].kind != "DIS":
        return
    absent = [kind for kind in ("IC", "NPF") if not any(package.kind == kind for package in packages)]
    if absent:
        raise InputFileError(
            f"{model.shown}: names no {' and no '.join(f'{kind}6' for kind in absent)} file: every model needs it."
        )
    sizes = grids[0].file.dimensions()
    missing = [name for name in ("NLAY", "NROW", "NCOL") if name not in sizes]
    if missing:
        raise InputFileError(f"{grids[0].file.shown}: {', '.join(missing)} is missing.")
    check_size((sizes["NLAY"], sizes["NROW"], sizes["NCOL"]), periods["NPER"], grids[0].file.shown)
