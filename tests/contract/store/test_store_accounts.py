"""What one account may know: its own campaigns and commands, and names are compared byte by byte."""

import pytest
from store_cases import NOW_US, Store, campaign, command, records
from test_store_texts import HOSTILE

from admanager.lifecycle import Outcome
from admanager.ports import CampaignFilter

EVERYTHING = CampaignFilter()
ALIKE = ("acme", "ACME", "Acme", "acme ", "acmé", " acme", "acme\x00")


def test_names_that_are_alike_are_different_accounts(store: Store) -> None:
    for number, account in enumerate(ALIKE):
        store.put(campaign(f"c{number}", account=account))
        store.commands.submit(f"k{number}", f"c{number}", "New Campaign", NOW_US, account)
    for number, account in enumerate(ALIKE):
        reads = store.commands.of_account(account)
        assert [one.campaign_id for one in reads.campaigns(EVERYTHING, "", 100)] == [f"c{number}"]
        for other in range(len(ALIKE)):
            mine = other == number
            assert (reads.campaign(f"c{other}") is not None) == mine
            assert (reads.command(f"k{other}") is not None) == mine
            assert reads.submitted_campaign(f"c{other}") == mine


def test_a_filter_does_not_widen_what_an_account_sees(store: Store) -> None:
    store.put(campaign("a", account="acme"), campaign("b", account="other"))
    reads = store.commands.of_account("acme")
    assert reads.campaigns(CampaignFilter(account="other"), "", 10) == []
    assert [one.campaign_id for one in reads.campaigns(CampaignFilter(account="acme"), "", 10)] == ["a"]
    assert [one.campaign_id for one in store.commands.campaigns(EVERYTHING, "", 10)] == ["a", "b"]


def test_an_account_knows_what_became_of_its_own_commands(store: Store) -> None:
    store.put(campaign("theirs", account="other"))
    store.commands.submit("mine", "theirs", "Update Campaign", NOW_US, "acme")
    store.commands.submit("others", "theirs", "Update Campaign", NOW_US, "other")
    update = command("theirs", "Update Campaign")
    batch = [update | {"command_id": "mine", "account": "acme"}, update | {"command_id": "others", "account": "other"}]
    assert store.apply(records(batch)) == {Outcome.REJECTED: 1, Outcome.APPLIED: 1}
    report = store.commands.of_account("acme").command("mine")
    assert report and (report.outcome, report.reason) == (Outcome.REJECTED, "account: is not the campaign's")
    assert store.commands.of_account("acme").command("others") is None
    assert store.commands.command("others") is not None


@pytest.mark.parametrize("words", HOSTILE, ids=range(len(HOSTILE)))
def test_any_text_is_an_account(store: Store, words: str) -> None:
    store.put(campaign("a", account=words), campaign("b", account="other"))
    reads = store.commands.of_account(words)
    assert [one.campaign_id for one in reads.campaigns(EVERYTHING, "", 10)] == ["a"]
    assert reads.campaign(words) is reads.command(words) is None
    assert not reads.submitted_campaign(words)
