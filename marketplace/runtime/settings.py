"""Settings: each from its flag, else from the environment variable of the same name, else the default.

`--store-url` is STORE_URL in the environment. Secrets belong into the environment: flags show in process lists.
"""

import re
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, TypeVar
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, CliApp, SettingsConfigDict, SettingsError

from marketplace.clock import US_PER_SECOND
from marketplace.runtime.printable import printable
from marketplace.runtime.redaction import hide_passwords, secret_in
from marketplace.slots import SlotGrid


class BadSettingError(ValueError):
    """A setting that only its use shows to be wrong; the text names it and never holds a secret."""


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{name!r} is not a time zone such as UTC or Asia/Kolkata") from None
    return name


def _address(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.\-\[\]:]+:\d{1,5}", text):
        raise ValueError(f"{text!r} is not an address such as 127.0.0.1:50051")
    return text


TimeZoneName = Annotated[str, AfterValidator(_zone)]
Address = Annotated[str, AfterValidator(_address)]


class Settings(BaseSettings):
    """Base of all settings."""

    model_config = SettingsConfigDict(
        cli_kebab_case=True,
        cli_implicit_flags=True,
        cli_hide_none_type=True,
        cli_avoid_json=True,
        cli_enforce_required=False,
        env_ignore_empty=True,
        use_attribute_docstrings=True,
        frozen=True,
    )

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severity that is logged."""

    def shown(self) -> dict[str, Any]:
        """Returns the settings for the log, passwords hidden."""
        return {name: hide_passwords(value) for name, value in self.model_dump(mode="json").items()}


class Commands(Settings):
    """Base of programs with subcommands. Their names are not read from the environment, as settings are."""

    @classmethod
    def settings_customise_sources(  # type: ignore[override]  # the other sources are not used
        cls, settings_cls: Any, init_settings: Any, **_: Any
    ) -> tuple[Any, ...]:
        """Takes what the command line says, and nothing else."""
        return (init_settings,)


class ObservedSettings(Settings):
    """Settings of what operators watch: every process."""

    metrics_listen: Address | None = None
    """Address of the Prometheus endpoint, such as 127.0.0.1:9101; there is none unless it is given."""

    insecure_metrics: bool = False
    """Lets METRICS_LISTEN be an address beyond loopback: it is plain HTTP, and asks nobody who it is."""

    otel_exporter_otlp_endpoint: str | None = Field(None, pattern="^https?://")
    """OpenTelemetry collector (OTLP over gRPC) such as http://127.0.0.1:4317; no traces unless it is given."""

    trace_ratio: float = Field(0.01, ge=0, le=1)
    """Share of the requests that are traced; the same for every process."""


class StoreSettings(Settings):
    """Settings of what reads or writes the store."""

    store_url: str = "sqlite:///var/store.db"
    """The store: sqlite:///path or mysql://user:password@host:port/database."""


class SlotSettings(Settings):
    """Settings of what paces campaigns."""

    slot_seconds: int = Field(600, ge=1, le=86_400)
    """Length of a pacing slot; the same for every process."""

    @property
    def slot_grid(self) -> SlotGrid:
        """Returns the grid of pacing slots."""
        return SlotGrid(self.slot_seconds * US_PER_SECOND)


class ZoneSettings(Settings):
    """Settings of what reads or writes campaign windows."""

    time_zone: TimeZoneName = "UTC"
    """Time zone that campaign windows are written in."""

    @property
    def zone(self) -> ZoneInfo:
        """Returns the time zone."""
        return ZoneInfo(self.time_zone)


class LogSettings(Settings):
    """Settings of what reads or writes topics."""

    log_url: str = "sqlite:///var/log.db"
    """The topics: sqlite:///path or kafka://host:port."""

    command_partitions: int = Field(1, ge=1, le=1_000)
    """Partitions of the command topic when it is created; above 1 only if every producer keys by campaign_id."""

    feedback_partitions: int = Field(1, ge=1, le=1_000)
    """Partitions of the feedback topic when it is created."""

    served_partitions: int = Field(1, ge=1, le=1_000)
    """Partitions of the topic of serve records when it is created."""

    topic_replication: int = Field(1, ge=1, le=10)
    """Copies that brokers keep of a topic when it is created."""


class ArchiveSettings(Settings):
    """Settings of what reads or writes the archive."""

    archive_url: str = "file:var/archive"
    """The archive: file:path (read by DuckDB) or hive://host:port/database?files=file:///path."""


class CurrencySettings(Settings):
    """Settings of what shows amounts."""

    currency: str = Field("USD", pattern="^[A-Z]{3}$")
    """The installation's one currency, by its ISO 4217 code."""


class ReceiptSettings(Settings):
    """Settings of what seals or opens receipts."""

    receipt_keys: Path = Path("var/receipt-keys.json")
    """File with the receipt keys, read again when it changes."""

    receipt_life_hours: int = Field(24, ge=1, le=24 * 30)
    """Feedback on an older serve is refused; the same for every process."""

    @property
    def receipt_life_us(self) -> int:
        """Returns the life of a receipt in microseconds."""
        return self.receipt_life_hours * 3_600 * US_PER_SECOND


SomeSettings = TypeVar("SomeSettings", bound=Settings)


def parse_settings(kind: type[SomeSettings], program: str, arguments: list[str] | None = None) -> SomeSettings:
    """Reads the settings of a process. Bad ones, and secrets among the flags, end in a line each and exit code 2."""
    kind.model_config["cli_prog_name"] = program
    arguments = sys.argv[1:] if arguments is None else arguments
    if flag := secret_in(arguments):
        fail(program, f"{flag}: a secret in a flag shows in the list of processes; give it in the environment")
    try:
        return CliApp.run(kind, cli_args=arguments)
    except ValidationError as problem:
        for error in problem.errors(include_url=False):
            flag = ".".join(str(part) for part in error["loc"])
            message = error["msg"].removeprefix("Value error, ")
            sys.stderr.write(f"{program}: {flag}: {printable(message)}\n")
    except SettingsError as problem:
        sys.stderr.write(f"{program}: {problem}\n")
    sys.exit(2)


def fail(program: str, problem: Exception | str) -> NoReturn:
    """Ends a command-line program whose user can mend what is wrong."""
    sys.stderr.write(f"{program}: {printable(str(problem))}\n")
    sys.exit(2)
