"""The settings of `simulator run`, `simulator users build` and `simulator users load`."""

import re
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, Field
from pydantic_settings import CliPositionalArg

from marketplace.runtime.channel import Addresses
from marketplace.runtime.credentials import ClientSettings
from marketplace.runtime.settings import Settings, StoreSettings
from simulator.behaviour import Habits

_SECONDS: Final = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
_LONGEST_S: Final = 7 * 24 * 3600.0


def parse_duration(text: str) -> float:
    """Returns the seconds in `60s`, `10m`, `1h` or `90`. Raises ValueError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    seconds = float(match[1]) * _SECONDS[match[2]] if match else 0.0
    if not 0 < seconds <= _LONGEST_S:
        raise ValueError(f"{text!r} is not a duration such as 60s, 10m or 1h (at most a week)")
    return seconds


def _duration(text: str) -> str:
    parse_duration(text)
    return text


class RunSettings(ClientSettings):
    """Streams requests for ads at a set rate, and sends feedback for the ads that come.

    Exit code 0 when everything that was asked was answered. Control-C stops asking and waits for the answers in
    flight; a second one does not wait.
    """

    ad_server: Addresses = "127.0.0.1:50051"
    """The ad server's address, or several with commas between."""

    feedback_handler: Addresses = "127.0.0.1:50052"
    """The feedback handler's address, or several with commas between."""

    users: Path | None = None
    """A users file or Kaggle's Advertising data set; without one, users are made up."""

    user_count: int = Field(10_000, ge=1, le=10_000_000)
    """How many users are made up when no file is given."""

    rate: float = Field(100.0, gt=0, le=100_000)
    """Requests a second."""

    duration: Annotated[str, AfterValidator(_duration)] = "60s"
    """How long requests are made: 60s, 10m, 1h."""

    seed: int | None = Field(None, ge=0, lt=1 << 63)
    """The same seed and users give the same requests."""

    streams: int = Field(4, ge=1, le=256)
    """Streams to the ad servers, and as many to the feedback handlers."""

    in_flight: int = Field(1_000, ge=1, le=100_000)
    """At most so many users at once; what is due beyond waits."""

    ad_count: int = Field(1, ge=1, le=10)
    """Ads asked for in each request."""

    duplicates: float = Field(0.0, ge=0, le=1)
    """Share of feedback that is sent twice."""

    lost: float = Field(0.0, ge=0, le=1)
    """Share of feedback that is never sent."""

    think_seconds: float = Field(0.1, ge=0, le=60)
    """Mean pause before a click or an acquisition."""

    deadline_seconds: float = Field(30.0, gt=0, le=600)
    """So long a request or a feedback is sent again until it counts as failed."""

    connect_seconds: float = Field(30.0, gt=0, le=600)
    """So long is waited at the start for the servers to be up."""

    result: Path | None = None
    """Where the result is written as JSON."""

    @property
    def duration_s(self) -> float:
        """Returns the duration in seconds."""
        return parse_duration(self.duration)

    @property
    def habits(self) -> Habits:
        """Returns what the people do."""
        return Habits(self.ad_count, self.think_seconds, self.duplicates, self.lost)


class BuildSettings(Settings):
    """Writes a users file: fourteen columns, from the data sets where they are given, else made up."""

    out: Path
    """The file to write."""

    count: int = Field(500_000, ge=1, le=100_000_000)
    """How many users."""

    seed: int = Field(1, ge=0, lt=1 << 63)
    """The same seed gives the same file."""

    advertising: Path | None = None
    """Kaggle's tbyrnes/advertising, advertising.csv: age, gender, income, internet usage."""

    ads16: Path | None = None
    """Kaggle's groffo/ads16-dataset, its folder: what people like."""


class LoadSettings(StoreSettings):
    """Loads users into the store; ad servers know them a moment later. Safe to repeat."""

    file: CliPositionalArg[Path]
    """A users file or Kaggle's Advertising data set."""

    seed: int = Field(1, ge=0, lt=1 << 63)
    """For what Advertising does not tell; give `simulator run` the same."""
