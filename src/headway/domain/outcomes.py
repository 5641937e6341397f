"""What came out of a run, as charts and tables show it: thinned, in plain numbers, a missing one None."""

from __future__ import annotations

from dataclasses import dataclass

Numbers = tuple[float | None, ...]


@dataclass(frozen=True)
class Span:
    """A stretch of time, both ends within, in seconds since the epoch; None leaves an end open."""

    first_at_s: float | None = None
    last_at_s: float | None = None


@dataclass(frozen=True)
class EquityCurve:
    """The test window of an agent and of buy and hold over the same bars.

    Equities are multiples of the capital at the start; drawdowns fractions below the highest equity so far, at most 0.
    `symbol` None: the capital divided among all `symbols`. `rows` there were before they were thinned.
    """

    symbol: str | None
    symbols: tuple[str, ...]
    at_s: tuple[int, ...]
    agent: tuple[float, ...]
    hold: tuple[float, ...]
    agent_drawdown: tuple[float, ...]
    hold_drawdown: tuple[float, ...]
    rows: int


@dataclass(frozen=True)
class TradeRow:
    """One trade. Prices in the quote currency; `size_fraction` of the equity; `pnl_fraction` of the equity at the
    entry, after costs. Without an exit it was still open when the window ended."""

    symbol: str
    side: str  # long, short
    size_fraction: float
    entered_at_s: int
    entry_price: float
    exited_at_s: int | None
    exit_price: float | None
    bars: int
    pnl_fraction: float


@dataclass(frozen=True)
class TradePage:
    """Some trades in the order of their entries, the first of them the one numbered `offset` of `total`."""

    trades: tuple[TradeRow, ...]
    offset: int
    total: int


@dataclass(frozen=True)
class PathCurve:
    """Forecasts of one bar ahead beside what came: log returns since the close at `at_s`, thinned.

    `lower` and `upper` are the 10 % and 90 % quantiles; None where the model gives none.
    """

    split: str
    splits: tuple[str, ...]
    bar: int
    bars: int
    at_s: tuple[int, ...]
    actual: Numbers
    forecast: Numbers
    lower: Numbers | None
    upper: Numbers | None
    rows: int


@dataclass(frozen=True)
class Sureness:
    """Forecasts of about equal confidence: how sure they were, how often they were right, how many they were."""

    confidence: float
    accuracy: float
    rows: int


@dataclass(frozen=True)
class BoundShares:
    """Where what came lay, of the rows of one bar ahead: the nominal shares are 10 %, 80 % and 10 %."""

    bar: int
    rows: int
    below_fraction: float
    inside_fraction: float
    above_fraction: float
    width: float  # mean, in log returns


@dataclass(frozen=True)
class Calibration:
    """Whether a model means what it says, on one split. `bounds` is empty where it gives no interval."""

    split: str
    splits: tuple[str, ...]
    short: tuple[Sureness, ...]
    long: tuple[Sureness, ...]
    bounds: tuple[BoundShares, ...]
