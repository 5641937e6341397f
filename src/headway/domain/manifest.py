"""The manifest: all that is needed to run a training again."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from headway.domain.json import JsonObject


@dataclass(frozen=True)
class DataSource:
    """Data that a run read. `origin` is `file`, `packaged` or `simulated`."""

    name: str
    origin: str
    sha256: str
    rows: int
    first: str
    last: str
    label: str | None = None


@dataclass(frozen=True)
class Manifest:
    """What ran: the spec, the seed, versions, machine, data and how features were made."""

    run_id: str
    attempt: int
    created_at: str
    seed: int
    spec: JsonObject
    versions: dict[str, str]
    git: JsonObject  # {commit, dirty} of the working folder, or {} with no repository
    machine: JsonObject  # platform, cpus, threads, gpu
    data: tuple[DataSource, ...] = ()
    features: JsonObject = field(default_factory=dict)  # group -> {columns, estimated}
    hyperparameters: JsonObject = field(default_factory=dict)
    resumed_from: str | None = None

    def to_json(self) -> JsonObject:
        return {**asdict(self), "data": [asdict(source) for source in self.data]}
