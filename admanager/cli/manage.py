"""`campaign submit|update|stop|get|list`: the CampaignManager service from the command line."""

import time
from datetime import datetime
from typing import Any, Final

import grpc
from adplatform.v1 import campaign_manager_pb2 as pb
from adplatform.v1.campaign_manager_pb2_grpc import CampaignManagerStub
from google.protobuf.timestamp_pb2 import Timestamp
from pydantic import Field
from pydantic_settings import CliPositionalArg
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from marketplace.campaign import ALL
from marketplace.money import MAX_PRICE_NANOS, format_nanos, parse_nanos
from marketplace.runtime.channel import Addresses, open_blocking_channel
from marketplace.runtime.credentials import ClientSettings, Credentials
from marketplace.runtime.printable import printable
from marketplace.runtime.settings import BadSettingError, ZoneSettings

_TIMEOUT_S: Final = 10.0
_POLL_S: Final = 0.1
_TEXT_WIDTH: Final = 40
_WIDEST: Final = 400
_STATES: Final = {value: name.removeprefix("COMMAND_STATE_").lower() for name, value in pb.CommandState.items()}
_STATUSES: Final = {name.removeprefix("CAMPAIGN_STATUS_"): value for name, value in pb.CampaignStatus.items()}
_STATUS_NAMES: Final = {value: name for name, value in _STATUSES.items()}


class ManagerSettings(ClientSettings):
    """Settings of what calls the ad manager."""

    ad_manager: Addresses = "127.0.0.1:50053"
    """The ad manager's address, or several with commas between."""

    def channel(self) -> grpc.Channel:
        """Opens a channel to the ad manager."""
        return open_blocking_channel(self.ad_manager, Credentials.of(self), "ad-manager")


class SubmitSettings(ManagerSettings, ZoneSettings):
    """Submits a new campaign and waits for what becomes of it."""

    text: str
    """The ad's text."""

    category: str
    """Category, such as Electronics."""

    keywords: str = ""
    """Keywords, separated by commas."""

    cpc: str
    """Price of a click, such as 0.00066."""

    cpa: str
    """Price of an acquisition."""

    budget: str
    """Total budget."""

    start: str = "now"
    """Start of the window: `now` or a time such as 2026-01-31T12:00."""

    end: str
    """End of the window."""

    gender: str = ALL
    """F, M or All."""

    ages: str = "0-0"
    """Ages, inclusive, such as 20-45; 0-0: all."""

    city: str = ALL
    """City, or All."""

    state: str = ALL
    """State, or All."""

    country: str = ALL
    """Country, or All."""

    income_bucket: str = ALL
    """H, M, L or All."""

    device: str = ALL
    """Device type such as iPhone, or All."""

    account: str = ""
    """The advertiser's account; default: `default`."""

    campaign_id: str = ""
    """The campaign's id; default: one is made."""

    def cli_cmd(self) -> None:
        """Runs the subcommand."""
        ages = self.ages.partition("-")
        if not (ages[0].isdecimal() and ages[2].isdecimal()):
            raise BadSettingError(f"--ages: {self.ages!r} is not a range such as 20-45")
        spec = pb.CampaignSpec(
            text=self.text,
            category=self.category,
            keywords=self.keywords,
            targeting=pb.Targeting(
                gender=self.gender,
                age_start=int(ages[0]),
                age_end=int(ages[2]),
                city=self.city,
                state=self.state,
                country=self.country,
                income_bucket=self.income_bucket,
                device=self.device,
            ),
            cpc_nanos=_nanos("--cpc", self.cpc, MAX_PRICE_NANOS),
            cpa_nanos=_nanos("--cpa", self.cpa, MAX_PRICE_NANOS),
            budget_nanos=_nanos("--budget", self.budget),
            start_time=_moment("--start", self.start, self),
            end_time=_moment("--end", self.end, self),
            account=self.account,
        )
        with self.channel() as channel:
            manager = CampaignManagerStub(channel)
            request = pb.CreateCampaignRequest(campaign_id=self.campaign_id, campaign=spec)
            answer = manager.CreateCampaign(request, timeout=_TIMEOUT_S)
            _follow(manager, answer.command_id, answer.campaign_id)


class UpdateSettings(ManagerSettings):
    """Changes a campaign's prices or budget and waits for what becomes of it."""

    campaign_id: CliPositionalArg[str]
    """The campaign."""

    cpc: str | None = None
    """New price of a click."""

    cpa: str | None = None
    """New price of an acquisition."""

    budget: str | None = None
    """New total budget; what was spent stays spent."""

    text: str | None = None
    """New text."""

    def cli_cmd(self) -> None:
        """Runs the subcommand."""
        change = pb.CampaignChange()
        for name, limit in (("cpc", MAX_PRICE_NANOS), ("cpa", MAX_PRICE_NANOS), ("budget", None)):
            if (amount := getattr(self, name)) is not None:
                setattr(change, f"{name}_nanos", _nanos(f"--{name}", amount, *([limit] if limit else [])))
        if self.text is not None:
            change.text = self.text
        with self.channel() as channel:
            manager = CampaignManagerStub(channel)
            request = pb.UpdateCampaignRequest(campaign_id=self.campaign_id, change=change)
            _follow(manager, manager.UpdateCampaign(request, timeout=_TIMEOUT_S).command_id, self.campaign_id)


class StopSettings(ManagerSettings):
    """Stops a campaign for good and waits until it is stopped."""

    campaign_id: CliPositionalArg[str]
    """The campaign."""

    def cli_cmd(self) -> None:
        """Runs the subcommand."""
        with self.channel() as channel:
            manager = CampaignManagerStub(channel)
            request = pb.StopCampaignRequest(campaign_id=self.campaign_id)
            _follow(manager, manager.StopCampaign(request, timeout=_TIMEOUT_S).command_id, self.campaign_id)


class GetSettings(ManagerSettings):
    """Shows a campaign."""

    campaign_id: CliPositionalArg[str]
    """The campaign."""

    def cli_cmd(self) -> None:
        """Runs the subcommand."""
        with self.channel() as channel:
            request = pb.GetCampaignRequest(campaign_id=self.campaign_id)
            answer = CampaignManagerStub(channel).GetCampaign(request, timeout=_TIMEOUT_S)
        _show([answer.campaign])


class ListSettings(ManagerSettings):
    """Lists campaigns in the order of their ids."""

    status: str | None = None
    """Only ACTIVE, INACTIVE or STOPPED ones."""

    category: str = ""
    """Only those of this category."""

    city: str = ""
    """Only those that target this city."""

    device: str = ""
    """Only those that target this device type."""

    account: str = ""
    """Only those of this account."""

    limit: int = Field(20, ge=1, le=1_000)
    """At most so many."""

    after: str = ""
    """Page token that the page before ended with."""

    def cli_cmd(self) -> None:
        """Runs the subcommand."""
        status = _STATUSES.get(self.status.upper()) if self.status else pb.CAMPAIGN_STATUS_UNSPECIFIED
        if status is None:
            raise BadSettingError("--status: is none of ACTIVE, INACTIVE, STOPPED")
        request = pb.ListCampaignsRequest(
            page_size=self.limit,
            page_token=self.after,
            status=status,
            category=self.category,
            city=self.city,
            device=self.device,
            account=self.account,
        )
        with self.channel() as channel:
            answer = CampaignManagerStub(channel).ListCampaigns(request, timeout=_TIMEOUT_S)
        _show(answer.campaigns)
        if answer.next_page_token:
            Console().print(f"more: --after {answer.next_page_token}", highlight=False)


def _nanos(flag: str, amount: str, *limit: int) -> int:
    try:
        return parse_nanos(amount, *limit)
    except ValueError as problem:
        raise BadSettingError(f"{flag}: {problem}") from None


def _moment(flag: str, text: str, settings: ZoneSettings) -> Timestamp:
    try:
        moment = datetime.now(settings.zone) if text == "now" else datetime.fromisoformat(text)
    except ValueError:
        raise BadSettingError(f"{flag}: {text!r} is neither `now` nor a time such as 2026-01-31T12:00") from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=settings.zone)
    return Timestamp(seconds=int(aware.timestamp()))


def _follow(manager: Any, command_id: str, campaign_id: str) -> None:
    """Waits until the ad manager has decided on a command, and says what became of it."""
    deadline = time.monotonic() + _TIMEOUT_S
    while True:
        report = manager.GetCommand(pb.GetCommandRequest(command_id=command_id), timeout=_TIMEOUT_S)
        if report.state != pb.COMMAND_STATE_PENDING or time.monotonic() > deadline:
            break
        time.sleep(_POLL_S)
    reason = f": {report.reason}" if report.reason else ""
    told = printable(f"campaign {campaign_id}: {_STATES[report.state]}{reason}")
    Console().print(told, highlight=False, soft_wrap=True, markup=False)


def _show(campaigns: Any) -> None:
    table = Table(box=None, header_style="dim")
    for title in ("Campaign", "Status"):
        table.add_column(title, no_wrap=True)
    for title in ("CPC", "CPA", "Budget", "Spent", "Left", "Left in slot"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("Text", overflow="ellipsis", no_wrap=True, max_width=_TEXT_WIDTH)
    for campaign in campaigns:
        spec = campaign.spec
        amounts = (
            spec.cpc_nanos,
            spec.cpa_nanos,
            spec.budget_nanos,
            campaign.spent_nanos,
            campaign.leftover_nanos,
            campaign.slot_budget_nanos,
        )
        shown = (format_nanos(amount).rstrip("0").rstrip(".") for amount in amounts)
        table.add_row(campaign.campaign_id, _STATUS_NAMES[campaign.status], *shown, Text(printable(spec.text)))
    if not table.row_count:
        Console().print("No campaign.")
        return
    console = Console()
    wanted = Measurement.get(console, console.options.update_width(_WIDEST), table).maximum
    Console(width=max(console.width, wanted)).print(table)  # ids and amounts are never cut off, nor what a pipe reads
