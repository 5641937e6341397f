"""Bodies of the training jobs API (`/api/training`). Field names are the mission's, camelCase on the wire.

Units at this edge: hours, seconds, US dollars; `returnPct`, `maxDDPct` and `improvementPct` are percent,
`progress` and `winRate` are fractions. A number that is missing is null, never 0.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from headway.domain.trading import MAX_SEED, MAX_STEPS

MAX_NOTES = 2000
MAX_KEY = 200


class _Wire(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class _Asked(_Wire):
    """What a caller sends: unknown fields, numbers as text, NaN and infinity are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


def _require_storable(text: str) -> str:
    """JSON can spell halves of characters and NUL, which no database and no file name takes."""
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("NUL and lone surrogates are no text")
    return text


Text = Annotated[str, AfterValidator(_require_storable)]
Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]
Steps = Annotated[int, Field(ge=1, le=MAX_STEPS)]
BasisPoints = Annotated[float, Field(ge=0, le=1000)]
Version = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$")]
Names = Annotated[list[Text], Field(max_length=32)]


class TrainingRequest(_Asked):
    """POST /api/training/jobs. Bounds that settings decide (hours, symbols, budget) are checked by control."""

    duration_hours: float | None = None
    steps: Steps | None = None
    symbols: Names = ["BTC"]
    features: Names = ["price", "depth"]
    timeframe: Text = "1h"
    skip_validation: bool = False
    seed: Seed | None = None
    version: Version = "1.1"
    max_duration_hours: float = 12.0
    max_cost_usd: float = 10.0
    notes: Annotated[str, Field(max_length=MAX_NOTES), AfterValidator(_require_storable)] = ""
    allow_short: bool = True
    fee_bps: BasisPoints = 10.0
    slippage_bps: BasisPoints = 2.0
    priority: Annotated[int, Field(ge=-100, le=100)] = 0


class RealSessionRequest(_Asked):
    """POST /api/training/real-session. `duration` is in hours."""

    duration: float = 1.0
    skip_validation: bool = False
    steps: Steps | None = None
    symbols: Names = ["BTC"]
    features: Names = ["price", "depth"]
    timeframe: Text = "1h"
    seed: Seed | None = None
    version: Version = "1.1"
    allow_short: bool = True
    fee_bps: BasisPoints = 10.0
    slippage_bps: BasisPoints = 2.0


class ResumeRequest(_Asked):
    """POST /api/training/jobs/{id}/resume: the body may raise the limits that ended the run."""

    max_duration_hours: float | None = None
    max_cost_usd: float | None = None


class JobAccepted(_Wire):
    job_id: str
    accepted_at: str
    estimated_duration: str  # "10 hours"
    queue_position: int  # 0: next to start


class JobArtifacts(_Wire):
    """Paths on the server's machine; null until the file is there."""

    model_path: str | None = None
    report_html: str | None = None
    metrics_path: str | None = None


class JobMetrics(_Wire):
    """Numbers of the test window only, after costs."""

    sharpe: float | None = None  # annualised
    return_pct: float | None = None
    max_dd_pct: Annotated[float | None, Field(alias="maxDDPct")] = None
    ci_sharpe95: Annotated[tuple[float, float] | None, Field(alias="ciSharpe95")] = None
    win_rate: float | None = None  # fraction of closed trades
    generation: int | None = None
    improvement_pct: float | None = None
    trades: int | None = None
    turnover: float | None = None
    buy_and_hold: dict[str, Any] | None = None
    interval_excludes_buy_and_hold: bool | None = None
    missing: dict[str, str] = {}  # why a number above is null, by its name


class Contact(_Wire):
    """Evidence: `live` with the newest heartbeat, or `lost` since when; null before the start and after the end."""

    state: str
    heartbeat_at: str | None = None
    lost_since: str | None = None


class TrainingJob(_Wire):
    """One job. Fields from `contact` on are additions to the mission's shape."""

    job_id: str
    created_at: str
    started_at: str | None = None
    finished_at: str | None = None
    state: str
    progress: float
    phase: str | None = None
    eta_seconds: float | None = None
    error: str | None = None
    manifest_path: str | None = None
    artifacts: JobArtifacts | None = None
    metrics: JobMetrics | None = None
    duration_hours: float
    symbols: list[str]
    skip_validation: bool = False
    seed: int | None = None
    version: str | None = None
    features: list[str] = []
    max_duration_hours: float | None = None
    max_cost_usd: float | None = None
    notes: str | None = None
    contact: Contact | None = None
    reason: str | None = None
    reason_text: str | None = None
    remedy: str | None = None
    attempt: int = 0
    queue_position: int | None = None
    cancel_requested_at: str | None = None
    step: int | None = None
    steps_total: int | None = None
    steps_per_second: float | None = None
    latest: dict[str, float] = {}
    data_label: str | None = None
    simulated: bool = False
    estimated_cost_usd: float | None = None
    timeframe: str | None = None
    steps: int | None = None
    origin: str | None = None


class QueueWaiting(_Wire):
    job_id: str
    position: int
    symbols: list[str]
    created_at: str


class QueueRunning(_Wire):
    job_id: str
    symbols: list[str]
    state: str
    progress: float
    phase: str | None = None
    started_at: str | None = None
    slots: list[str] = []  # cpu:0, gpu:1


class Slot(_Wire):
    kind: str
    index: int
    job_id: str | None = None


class QueueStatus(_Wire):
    """GET /api/training/queue: the mission's fields first, then what is running, waiting and free."""

    queue_length: int
    is_running: bool
    current_job: QueueRunning | None = None
    running: list[QueueRunning] = []
    waiting: list[QueueWaiting] = []
    slots: list[Slot] = []


class QueueSummary(_Wire):
    queue_length: int
    current_job: str | None = None
    is_running: bool


class JobList(_Wire):
    jobs: list[TrainingJob]
    total: int
    queue: QueueSummary
    next_cursor: str | None = None


class JobStatus(_Wire):
    job: TrainingJob


class JobResults(_Wire):
    job: TrainingJob
    metrics: JobMetrics | None = None
    artifacts: JobArtifacts | None = None
    manifest_path: str | None = None


class RealSession(_Wire):
    """Answer of POST /api/training/real-session: what the callers of the engine read, and the whole job."""

    success: bool
    message: str
    error: str | None = None
    job: TrainingJob
    metrics: JobMetrics | None = None
    artifacts: JobArtifacts | None = None
    manifest_path: str | None = None
    generation: int | None = None
    improvement_pct: float | None = None


class CancelAccepted(_Wire):
    """DELETE /api/training/jobs/{id}: the run is cancelled, or will be once its death is proven."""

    job_id: str
    state: str
    cancel_requested_at: str


class ErrorBody(_Wire):
    """Every error. `error` is a stable code; the rest says what was wrong and what to do.

    `also`: what else is wrong with the same request, each as an error of its own.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

    error: str
    message: str
    field: str | None = None
    value: Any = None
    bound: str | None = None
    remedy: str | None = None
    state: str | None = None
    job_id: str | None = None
    retry_after_seconds: int | None = None
    also: list[ErrorBody] | None = None
