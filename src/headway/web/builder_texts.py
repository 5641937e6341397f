"""A draft as what a person would send by hand: YAML, a curl command, a command of ours. Each works as printed."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from pydantic import BaseModel

from headway.domain.specs import Spec
from headway.domain.trading import TradingConfig
from headway.web.steps import Kind
from headway.wire.runs import RunRequest

_HOUR_S = 3600.0


def write_texts(kind: Kind, request: BaseModel, spec: Spec, server: str) -> dict[str, str]:
    """By name: `yaml`, `curl`, `cli`. `server` is where this server is asked, like http://localhost:5000."""
    document = request.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return {
        "yaml": _write_yaml(document),
        "curl": _write_curl(kind, document, server),
        "cli": _write_runs(document, server) if isinstance(request, RunRequest) else _write_ppo(spec, server),
    }


def _write_yaml(document: Mapping[str, Any]) -> str:
    return str(yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True, width=100))


def _write_curl(kind: Kind, document: Mapping[str, Any], server: str) -> str:
    body = shlex.quote(json.dumps(document, ensure_ascii=False))
    return " \\\n  ".join(
        (
            f"curl -sS {server}{kind.address}",
            '-H "x-admin-secret: $ADMIN_SECRET"',
            "-H 'Content-Type: application/json'",
            f"-d {body}",
        )
    )


def _write_runs(document: Mapping[str, Any], server: str) -> str:
    """The whole request on standard input: no line of it can be the last word, for all begin with a key or a space."""
    return f"TRAIN_API_HOST={server} headway runs create /dev/stdin <<'END'\n{_write_yaml(document)}END"


def _write_ppo(spec: Spec, server: str) -> str:
    flags = " ".join(shlex.quote(part) for part in _ppo_flags(spec))
    return f"TRAIN_API_HOST={server} skippy-train ppo {flags} --detach"


def _ppo_flags(spec: Spec) -> Iterator[str]:
    """Flags for all that the command would choose differently from the server."""
    config, limits, asked = TradingConfig.from_json(spec.config), spec.limits, spec.request
    yield f"--symbols={','.join(config.symbols)}"
    yield f"--features={','.join(config.features)}"
    yield f"--timeframe={config.timeframe}"
    yield f"--version={config.version}"
    yield f"--fee-bps={config.fee_bps!r}"
    yield f"--slippage-bps={config.slippage_bps!r}"
    yield f"--max-duration={(limits.hard_duration_s or 0.0) / _HOUR_S!r}"
    yield f"--max-cost={limits.max_cost_usd!r}"
    yield f"--priority={spec.priority}"
    if config.steps is not None:
        yield f"--steps={config.steps}"
    if asked["durationHours"] is not None or config.steps is None:
        yield f"--duration={(limits.duration_s or 0.0) / _HOUR_S!r}"
    if asked["seed"] is not None:
        yield f"--seed={asked['seed']}"
    if spec.notes:
        yield f"--notes={spec.notes}"
    if not config.allow_short:
        yield "--long-only"
    if config.skip_validation:
        yield "--skip-validation"
