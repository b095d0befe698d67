"""What an import kept, what it converted and how, what it left out, and what it does not support."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class ImportReport:
    """The record of one import; nothing of a model goes missing without a line here.

    Parameters
    ----------
    source : str
        Name of the name file.
    program : str
        ``MODFLOW 6``, ``MODFLOW-2005`` or ``MODFLOW-NWT``.
    kept : list of str
        Taken over as it is.
    converted : list of str
        Expressed in another way with the same meaning, and how.
    approximated : list of str
        Computed by another formula here, so that heads may differ from those of MODFLOW, and by how much.
    left_out : list of str
        Not taken over, and without influence on heads and flows.
    unsupported : list of str
        Has an influence and is not supported: the import stops, or is partial.
    files : dict of str to str
        SHA-256 of every file of the model that was read.
    """

    source: str
    program: str
    kept: list[str] = field(default_factory=list)
    converted: list[str] = field(default_factory=list)
    approximated: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    unsupported: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)

    @property
    def sections(self) -> dict[str, list[str]]:
        """The lists under their headings."""
        return {
            "Not supported": self.unsupported,
            "Approximated: heads may differ from those of MODFLOW": self.approximated,
            "Converted": self.converted,
            "Kept": self.kept,
            "Left out, without influence on heads and flows": self.left_out,
        }

    def refusal(self) -> str:
        """Return the sentence of an import that stops at what is not supported."""
        return "\n".join(
            [
                f"{self.source}: this model has {_count(self.unsupported, 'part')} that cannot be imported:",
                *(f"  - {text}" for text in self.unsupported),
                "Nothing was written. With --allow-partial the rest is imported, and heads and flows will then differ.",
            ]
        )

    def warnings(self) -> list[str]:
        """Return the texts that go with every run of the model."""
        missing = "; ".join(text.rstrip(".") for text in self.unsupported)
        partial = f"Partial import of {self.source}: heads and flows differ from those of MODFLOW. Missing: {missing}."
        return [partial] * bool(missing) + [f"Imported with an approximation. {text}" for text in self.approximated]

    def markdown(self, facts: Sequence[tuple[str, str]] = ()) -> str:
        """Return the report as a page, with facts about the model at its head."""
        lines = [f"# Import of {self.source} ({self.program})", ""]
        if self.unsupported:
            lines += ["**This import is partial: heads and flows differ from those of MODFLOW.**", ""]
        lines += [f"- {name}: {text}" for name, text in facts] + [""] * bool(facts)
        for title, items in self.sections.items():
            if items:
                lines += [f"## {title}", "", *(f"- {text}" for text in items), ""]
        lines += ["## Files read", "", "| file | SHA-256 |", "|---|---|"]
        lines += [f"| {name} | {digest} |" for name, digest in self.files.items()]
        return "\n".join(lines) + "\n"


def _count(items: Sequence[object], word: str) -> str:
    return f"{len(items)} {word}" if len(items) == 1 else f"{len(items)} {word}s"


def cells_of(count: int, what: str = "cell") -> str:
    """Return ``1 cell`` or ``2 cells``."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
