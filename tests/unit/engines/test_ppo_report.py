"""The report as a browser gets it: whole, offline, escaped, and with the numbers that were measured."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from headway.domain.manifest import DataSource, Manifest
from headway.engines.pages import wording
from headway.engines.pages.charts import bin_begins, draw_path, draw_ribbon, nice_ticks
from headway.engines.ppo import verdicts
from headway.engines.ppo.accounts import Rules
from headway.engines.ppo.market import join_markets
from headway.engines.ppo.play import Ledger, hold, keep_books, pool_returns
from headway.engines.ppo.report import (
    ReportContents,
    SymbolResult,
    Training,
    Window,
    costs_of,
    render_report,
    write_report,
)
from headway.evaluation.trading import (
    Account,
    Performance,
    evaluate,
    evaluate_pool,
    sharpe_difference_interval,
)
from tests.fakes.markets import noise_market

YEAR = 8_766.0
VOID = {"meta", "br", "link", "img", "path"}
RULES = Rules()


@dataclass(frozen=True)
class Validation:
    step: int
    growth: float
    sharpe: float | None


class Page(HTMLParser):
    """Reads a page strictly: every tag that opens must close in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def account_of(ledger: Ledger) -> Account:
    return Account(ledger.returns_r, ledger.position_r, ledger.traded_r)


def performance_of(ledger: Ledger) -> Performance:
    return evaluate(
        ledger.returns_r,
        ledger.position_r,
        ledger.traded_r,
        bars_per_year=YEAR,
        seed=1,
        cost_fraction=RULES.cost_fraction,
    )


def pool_performance(books: tuple[Ledger, ...]) -> Performance:
    return evaluate_pool(
        pool_returns(books)[1],
        [account_of(ledger) for ledger in books],
        bars_per_year=YEAR,
        seed=1,
        cost_fraction=RULES.cost_fraction,
    )


def make_manifest(symbols: tuple[str, ...]) -> Manifest:
    return Manifest(
        run_id="tr_1700000000000_0a1b2c3d",
        attempt=1,
        created_at="2026-01-02T03:04:05Z",
        seed=11,
        spec={},
        versions={"torch": "2.13.0"},
        git={},
        machine={"cpus": 2, "gpu": None},
        data=tuple(
            DataSource(f"{s}USDT_1h.csv", "file", "ab" * 32, 900, "2023-01-01", "2023-02-01") for s in symbols
        ),
        features={"depth": {"columns": ["spread"], "estimated": True}},
        hyperparameters={"learning_rate": 0.003, "layers": [64, 64]},
    )


@cache
def make_contents(symbols: tuple[str, ...] = ("BTC", "ETH"), bars: int = 900) -> ReportContents:
    market = join_markets(
        [replace(noise_market(bars, seed), symbols=(symbol,)) for seed, symbol in enumerate(symbols)]
    )
    draw = np.random.default_rng(7)
    agent = keep_books(market, RULES, np.repeat(draw.integers(0, 3, len(market) // 10), 10))
    held = hold(market, RULES)
    return ReportContents(
        title="PPO on " + " and ".join(symbols),
        manifest=make_manifest(symbols),
        symbols=symbols,
        timeframe="1h",
        windows=(
            Window("train", "2022-01-01", "2022-10-01", 6_552),
            Window("test", "2022-12-01", "2023-01-07", bars),
        ),
        rules=RULES,
        training=Training(
            steps=81_920,
            elapsed_s=75.0,
            best_step=16_384,
            validations=(Validation(8_192, -0.1, None), Validation(16_384, 0.1, 1.5)),
        ),
        agent=pool_performance(agent),
        buy_and_hold=pool_performance(held),
        difference=sharpe_difference_interval(
            pool_returns(agent)[1], pool_returns(held)[1], bars_per_year=YEAR, seed=1
        ),
        results=tuple(
            SymbolResult(own.symbol, performance_of(own), performance_of(market_own), own, market_own)
            for own, market_own in zip(agent, held, strict=True)
        ),
    )


def test_the_page_is_well_formed_and_loads_nothing_from_elsewhere() -> None:
    html = render_report(make_contents())
    page = Page(html)

    assert page.open == []
    assert "http://" not in html
    assert "https://" not in html
    assert not {"link", "img", "iframe"} & set(page.seen)
    assert not {"src", "href"} & {name for name, _ in page.attributes}
    assert "url(" not in html
    assert "default-src 'none'" in html
    assert len(html) < 1_000_000


def test_the_page_shows_what_was_measured() -> None:
    contents = make_contents()
    text = Page(render_report(contents)).text.replace("\u00a0", " ")
    agent = contents.agent

    assert agent.sharpe is not None
    assert contents.difference is not None
    for wanted in (
        wording.percent(agent.return_fraction, signed=True),
        wording.percent(agent.max_drawdown_fraction),
        wording.ratio(agent.sharpe),
        wording.between(contents.difference, verdicts.NO_INTERVAL),
        wording.count(agent.trades),
    ):
        assert wanted.text.replace("\u00a0", " ") in text
    for wanted_text in (
        "tr_1700000000000_0a1b2c3d",
        "81,920 steps in 1 min 15 s",
        "ab" * 32,
        "2.13.0",
        "64, 64",
    ):
        assert wanted_text in text


def test_a_title_cannot_bring_markup_into_the_page() -> None:
    evil = "<script>alert(1)</script> \"quoted\" & 'so on'"
    contents = replace(make_contents(), title=evil, data_label="<b>")
    html = render_report(contents)

    assert "<script>alert" not in html
    assert evil in Page(html).text
    assert Page(html).seen.count("script") == 1


def test_simulated_data_and_data_of_others_are_announced() -> None:
    own = Page(render_report(make_contents())).text
    packaged = Page(render_report(replace(make_contents(), data_label="packaged demo candles"))).text
    simulated = Page(render_report(replace(make_contents(), data_label="a random walk", simulated=True))).text

    assert "Simulated data" not in own
    assert "Not your own data" not in own
    assert "Not your own data: packaged demo candles." in packaged
    assert "Simulated data: a random walk." in simulated


def test_a_missing_number_is_a_dash_with_its_reason() -> None:
    market = noise_market(300, seed=1)
    idle = keep_books(market, RULES, np.full(len(market), RULES.flat))
    held = hold(market, RULES)
    contents = replace(
        make_contents(("SIM",)),
        agent=pool_performance(idle),
        buy_and_hold=pool_performance(held),
        difference=None,
        results=(SymbolResult("SIM", performance_of(idle[0]), performance_of(held[0]), idle[0], held[0]),),
        training=Training(steps=0, elapsed_s=0.0, best_step=0, validations=()),
    )
    text = Page(render_report(contents)).text

    assert "— nothing moved" in text
    assert "— no trade was closed" in text
    assert "— no validation was recorded" in text
    assert "No interval can be given" in text
    assert re.search(r"\bnan\b", text, re.IGNORECASE) is None


def test_a_symbol_without_bars_in_the_test_window_is_named() -> None:
    contents = replace(make_contents(), symbols=("BTC", "ETH", "DOGE"))

    assert "DOGE — fewer than two bars in the test window" in Page(render_report(contents)).text


def test_the_report_of_a_single_bar_can_be_rendered() -> None:
    market = noise_market(2, seed=1)
    held = hold(market, RULES)
    performance = pool_performance(held)
    contents = replace(
        make_contents(("SIM",)),
        agent=performance,
        buy_and_hold=performance,
        difference=None,
        results=(SymbolResult("SIM", performance, performance, held[0], held[0]),),
    )

    assert Page(render_report(contents)).open == []


def test_the_file_arrives_whole_and_replaces_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("an older report")

    contents = make_contents()
    write_report(path, contents)

    assert path.read_text() == render_report(contents)
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


def test_ledgers_over_other_bars_are_refused() -> None:
    result = make_contents().results[0]
    with pytest.raises(ValueError, match="same bars"):
        replace(result, hold_ledger=hold(noise_market(50, seed=2), RULES)[0])


def test_a_report_without_results_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one symbol"):
        replace(make_contents(), results=())


def test_costs_are_the_whole_difference_between_both_returns() -> None:
    market = noise_market(200, seed=1)
    actions = np.random.default_rng(2).integers(0, 3, len(market))
    (own,) = keep_books(market, RULES, actions)
    (free,) = keep_books(market, Rules(fee_bps=0.0, slippage_bps=0.0), actions)

    costs = costs_of(own, RULES)

    assert costs.return_before == pytest.approx(float(free.equity_r[-1] - 1.0))
    assert costs.return_after == pytest.approx(float(own.equity_r[-1] - 1.0))
    assert costs.fees == pytest.approx(5.0 * costs.slippage)
    assert costs.traded == pytest.approx(float(own.traded_r.sum()))


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        ((0.1, 2.0), "Better than"),
        ((-2.0, -0.1), "Worse than"),
        ((-1.0, 1.0), "includes 0"),
        (None, "No interval"),
    ],
)
def test_the_verdict_says_which_side_of_zero_the_interval_is_on(
    difference: tuple[float, float] | None, words: str
) -> None:
    assert words in verdicts.verdict(difference)


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (wording.percent(0.1234).text, "12.3 %"),
        (wording.percent(-0.01234, signed=True).text, "−1.23 %"),
        (wording.percent(-1e-9, signed=True).text, "0.00 %"),
        (wording.percent(123.4, signed=True).text, "+12,340 %"),
        (wording.ratio(None, "nothing moved").text, "—"),
        (wording.tick_percent(0.05, 0.05), "5 %"),
        (wording.tick_ratio(-0.5, 0.5), "−0.5"),
        (wording.duration(93_784.0), "1 d 2 h"),
        (wording.spell({"a": [1, 2], "b": None}), "a: 1, 2; b: —"),
        (wording.moment(0.0), "1970-01-01 00:00"),
    ],
)
def test_numbers_are_written_for_people(found: str, wanted: str) -> None:
    assert found.replace("\u00a0", " ") == wanted


def test_ticks_are_round_and_enclose_the_values() -> None:
    assert nice_ticks(-0.13, 0.21) == pytest.approx([-0.2, -0.1, 0.0, 0.1, 0.2, 0.3])
    assert nice_ticks(0.0, 0.0) == [0.0, 1.0]


def test_a_hole_in_a_line_is_not_drawn_over() -> None:
    path = draw_path(np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.0, np.nan, 5.0, 6.0]))

    assert path == "M0.0 0.0h0M2.0 5.0h0L3.0 6.0"


def test_bins_cover_every_row_once() -> None:
    assert bin_begins(10, 4).tolist() == [0, 2, 5, 7]
    assert bin_begins(3, 400).tolist() == [0, 1, 2]


def test_a_ribbon_shows_longs_above_the_middle_and_shorts_below() -> None:
    above, below = draw_ribbon(np.array([1.0, 0.0, -1.0]))

    assert above == "M0 500V0h333.33V500h333.33V500h333.33V500Z"
    assert below == "M0 500V500h333.33V500h333.33V1000h333.33V500Z"
