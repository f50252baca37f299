"""Managers: each runs its own account's campaigns, and others' are as if they were not there."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from adplatform.v1 import campaign_manager_pb2 as pb
from campaigns import command_value
from secured import CALL_S, Secured, await_campaign, code_of, median_seconds, new_campaign, refusal

from marketplace.permissions import Role
from stack.settled import wait_until

MISSING: Final = "00000000-0000-0000-0000-000000000000"


@pytest.fixture(scope="module")
def acme(secured: Secured) -> str:
    return secured.token(Role.MANAGER, "acme")


@pytest.fixture(scope="module")
def other(secured: Secured) -> str:
    return secured.token(Role.MANAGER, "other")


@pytest.fixture(scope="module")
def operator(secured: Secured) -> str:
    return secured.token(Role.OPERATOR)


@pytest.fixture(scope="module")
def theirs(secured: Secured, other: str) -> tuple[str, str]:
    """A campaign of the other account, and the command that made it."""
    with secured.manager(other) as manager:
        done = manager.CreateCampaign(new_campaign(), timeout=CALL_S)
        await_campaign(manager, done.campaign_id)
    return done.campaign_id, done.command_id


def asks(manager: Any) -> dict[str, Callable[[str, str], Any]]:
    """Calls that name a campaign and a command."""
    change = pb.CampaignChange(text="stolen", budget_nanos=1)
    return {
        "update": lambda campaign_id, _: manager.UpdateCampaign(
            pb.UpdateCampaignRequest(campaign_id=campaign_id, change=change), timeout=CALL_S
        ),
        "stop": lambda campaign_id, _: manager.StopCampaign(
            pb.StopCampaignRequest(campaign_id=campaign_id), timeout=CALL_S
        ),
        "get": lambda campaign_id, _: manager.GetCampaign(
            pb.GetCampaignRequest(campaign_id=campaign_id), timeout=CALL_S
        ),
        "command": lambda _, command_id: manager.GetCommand(
            pb.GetCommandRequest(command_id=command_id), timeout=CALL_S
        ),
    }


@pytest.mark.parametrize("kind", ["update", "stop", "get", "command"])
def test_others_are_answered_like_what_does_not_exist(
    secured: Secured, acme: str, theirs: tuple[str, str], kind: str
) -> None:
    campaign_id, command_id = theirs
    with secured.manager(acme) as manager:
        ask = asks(manager)[kind]
        code, text, reason, _ = refusal(lambda: ask(campaign_id, command_id))
        missing = refusal(lambda: ask(MISSING, MISSING))
        assert (code, reason) == ("NOT_FOUND", "NOT_FOUND") == (missing[0], missing[2])
        assert text.replace(campaign_id, "X").replace(command_id, "X") == missing[1].replace(MISSING, "X")
        there, not_there = median_seconds(
            [lambda: ask(campaign_id, command_id), lambda: ask(MISSING, MISSING)], rounds=150
        )
        assert there / not_there == pytest.approx(1.0, rel=0.25)


def test_nothing_was_changed(secured: Secured, other: str, theirs: tuple[str, str]) -> None:
    with secured.manager(other) as manager:
        secured.mesh.settle_commands()
        found = manager.GetCampaign(pb.GetCampaignRequest(campaign_id=theirs[0]), timeout=CALL_S).campaign
    assert (found.spec.text, found.spec.account, found.status) == ("Mugs", "other", pb.CAMPAIGN_STATUS_ACTIVE)


def test_a_managers_campaign_has_its_account_and_the_manager_runs_it(secured: Secured, acme: str) -> None:
    with secured.manager(acme) as manager:
        for account in ("", "acme"):
            done = manager.CreateCampaign(new_campaign(account=account), timeout=CALL_S)
            await_campaign(manager, done.campaign_id)
            request = pb.UpdateCampaignRequest(campaign_id=done.campaign_id, change=pb.CampaignChange(text="Cups"))
            update = manager.UpdateCampaign(request, timeout=CALL_S)
            stop = manager.StopCampaign(pb.StopCampaignRequest(campaign_id=done.campaign_id), timeout=CALL_S)
            secured.mesh.settle_commands()
            for command_id in (done.command_id, update.command_id, stop.command_id):
                report = manager.GetCommand(pb.GetCommandRequest(command_id=command_id), timeout=CALL_S)
                assert report.state == pb.COMMAND_STATE_APPLIED
            found = manager.GetCampaign(pb.GetCampaignRequest(campaign_id=done.campaign_id), timeout=CALL_S).campaign
            assert (found.spec.account, found.spec.text) == ("acme", "Cups")
            assert found.status == pb.CAMPAIGN_STATUS_STOPPED


def test_a_manager_creates_nothing_for_another_account(secured: Secured, acme: str) -> None:
    with secured.manager(acme) as manager:
        for account in ("other", "ACME", "acme ", "nobody"):
            request = new_campaign(account=account)
            answer = refusal(lambda request=request: manager.CreateCampaign(request, timeout=CALL_S))  # type: ignore[misc]
            assert answer[:3] == ("PERMISSION_DENIED", "this caller may not do this", "PERMISSION_DENIED")


def test_a_list_holds_ones_own_only(secured: Secured, acme: str, other: str, operator: str) -> None:
    def listed(token: str, **filters: str) -> dict[str, str]:
        with secured.manager(token) as manager:
            answer = manager.ListCampaigns(pb.ListCampaignsRequest(page_size=1_000, **filters), timeout=CALL_S)
        return {campaign.campaign_id: campaign.spec.account for campaign in answer.campaigns}

    of_acme, of_other, of_all = listed(acme), listed(other), listed(operator)
    assert set(of_acme.values()) == {"acme"}
    assert set(of_other.values()) == {"other"}
    assert of_all.items() >= of_acme.items() | of_other.items()
    assert listed(acme, account="other") == {}
    assert listed(acme, account="acme") == of_acme
    assert listed(operator, account="other") == of_other


def test_ids_that_others_have_chosen_are_taken(secured: Secured, acme: str, theirs: tuple[str, str]) -> None:
    campaign_id, command_id = theirs
    with secured.manager(acme) as manager:
        for request in (new_campaign(campaign_id=campaign_id), new_campaign(command_id=command_id)):
            code = code_of(lambda request=request: manager.CreateCampaign(request, timeout=CALL_S))  # type: ignore[misc]
            assert code == "ALREADY_EXISTS"


def test_a_race_for_a_campaign_on_its_way_is_lost_where_commands_are_applied(
    secured: Secured, acme: str, operator: str
) -> None:
    """Whatever slips onto the topic in a manager's name is compared with the campaign once more."""
    campaign_id = "raced-for"
    values = [
        command_value(campaign_id, account="other"),
        command_value(campaign_id, "Update Campaign", account="acme", text="stolen", command_id="raced"),
        command_value(campaign_id, "Stop Campaign", account="acme"),
    ]
    secured.mesh.publish_commands(values)
    with secured.manager(operator) as manager:
        await_campaign(manager, campaign_id)
        secured.mesh.settle_commands()
        found = manager.GetCampaign(pb.GetCampaignRequest(campaign_id=campaign_id), timeout=CALL_S).campaign
        assert (found.spec.account, found.spec.text, found.status) == ("other", "Mugs", pb.CAMPAIGN_STATUS_ACTIVE)
        report = manager.GetCommand(pb.GetCommandRequest(command_id="raced"), timeout=CALL_S)
        assert (report.state, report.reason) == (pb.COMMAND_STATE_REJECTED, "account: is not the campaign's")
    with secured.manager(acme) as manager:
        wait_until("not seen", lambda: code_of(lambda: asks(manager)["get"](campaign_id, "")) == "NOT_FOUND", CALL_S)
