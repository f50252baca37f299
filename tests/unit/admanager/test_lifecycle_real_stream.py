"""The real stream, applied in memory."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from admanager.commands import parse_command
from admanager.lifecycle import Outcome, Rules, apply_command
from admanager.stream import read_commands, rebase
from marketplace.bids import BID_KEYS_PER_CPM, bid_key
from marketplace.campaign import Campaign, Status
from marketplace.slots import SlotGrid

STREAM = Path(__file__).parents[3] / ".." / "shared" / "data" / "campaign_stream" / "kafka_ads_output.csv"
NOW_US = int(datetime(2026, 1, 5, 12, 0, 30, tzinfo=UTC).timestamp()) * 1_000_000
RULES = Rules(SlotGrid(), UTC)

pytestmark = pytest.mark.skipif(not STREAM.exists(), reason=f"the real stream is not at {STREAM}")


def replay(campaigns: dict[str, Campaign]) -> Counter[Outcome]:
    """Applies the stream moved to now; changes `campaigns`."""
    outcomes: Counter[Outcome] = Counter()
    for timed in rebase(read_commands(STREAM), NOW_US):
        command = parse_command(timed.command.value())
        done = apply_command(command, campaigns.get(command.campaign_id), NOW_US, RULES)
        outcomes[done.outcome] += 1
        if done.campaign:
            campaigns[command.campaign_id] = done.campaign
    return outcomes


def test_every_command_applies_and_all_campaigns_that_were_not_stopped_are_live() -> None:
    campaigns: dict[str, Campaign] = {}
    assert replay(campaigns) == Counter({Outcome.APPLIED: 7_677})
    assert len(campaigns) == 4_242
    going = [campaign for campaign in campaigns.values() if campaign.status is not Status.STOPPED]
    assert len(going) == 2_110
    assert all(campaign.servable and campaign.window.open_at(NOW_US) for campaign in going)


def test_a_second_replay_changes_nothing() -> None:
    campaigns: dict[str, Campaign] = {}
    replay(campaigns)
    before = dict(campaigns)
    outcomes = replay(campaigns)
    assert outcomes[Outcome.APPLIED] == 944
    assert outcomes[Outcome.REPEAT] + outcomes[Outcome.LATE] == 6_733
    assert {name: replace(campaign, updated_us=0) for name, campaign in campaigns.items()} == {
        name: replace(campaign, updated_us=0) for name, campaign in before.items()
    }


def test_the_expected_price_of_an_impression_is_whole_nanos_throughout() -> None:
    campaigns: dict[str, Campaign] = {}
    replay(campaigns)
    keys = [bid_key(campaign.cpc_nanos, campaign.cpa_nanos) for campaign in campaigns.values()]
    assert all(key % BID_KEYS_PER_CPM == 0 for key in keys)
    assert 1_900 <= min(keys) // BID_KEYS_PER_CPM <= max(keys) // BID_KEYS_PER_CPM <= 41_025
