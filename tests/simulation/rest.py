"""What must hold when everything has come to rest, and when that is."""

from typing import Any, Final

from invariants import archived_ends, archived_events, check_moment, check_receipts, hold, ledger_events
from life import Process
from outside import Manager, Users
from processes import GRID, RULES, AdServer
from shared import Mesh

from admanager.commands import Rejected, parse_command
from admanager.lifecycle import Outcome, apply_command
from adserver.ad import Ad
from adserver.index import Index
from adserver.request import Request
from marketplace.campaign import Campaign, Status
from marketplace.ports import COMMANDS, REJECTED_COMMANDS, USER_FEEDBACK

_SAME: Final = (
    *("account", "text", "category", "keywords", "targeting", "window"),
    *("cpc_nanos", "cpa_nanos", "budget_nanos", "highest_budget_nanos"),
)


def unrest(mesh: Mesh, processes: list[Process]) -> str:
    """Returns what is still going on; nothing at rest."""
    change_no = mesh.database.table("counters").get("ads", 0)
    if any(isinstance(process, AdServer) and process.feed.read_to != change_no for process in processes):
        return "an ad server has not read all changes"
    if mesh.world.pending or not all(process.alive and not process.draining for process in processes):
        return "a process, the server or the broker has something to do yet"
    now_us = mesh.world.now_us()
    for campaign in mesh.database.table("ads").values():
        if _is_dry(campaign, GRID.slot_at(now_us), now_us):
            return f"{campaign.campaign_id} is dry, and nobody fills slot {GRID.slot_at(now_us)}"
    if mesh.database.table("outbox"):
        return f"{len(mesh.database.table('outbox'))} rows in the outbox"
    ends = archived_ends(mesh)
    applied = mesh.database.table("positions")
    for topic, reached in ((COMMANDS, applied), (USER_FEEDBACK, ends)):
        for partition, records in enumerate(mesh.log.topics[topic]):
            if (at := reached.get((topic, partition), 0)) < len(records):
                return f"{topic}/{partition} is read up to {at} of {len(records)}"
    return ""


def _is_dry(campaign: Campaign, slot_no: int, now_us: int) -> bool:
    due = campaign.status is Status.ACTIVE and campaign.slot_no < slot_no and campaign.window.end_us > now_us
    return due and campaign.slot_budget_nanos == 0


def check_rest(mesh: Mesh, users: Users, manager: Manager, adservers: list[AdServer]) -> None:
    """Holds everything against everything."""
    hold(check_moment(mesh) == 0, "events are on their way, and nobody sends them")
    hold(sorted(archived_events(mesh)) == sorted(ledger_events(mesh)), "the archive is not what the ledger is")
    check_receipts(mesh.database.table("ledger").values())
    _check_answers(mesh, users)
    _check_commands(mesh, manager)
    for adserver in adservers:
        if not mesh.world.was_set_back:  # an ad server forgets what has ended, even when the clock then says it has not
            _check_index(mesh, adserver)


def _check_answers(mesh: Mesh, users: Users) -> None:
    ledger = {(row.request_id, row.action): row for row in mesh.database.table("ledger").values()}
    for (request_id, action), answers in users.answers.items():
        row = ledger.get((request_id, action))
        what = f"{action.name} on {request_id}"
        if row is None:
            hold(False, f"{what} was acknowledged and is not in the ledger")
        else:
            hold(
                answers == {row.entry.charged_nanos},
                f"{what} was answered {answers}, charged {row.entry.charged_nanos}",
            )


def _check_commands(mesh: Mesh, manager: Manager) -> None:
    """Holds the campaigns against one clean pass over the topic."""
    campaigns: dict[str, Campaign] = {}
    seen: set[str] = set()
    outcomes: dict[Any, Outcome] = {}
    for partition, records in enumerate(mesh.log.topics[COMMANDS]):
        for record in records:
            outcomes[COMMANDS, partition, record.offset] = _pass(record.value, campaigns, seen)
    rows = mesh.database.table("commands")
    hold({at: row.outcome for at, row in rows.items()} == outcomes, "commands did not come out as in one clean pass")
    stored: dict[str, Campaign] = mesh.database.table("ads")
    hold(stored.keys() == campaigns.keys(), "the campaigns are not those of one clean pass")
    for name, clean in campaigns.items():
        campaign = stored[name]
        for field in _SAME:
            there, wanted = getattr(campaign, field), getattr(clean, field)
            hold(there == wanted, f"{name}: {field} is {there}, after one clean pass it is {wanted}")
        live = Status.ACTIVE if campaign.leftover_nanos else Status.EXHAUSTED
        status = Status.STOPPED if clean.status is Status.STOPPED else live
        hold(campaign.status is status, f"{name}: is {campaign.status}, should be {status}")
    known = {row.command_id for row in rows.values()}
    lost = [command_id for command_id in manager.accepted if command_id not in known]
    hold(not lost, f"commands {lost} were accepted and never applied")
    rejected = sum(outcome is Outcome.REJECTED for outcome in outcomes.values())
    told = {record.value for record in mesh.log.topics[REJECTED_COMMANDS][0]}
    hold(len(told) == rejected, f"{rejected} commands were rejected, {len(told)} are on their topic")


def _pass(value: bytes, campaigns: dict[str, Campaign], seen: set[str]) -> Outcome:
    try:
        command = parse_command(value)
        if command.command_id in seen:
            return Outcome.REPEAT
        applied = apply_command(command, campaigns.get(command.campaign_id), 0, RULES)
    except Rejected:
        return Outcome.REJECTED
    if command.command_id:
        seen.add(command.command_id)
    if applied.campaign:
        campaigns[command.campaign_id] = applied.campaign
    return applied.outcome


def _check_index(mesh: Mesh, adserver: AdServer) -> None:
    """Holds what an ad server has followed against what it would load now."""
    followed = adserver.service.index
    assert followed is not None
    now_us = mesh.world.now_us()
    fresh = Index.build(mesh.database.table("ads").values(), now_us)
    there, wanted = (_bids(index, now_us) for index in (followed, fresh))
    hold(there == wanted, f"{adserver.name} bids for {sorted(there)}, not for {sorted(wanted)}, or not the same")


def _bids(index: Index, now_us: int) -> dict[str, Ad]:
    ads, _ = index.shortlist(Request(), now_us, 10, lambda: 0.0)
    return {ad.campaign_id: ad for ad in ads}
