"""On whose behalf: what a manager submits says so, and whoever applies it compares."""

import json
from typing import Any

import pytest
from command_messages import COMPLETE, START_US, applied, bare, created, message

from admanager.commands import Rejected, Verb
from admanager.lifecycle import Outcome
from admanager.ports import CommandReport
from admanager.submit import Submitter
from marketplace.campaign import Campaign, Status
from marketplace.errors import AlreadyExists, FailedPrecondition, NotFound, PermissionDenied
from marketplace.ports import Message

ID = COMPLETE["campaign_id"]
NEW = {name: value for name, value in COMPLETE.items() if name not in ("action", "campaign_id")}


def test_a_new_campaign_has_the_account_that_the_command_names() -> None:
    assert created(account="acme").account == "acme"
    assert created().account == "default"


@pytest.mark.parametrize("verb", [Verb.UPDATE, Verb.STOP])
def test_a_command_for_anothers_campaign_is_rejected(verb: Verb) -> None:
    known = created(account="acme")
    for account in ("other", "ACME", "acme ", "default", ""):
        with pytest.raises(Rejected, match="account: is not the campaign's"):
            applied(bare(verb, account=account, budget="1"), known)
    assert applied(bare(verb, account="acme", budget="1"), known).outcome is Outcome.APPLIED
    assert applied(bare(verb, budget="1"), known).outcome is Outcome.APPLIED, "who names none is not a manager"


def test_that_it_has_been_stopped_is_not_told_to_others() -> None:
    stopped = applied(bare(Verb.STOP), created(account="acme")).campaign
    with pytest.raises(Rejected):
        applied(bare(Verb.UPDATE, account="other", budget="1"), stopped)


def test_a_new_for_anothers_campaign_changes_nothing() -> None:
    assert applied(message(account="other"), created(account="acme")).outcome is Outcome.REPEAT


class Store:
    """Campaigns and commands by account, as `ports.CommandStore` keeps them."""

    def __init__(
        self, *campaigns: Campaign, account: str | None = None, commands: dict[str, str] | None = None
    ) -> None:
        self._campaigns = campaigns
        self._account = account
        self.commands = {} if commands is None else commands

    def of_account(self, account: str) -> "Store":
        return Store(*self._campaigns, account=account, commands=self.commands)

    def campaign(self, campaign_id: str) -> Campaign | None:
        return next((one for one in self._campaigns if one.campaign_id == campaign_id and self._own(one.account)), None)

    def command(self, command_id: str) -> CommandReport | None:
        account = self.commands.get(command_id)
        return CommandReport(ID, None, "") if account is not None and self._own(account) else None

    def submitted_campaign(self, campaign_id: str) -> bool:
        return False

    def submit(self, command_id: str, campaign_id: str, action: str, now_us: int, account: str = "") -> None:
        self.commands.setdefault(command_id, account)

    def _own(self, account: str) -> bool:
        return self._account in (None, account)


class Published:
    """A publisher that keeps what it is given."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    def publish(self, topic: str, messages: list[Message]) -> None:
        self.messages += [json.loads(message.value) for message in messages]

    def close(self) -> None: ...


@pytest.fixture
def published() -> Published:
    return Published()


def submitter(store: Store, published: Published) -> Submitter:
    return Submitter(store, published, lambda: START_US)  # type: ignore[arg-type]


@pytest.mark.parametrize("named", [None, "acme"])
def test_a_managers_account_goes_onto_the_topic(published: Published, named: str | None) -> None:
    store = Store()
    submitter(store, published).submit(Verb.NEW, NEW | {"account": named}, account="acme")
    assert [message["account"] for message in published.messages] == ["acme"]
    assert list(store.commands.values()) == ["acme"]


def test_a_manager_creates_nothing_for_others(published: Published) -> None:
    with pytest.raises(PermissionDenied):
        submitter(Store(), published).submit(Verb.NEW, NEW | {"account": "other"}, account="acme")
    assert published.messages == []


def test_an_operator_may_for_any(published: Published) -> None:
    store = Store()
    submitter(store, published).submit(Verb.NEW, NEW | {"account": "other"})
    submitter(store, published).submit(Verb.NEW, NEW)
    assert [message.get("account") for message in published.messages] == ["other", None]
    assert list(store.commands.values()) == ["other", "default"]


@pytest.mark.parametrize("verb", [Verb.UPDATE, Verb.STOP])
def test_anothers_campaign_is_as_if_it_were_not_there(published: Published, verb: Verb) -> None:
    store = Store(created(account="other"))
    texts = set()
    for campaign_id in (ID, "nothing"):
        fields = {"campaign_id": campaign_id, "budget": "1"}
        with pytest.raises(NotFound) as problem:
            submitter(store, published).submit(verb, fields, account="acme")
        texts.add(str(problem.value).replace(campaign_id, "X"))
    assert len(texts) == 1
    submitter(store, published).submit(verb, {"campaign_id": ID, "budget": "1"}, account="other")
    assert [message["account"] for message in published.messages] == ["other"]


def test_that_anothers_campaign_is_stopped_is_not_told(published: Published) -> None:
    stopped = applied(bare(Verb.STOP), created(account="other")).campaign
    assert stopped and stopped.status is Status.STOPPED
    store, fields = Store(stopped), {"campaign_id": ID, "budget": "1"}
    with pytest.raises(NotFound):
        submitter(store, published).submit(Verb.UPDATE, fields, account="acme")
    with pytest.raises(FailedPrecondition):
        submitter(store, published).submit(Verb.UPDATE, fields, account="other")


def test_a_command_id_of_anothers_is_taken_and_lets_nothing_through(published: Published) -> None:
    store = Store(created(account="other"), created(account="acme", campaign_id="mine"), commands={"theirs": "other"})
    with pytest.raises(NotFound):
        fields = {"campaign_id": ID, "command_id": "theirs", "budget": "1"}
        submitter(store, published).submit(Verb.UPDATE, fields, account="acme")
    with pytest.raises(AlreadyExists):
        fields = {"campaign_id": "mine", "command_id": "theirs", "budget": "1"}
        submitter(store, published).submit(Verb.UPDATE, fields, account="acme")
    assert published.messages == []
