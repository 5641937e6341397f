"""A report as HTML: the frame that all engines share around what an engine has to tell."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from headway.domain.manifest import Manifest
from headway.engines.pages import wording

Facts = list[tuple[str, Mapping[str, str]]]

_SHARED = Path(__file__).parent / "templates"


def render_page(folder: Path, view: Mapping[str, Any]) -> str:
    """The HTML of `report.html.j2` in the engine's folder, which extends `page.html.j2`.

    The frame asks for `c` (title, manifest, data_label, simulated), `w` (wording) and `facts`.
    """
    environment = Environment(
        loader=FileSystemLoader([folder, _SHARED]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(view)


def describe_manifest(manifest: Manifest) -> Facts:
    """How a run came about, as groups of named texts; data are told apart."""
    groups: list[tuple[str, Mapping[str, Any]]] = [
        (
            "Run",
            {
                "run": manifest.run_id,
                "attempt": manifest.attempt,
                "created": manifest.created_at,
                "resumed from": manifest.resumed_from or "no checkpoint: trained from the start",
                "seed": str(manifest.seed),
            },
        ),
        ("Hyperparameters", manifest.hyperparameters),
        ("Features", manifest.features),
        ("Versions", manifest.versions),
        ("Machine", manifest.machine),
        ("Source code", manifest.git or {"commit": "the working folder was no repository"}),
    ]
    return [
        (name, {key: wording.spell(value) for key, value in facts.items()}) for name, facts in groups if facts
    ]
