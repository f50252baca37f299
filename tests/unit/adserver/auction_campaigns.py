"""Campaigns for tests of the auction, and the rules that the index has to agree with, word by word."""

from adserver.request import Request
from marketplace.campaign import Campaign, Status, Targeting, Window


def campaign(
    campaign_id: str,
    *,
    cpc_nanos: int = 660_000,
    cpa_nanos: int = 52_900_000,
    targeting: Targeting | None = None,
    window: tuple[int, int] = (0, 10_000),
    status: Status = Status.ACTIVE,
    budget_nanos: int = 500,
    spent_nanos: int = 0,
    slot_budget_nanos: int = 100,
) -> Campaign:
    """Makes a campaign that is live at instants 0 to 9,999 unless told otherwise."""
    return Campaign(
        campaign_id=campaign_id,
        account="default",
        text=f"text of {campaign_id}",
        category="Toys",
        keywords="",
        targeting=targeting or Targeting(),
        window=Window(*window),
        cpc_nanos=cpc_nanos,
        cpa_nanos=cpa_nanos,
        budget_nanos=budget_nanos,
        highest_budget_nanos=budget_nanos,
        spent_nanos=spent_nanos,
        status=status,
        slot_budget_nanos=slot_budget_nanos,
    )


def is_live(campaign: Campaign, now_us: int) -> bool:
    """Tells whether a campaign may bid at the instant."""
    return (
        campaign.status is Status.ACTIVE
        and campaign.budget_nanos - campaign.spent_nanos > 0
        and campaign.slot_budget_nanos > 0
        and 15 * campaign.cpc_nanos + campaign.cpa_nanos > 0
        and campaign.window.start_us <= now_us < campaign.window.end_us
    )


def reaches(target: Targeting, request: Request) -> bool:
    """Tells whether a targeting reaches a request."""
    everyone = target.age_start == target.age_end == 0
    known = ((target.gender, request.gender), (target.income_bucket, request.income_bucket))
    given = (
        (target.city, request.city),
        (target.state, request.state),
        (target.country, request.country),
        (target.device, request.device_type),
    )
    return (
        (everyone or (request.age is not None and target.age_start <= request.age <= target.age_end))
        and all(_plain(wanted) in ("all", _plain(value)) for wanted, value in known)
        and all(_plain(value) in ("", "all") or _plain(wanted) in ("all", _plain(value)) for wanted, value in given)
    )


def _plain(value: str) -> str:
    return value.strip().casefold()
