"""Model, scenario, batch and limit files read and validated together, every error at once; their JSON schema."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any, Literal, TypeVar

from pydantic import ValidationError

from aquirecover.case.findings import Located, findings_of, in_order, path_of
from aquirecover.case.limit_config import LimitConfig
from aquirecover.case.messages import did_you_mean, sentence
from aquirecover.case.model_config import ModelConfig
from aquirecover.case.overrides import Overlay, Override, add_places, apply_overrides, from_mapping, from_texts, rebase_paths
from aquirecover.case.scenario_config import BatchConfig, ScenarioConfig
from aquirecover.case.sections import Section
from aquirecover.case.workspace import Workspace
from aquirecover.case.yaml_reader import YamlTree, read_yaml
from aquirecover.errors import Collector, ConfigError, Finding, InputFileError

__all__ = [
    "BatchConfig",
    "BatchFiles",
    "CaseFiles",
    "LimitConfig",
    "LimitFiles",
    "ModelConfig",
    "ScenarioConfig",
    "is_limits",
    "json_schema",
    "read_batch",
    "read_case",
    "read_limits",
]

Kind = Literal["model", "scenario", "batch", "limits"]
SCHEMAS: dict[Kind, type[Section]] = {
    "model": ModelConfig,
    "scenario": ScenarioConfig,
    "batch": BatchConfig,
    "limits": LimitConfig,
}
SectionT = TypeVar("SectionT", bound=Section)


@dataclass(frozen=True, eq=False)
class CaseFiles:
    """A model, and the scenario that changes it, read and validated.

    Parameters
    ----------
    model : ModelConfig
        With the overrides, the end date and the places of the scenario.
    scenario : ScenarioConfig or None
        None when the model was read alone.
    model_file, scenario_file : Path
        Resolved; paths in `model` are relative to the folder of `model_file`.
    workspace : Workspace
        Where files may be read; it notes their checksums.
    model_source, scenario_source
        To locate findings.
    log : tuple of str
        One line per override.
    cell_size : float or None
        Of the run, where it is not that of the model; m.
    """

    model: ModelConfig
    scenario: ScenarioConfig | None
    model_file: FilePath
    scenario_file: FilePath | None
    workspace: Workspace
    model_source: Overlay
    scenario_source: YamlTree | None
    log: tuple[str, ...] = ()
    cell_size: float | None = None

    @property
    def resolved(self) -> dict[str, Any]:
        """The files as plain dicts, the model with all overrides, and the cell size: enough to run the case again."""
        found = {"model": self.model_source.tree}
        if self.scenario_source is not None:
            found["scenario"] = self.scenario_source.tree
        return found if self.cell_size is None else found | {"run": {"cell_size": self.cell_size}}

    def located(self, finding: Finding) -> Finding:
        """Return a finding with the place of its key, where it has none and its key begins with one of the files' keys."""
        path = path_of(finding.key)
        if finding.location or not path:
            return finding
        sources: list[Located] = [self.model_source]
        if self.scenario_source is not None:
            sources.insert(0, self.scenario_source)
        for source in sources:
            if isinstance(source.tree, Mapping) and path[0] in source.tree:
                return Finding(finding.key, finding.message, source.locate(path))
        return finding


def read_case(
    path: str | os.PathLike[str], *, overrides: Mapping[str, Any] | None = None, allow_outside: bool = False
) -> CaseFiles:
    """Read a scenario file with its model, or a model file alone.

    Parameters
    ----------
    path : path
        The file.
    overrides : mapping, optional
        Further values of the model by dotted path, as from the command line; a text is read as YAML.
    allow_outside : bool
        Files outside the workspace may be read.

    Raises
    ------
    InputFileError
        When a file is missing, unreadable or outside the workspace.
    ConfigError
        With everything that is wrong in both files.
    """
    workspace = Workspace.around(path, allow_outside=allow_outside)
    first = FilePath(path).resolve()
    source = read_yaml(path, workspace)
    further = from_texts(overrides or {})
    if _kind_of(source, "model", "scenario") == "scenario":
        return _read_scenario(source, first, workspace, further)
    errors = Collector()
    overlay = apply_overrides(source, further, errors)
    model = _validated(ModelConfig, overlay, _names(overlay.tree), errors)
    return CaseFiles(_complete(model, errors), None, first, None, workspace, overlay, None, tuple(overlay.log))


def _read_scenario(source: YamlTree, file: FilePath, workspace: Workspace, further: list[Override]) -> CaseFiles:
    """Return the case of a scenario file that was read."""
    errors = Collector()
    model_file = _model_file(source, file, workspace, errors)
    if model_file is None:
        raise ConfigError(in_order(errors.findings))
    try:
        base = read_yaml(model_file, workspace)
        _kind_of(base, "model")
    except ConfigError as error:
        _validated(ScenarioConfig, source, {}, errors)
        errors.extend(error.findings)
        raise ConfigError(in_order(errors.findings)) from error
    rebased = rebase_paths(source.tree, file.parent, model_file.parent)
    overlay = apply_overrides(base, [*_scenario_overrides(rebased, source), *further], errors)
    add_places(overlay, rebased, source, errors)
    names = _names(overlay.tree)
    scenario = _validated(ScenarioConfig, source, names, errors)
    model = _validated(ModelConfig, overlay, names, errors)
    if scenario is not None and model is not None:
        _check_dates(scenario, model, source, errors)
    scenario, model = _complete(scenario, errors), _complete(model, errors)
    return CaseFiles(model, scenario, model_file, file, workspace, overlay, source, tuple(overlay.log))


@dataclass(frozen=True, eq=False)
class BatchFiles:
    """A batch file, read and validated.

    Parameters
    ----------
    batch : BatchConfig
        The file.
    scenario_files : tuple of Path
        Resolved, in the order of the file.
    workspace : Workspace
        Where files may be read.
    """

    batch: BatchConfig
    scenario_files: tuple[FilePath, ...]
    workspace: Workspace


def read_batch(path: str | os.PathLike[str], *, allow_outside: bool = False) -> BatchFiles:
    """Read a batch file; its scenarios must exist but are not read.

    Raises
    ------
    InputFileError
        When a file is missing, unreadable or outside the workspace.
    ConfigError
        With everything that is wrong in the file.
    """
    workspace = Workspace.around(path, allow_outside=allow_outside)
    source = read_yaml(path, workspace)
    _kind_of(source, "batch")
    errors = Collector()
    batch = _complete(_validated(BatchConfig, source, {}, errors), errors)
    folder = FilePath(path).resolve().parent
    files: list[FilePath] = []
    missing: list[str] = []
    for index, text in enumerate(batch.scenarios):
        try:
            files.append(workspace.resolve(text, folder))
        except InputFileError as error:
            missing.append(f"{source.locate(('scenarios', index))} scenarios[{index}]: {error}")
    if missing:
        raise InputFileError("\n".join(missing))
    return BatchFiles(batch, tuple(files), workspace)


@dataclass(frozen=True, eq=False)
class LimitFiles:
    """A limit file, read and validated.

    Parameters
    ----------
    limits : LimitConfig
        The file.
    file, scenario_file : Path
        Resolved.
    source : YamlTree
        To locate findings.
    """

    limits: LimitConfig
    file: FilePath
    scenario_file: FilePath
    source: YamlTree

    def located(self, finding: Finding) -> Finding:
        """Return a finding with the place of its key in the file, where it has none."""
        return finding if finding.location else Finding(finding.key, finding.message, self.source.locate(path_of(finding.key)))


def read_limits(path: str | os.PathLike[str], *, allow_outside: bool = False) -> LimitFiles:
    """Read a limit file; its scenario must exist but is not read.

    Raises
    ------
    InputFileError
        When a file is missing, unreadable or outside the workspace.
    ConfigError
        With everything that is wrong in the file.
    """
    workspace = Workspace.around(path, allow_outside=allow_outside)
    source = read_yaml(path, workspace)
    _kind_of(source, "limits")
    errors = Collector()
    limits = _complete(_validated(LimitConfig, source, {}, errors), errors)
    try:
        scenario = workspace.resolve(limits.scenario, FilePath(path).resolve().parent)
    except InputFileError as error:
        raise InputFileError(f"{source.locate(('scenario',))} scenario: {error}") from error
    return LimitFiles(limits, FilePath(path).resolve(), scenario, source)


def is_limits(path: str | os.PathLike[str], *, allow_outside: bool = False) -> bool:
    """Tell whether a file says that it is a limit file; one that cannot be read does not."""
    try:
        tree = read_yaml(path, Workspace.around(path, allow_outside=allow_outside)).tree
    except (ConfigError, InputFileError):
        return False
    return isinstance(tree, Mapping) and tree.get("kind") == "limits"


def json_schema(kind: Kind) -> dict[str, Any]:
    """Return the JSON schema of a kind of file, with descriptions and units, for editors and the documentation."""
    from aquirecover.case.json_schema import PlainSchema

    return SCHEMAS[kind].model_json_schema(by_alias=True, schema_generator=PlainSchema)


def _kind_of(source: YamlTree, *kinds: Kind) -> str:
    """Return the kind of a file, one of `kinds`, or refuse it."""
    tree = source.tree
    wanted = " or ".join(kinds)
    if not isinstance(tree, Mapping):
        finding = Finding("", "must be a mapping: one 'key: value' per line.", source.locate(()))
    elif "kind" not in tree:
        finding = Finding("kind", f"is missing: write kind: {wanted}.", source.locate(()))
    elif tree["kind"] in kinds:
        return str(tree["kind"])
    elif tree["kind"] in SCHEMAS:
        finding = Finding(
            f"kind = {tree['kind']!r}", f"must be {wanted} here: this is another kind of file.", source.locate(("kind",))
        )
    else:
        hint = did_you_mean(tree["kind"], kinds)
        message = sentence(f"must be {wanted}", hint if hint.startswith("Did") else "")
        finding = Finding(f"kind = {tree['kind']!r}", message, source.locate(("kind",)))
    raise ConfigError([finding])


def _model_file(source: YamlTree, file: FilePath, workspace: Workspace, errors: Collector) -> FilePath | None:
    """Return the model file of a scenario; None, with all findings of the scenario, when its key is no path."""
    text = source.tree.get("model")
    if not isinstance(text, str) or not text.strip():
        _validated(ScenarioConfig, source, {}, errors)
        return None
    try:
        return workspace.resolve(text, file.parent)
    except InputFileError as error:
        raise InputFileError(f"{source.locate(('model',))} model: {error}") from error


def _scenario_overrides(tree: Mapping[str, Any], source: YamlTree) -> list[Override]:
    """Return the overrides of a scenario, its end date among them."""
    found = from_mapping(tree.get("overrides"), source, ("overrides",))
    if tree.get("end") is not None:
        found.append(Override(("time", "end"), tree["end"], source, ("end",)))
    return found


def _names(tree: Any) -> dict[str, list[str]]:
    """Return the names that references may use, by kind."""
    entries: dict[str, dict[str, Any]] = {}
    for kind in ("areas", "lines", "layers", "wells"):
        found = tree.get(kind) if isinstance(tree, Mapping) else None
        entries[kind] = dict(found) if isinstance(found, Mapping) else {}
    aquifers = [layer.get("aquifer") for layer in entries["layers"].values() if isinstance(layer, Mapping)]
    names = {kind: list(found) for kind, found in entries.items()}
    return names | {"aquifers": list(dict.fromkeys(name for name in aquifers if isinstance(name, str)))}


def _validated(schema: type[SectionT], source: Located, names: dict[str, list[str]], errors: Collector) -> SectionT | None:
    """Return a tree as its class, or None when findings were added; without `names` references are not looked up."""
    try:
        return schema.model_validate(source.tree, context=names)
    except ValidationError as error:
        errors.extend(findings_of(error, source))
        return None


def _complete(section: SectionT | None, errors: Collector) -> SectionT:
    """Return a section, or raise all findings in the order of the files."""
    if errors.findings or section is None:
        raise ConfigError(in_order(errors.findings))
    return section


def _check_dates(scenario: ScenarioConfig, model: ModelConfig, source: YamlTree, errors: Collector) -> None:
    """Check that the dates of a scenario lie in the span of the model."""
    start, end = model.time.start, model.time.last
    dates: dict[tuple[str, ...], Any] = {("restriction_start",): scenario.restriction_start}
    dates |= {("restrictions", name, "from"): rule.from_ for name, rule in scenario.restrictions.items()}
    for place, day in dates.items():
        if day is not None and not start <= day < end:
            message = f"must lie in the span of the model, from {start} to before {end}."
            errors.add(f"{'.'.join(place)} = {day}", message, source.locate(place))
    first = next((place for place, day in dates.items() if day == scenario.recovery_start), ())
    if first and scenario.recovery_start == start and not model.time.starts_in_balance:
        message = "must be after the first day of the model: recovery is counted from heads that are computed before it."
        errors.add(f"{'.'.join(first)} = {start}", message, source.locate(first))
