"""Settings: environment first, then a TOML file, then defaults. Read once, at composition.

Every setting is a heading row of docs/settings.md; a test holds that.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from headway.domain.errors import InvalidInput
from headway.domain.events import EventKind

_CORES_PER_SLOT = 4
# `*`, a name, an IPv4 address, or an IPv6 address with or without brackets
_HOST = re.compile(
    r"\*|[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?|\[?[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f.]*\]?"
)
_NOT_SETTINGS = {"HEADWAY_CONFIG", "HEADWAY_ATTEMPT_DIR", "HEADWAY_CRASH_AT"}


def _default_data_dir() -> Path:
    return Path(os.environ.get("XDG_DATA_HOME", "~/.local/share")).expanduser() / "headway"


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Settings(BaseSettings):
    """What the operator decides. Names in the environment carry the prefix `HEADWAY_`, but for the two secrets."""

    model_config = SettingsConfigDict(env_prefix="HEADWAY_", extra="forbid", frozen=True)

    data_dir: Path = Field(default_factory=_default_data_dir)
    bind: str = "127.0.0.1"
    hosts: Annotated[tuple[str, ...], NoDecode] = ()
    port: Annotated[int, Field(ge=0, le=65535)] = 5000
    database_url: str = ""
    admin_secret: Annotated[SecretStr | None, Field(validation_alias="ADMIN_SECRET")] = None
    symbols: Annotated[tuple[str, ...], NoDecode] = ("BTC", "ETH", "SOL", "ADA", "DOT")
    jobs_per_hour: Annotated[int, Field(ge=0)] = 2
    max_hours: Annotated[float, Field(ge=0.25, le=8760)] = 48.0
    max_cost_usd: Annotated[float, Field(ge=0)] = 100.0
    usd_per_hour: Annotated[float, Field(ge=0)] = 0.0
    cpu_slots: Annotated[int, Field(ge=0, le=1024)] = 0
    threads_per_slot: Annotated[int, Field(ge=0, le=1024)] = 0
    memory_limit_mb: Annotated[int, Field(ge=0)] = 0
    grace_s: Annotated[float, Field(ge=0.5, le=3600)] = 20.0
    min_free_mb: Annotated[int, Field(ge=0)] = 1024
    contact_lost_after_s: Annotated[float, Field(ge=2, le=3600)] = 10.0
    lease_s: Annotated[float, Field(ge=2, le=3600)] = 30.0
    max_upload_mb: Annotated[int, Field(ge=1, le=1 << 20)] = 512
    warm: bool = True
    webhooks_allow_http: bool = False
    webhooks_allow_private: bool = False
    notify_urls: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    notify_on: Annotated[tuple[EventKind, ...], NoDecode] = (EventKind.RUN_ENDED, EventKind.CONTACT_LOST)
    public_url: str = ""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_json: bool = False

    @field_validator("symbols", "hosts", "notify_urls", "notify_on", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return (
            tuple(part.strip() for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )

    @field_validator("hosts")
    @classmethod
    def _require_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if not _HOST.fullmatch(name):
                raise ValueError(
                    f"{name!r} is no name or address of a host: give it without scheme, port and path"
                )
        return value

    @field_validator("admin_secret")
    @classmethod
    def _require_secret(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().strip():
            raise ValueError("it is empty: unset it, and a secret is made at the first start")
        return value

    @field_validator("public_url")
    @classmethod
    def _require_address(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", value):
            raise ValueError("give an address such as https://headway.example.org")
        return value.rstrip("/")

    @field_validator("log_level", mode="before")
    @classmethod
    def _raise_case(cls, value: Any) -> Any:
        return value.upper() if isinstance(value, str) else value

    @field_validator("data_dir")
    @classmethod
    def _expand(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  (the base class gives it)
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = TomlConfigSettingsSource(settings_cls, toml_file=config_file())
        return init_settings, env_settings, file

    @property
    def store_url(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir / 'headway.db'}"

    @property
    def runs_dir(self) -> Path:
        return self.data_dir / "runs"

    @property
    def candles_dir(self) -> Path:
        return self.data_dir / "candles"

    @property
    def slots(self) -> int:
        """CPU slots: as set, else one for every four cores."""
        return self.cpu_slots or max(_cores() // _CORES_PER_SLOT, 1)

    @property
    def threads(self) -> int:
        """Threads of a training: as set, else its share of the cores."""
        return self.threads_per_slot or max(_cores() // self.slots, 1)


def config_file() -> Path:
    """The settings file: HEADWAY_CONFIG, else `headway/headway.toml` in the user's configuration folder."""
    named = os.environ.get("HEADWAY_CONFIG")
    base = Path(os.environ.get("XDG_CONFIG_HOME", "~/.config"))
    return Path(named).expanduser() if named else base.expanduser() / "headway" / "headway.toml"


def read_settings(**overrides: Any) -> Settings:
    """The settings; InvalidInput naming the first that cannot be used."""
    try:
        return Settings(**overrides)
    except (OSError, TOMLDecodeError) as error:
        remedy = "Make it readable and valid TOML, or set HEADWAY_CONFIG to another file"
        raise InvalidInput(
            "settings file", str(config_file()), f"it cannot be read: {error}", remedy=remedy
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise InvalidInput(
            _shown_name(name),
            "(secret)" if _is_secret(name) else first.get("input"),
            first["msg"].removeprefix("Value error, "),
            remedy="See docs/settings.md",
        ) from error


def unknown_names(environment: Iterable[str]) -> list[str]:
    """Names in the environment that look like settings and are none: misspelt ones do nothing, silently."""
    known = {
        f"HEADWAY_{name.upper()}" for name in Settings.model_fields if name != "admin_secret"
    } | _NOT_SETTINGS
    return sorted(name for name in environment if name.startswith("HEADWAY_") and name not in known)


def _shown_name(name: str) -> str:
    return name if name.isupper() else f"HEADWAY_{name.upper()}"


def _is_secret(name: str) -> bool:
    return "secret" in name.lower() or name.startswith("notify_urls")
