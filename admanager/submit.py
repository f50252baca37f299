"""What a campaign manager submits over gRPC: checked against what the store knows, then put on the command topic."""

import json
import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from uuid6 import uuid7

from admanager.commands import Command, Rejected, Verb, parse_command
from admanager.ports import CampaignReads, CommandStore
from marketplace.campaign import DEFAULT_ACCOUNT, Status
from marketplace.clock import Clock
from marketplace.errors import (
    AlreadyExists,
    DeadlineExceeded,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
)
from marketplace.ports import COMMANDS, Message, Publisher


@dataclass(frozen=True, slots=True)
class Submitted:
    """A command that is durable on the topic."""

    command_id: str
    campaign_id: str


class Submitter:
    """Publishes commands. Safe to retry with the same command_id: the ad manager then counts a repeat."""

    def __init__(self, store: CommandStore, publisher: Publisher, clock: Clock) -> None:
        self._store = store
        self._publisher = publisher
        self._clock = clock

    def submit(
        self, verb: Verb, fields: Mapping[str, Any], expires_us: float = math.inf, account: str | None = None
    ) -> Submitted:
        """Publishes a command made of the stream's fields; ids that are missing are made.

        Nothing is published after `expires_us`, when the caller does not wait any more. With an `account` the command
        is for its campaigns only: the message says so, and whoever applies it compares. Raises InvalidArgument with the
        field's name, AlreadyExists, NotFound, FailedPrecondition, PermissionDenied, DeadlineExceeded, Unavailable.
        """
        if account is not None:
            if fields.get("account") not in (None, account):
                raise PermissionDenied
            fields = {**fields, "account": account}
        reads = self._store if account is None else self._store.of_account(account)
        message = {"action": verb.value, **{name: value for name, value in fields.items() if value is not None}}
        message.setdefault("command_id", str(uuid7()))
        if verb is Verb.NEW:
            message.setdefault("campaign_id", str(uuid.uuid1()))
        value = json.dumps(message, ensure_ascii=False).encode()
        try:
            command = parse_command(value)
        except Rejected as rejected:
            raise InvalidArgument(rejected.reason, rejected.field) from None
        assert command.command_id  # set above
        known = reads.command(command.command_id) is not None
        if not known:
            _check(command, reads, self._store)
        if self._clock() >= expires_us:
            raise DeadlineExceeded
        behalf = command.account or (DEFAULT_ACCOUNT if verb is Verb.NEW else "")
        self._store.submit(command.command_id, command.campaign_id, verb.value, self._clock(), behalf)
        if account is not None and not known and reads.command(command.command_id) is None:
            raise AlreadyExists(f"command_id {command.command_id} is taken")  # by another account
        self._publisher.publish(COMMANDS, [Message(command.campaign_id.encode(), value)])
        return Submitted(command.command_id, command.campaign_id)


def _check(command: Command, reads: CampaignReads, store: CommandStore) -> None:
    if command.verb is Verb.NEW:
        if store.campaign(command.campaign_id):  # ids are one space for all accounts
            raise AlreadyExists(f"campaign {command.campaign_id} exists")
        return
    campaign = reads.campaign(command.campaign_id)
    if campaign is None:
        if not reads.submitted_campaign(command.campaign_id):
            raise NotFound(f"there is no campaign {command.campaign_id}")
    elif campaign.status is Status.STOPPED:
        raise FailedPrecondition(f"campaign {command.campaign_id} has been stopped")
