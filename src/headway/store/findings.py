"""What a check of the store finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

PROBLEM = "problem"
NOTE = "note"

RESTORE = "restore the newest backup that checks well (docs/operations.md), or report this with the output"


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it must be (`problem`), or that is worth knowing (`note`), and what to do."""

    check: str  # what was looked at: database, events, states, queue, slots, leases, series, files, folders
    about: str  # a run, a table, a folder
    found: str
    remedy: str
    level: str = PROBLEM

    def to_json(self) -> dict[str, str]:
        return asdict(self)


@dataclass(frozen=True)
class Report:
    """All findings, and how much was looked at."""

    findings: Sequence[Finding]
    counts: dict[str, int]

    @property
    def ok(self) -> bool:
        return all(finding.level == NOTE for finding in self.findings)
