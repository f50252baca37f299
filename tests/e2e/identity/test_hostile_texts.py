"""Hostile text in every text field of every request and command: it is text, and nothing of it is ever run."""

import base64
import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
from adplatform.v1 import ad_server_pb2 as ads_pb
from adplatform.v1 import campaign_manager_pb2 as pb
from adplatform.v1 import feedback_handler_pb2 as feedback_pb
from campaigns import command_fields
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from secured import CALL_S, Secured, code_of, new_campaign, run_here
from sqlalchemy import func, inspect, select

from admanager import cli
from marketplace.permissions import Role
from marketplace.runtime.store.schema import ads, api_tokens, commands, ledger
from marketplace.runtime.store.transactions import reading

HOSTILE: Final = (
    "'; DROP TABLE ads; --",
    '" OR 1=1 UNION SELECT digest FROM api_tokens --',
    "%s %(x)s %n :x ? {0} ${x} `id` $(id)",
    "\\' \\\" \\\\ \x00 \x1a \r\n",
    "../../../../etc/passwd",
    "[red]<script>alert(1)</script>\x1b[2J",
    "\N{RIGHT-TO-LEFT OVERRIDE}\N{GRINNING FACE}" * 20,
    "x" * 10_000,
)
CLEAR: Final = {"OK", "INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "FAILED_PRECONDITION"}


def text_fields(message: Message, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yields the path of every field of text or bytes, those of messages inside included."""
    for field in message.DESCRIPTOR.fields:
        if field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES):
            yield (*path, field.name)
        elif field.message_type and not field.message_type.full_name.startswith("google."):
            yield from text_fields(getattr(message, field.name), (*path, field.name))


def with_text(request: Any, path: tuple[str, ...], words: str) -> Any:
    """Returns a copy of a request with these words in one field."""
    changed = type(request)()
    changed.CopyFrom(request)
    inside = changed
    for name in path[:-1]:
        inside = getattr(inside, name)
    is_bytes = inside.DESCRIPTOR.fields_by_name[path[-1]].type == FieldDescriptor.TYPE_BYTES
    setattr(inside, path[-1], words.encode() if is_bytes else words)
    return changed


def good_requests() -> dict[str, tuple[str, Any]]:
    return {
        "CreateCampaign": ("CampaignManager", new_campaign()),
        "UpdateCampaign": ("CampaignManager", pb.UpdateCampaignRequest(campaign_id="x", change={"text": "t"})),  # type: ignore[arg-type]
        "StopCampaign": ("CampaignManager", pb.StopCampaignRequest(campaign_id="x")),
        "GetCommand": ("CampaignManager", pb.GetCommandRequest(command_id="x")),
        "GetCampaign": ("CampaignManager", pb.GetCampaignRequest(campaign_id="x")),
        "ListCampaigns": ("CampaignManager", pb.ListCampaignsRequest()),
        "ServeAd": ("AdServer", ads_pb.ServeAdRequest(user_id="u")),
        "SubmitFeedback": ("FeedbackHandler", feedback_pb.SubmitFeedbackRequest(receipt=b"x", action=1)),  # type: ignore[arg-type]
    }


PROCESS: Final = {"CampaignManager": "ad-manager", "AdServer": "adserver", "FeedbackHandler": "feedback-handler"}


@pytest.fixture(scope="module")
def operator(secured: Secured) -> str:
    return secured.token(Role.OPERATOR)


def tables(secured: Secured) -> set[str]:
    return set(inspect(secured.mesh.engine).get_table_names())


def count(secured: Secured, table: Any) -> int:
    with reading(secured.mesh.engine) as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


@pytest.mark.parametrize("method", good_requests())
def test_in_every_field_of_every_request(secured: Secured, operator: str, method: str) -> None:
    service, good = good_requests()[method]
    before = tables(secured), count(secured, api_tokens), count(secured, ledger)
    paths = list(text_fields(good))
    assert paths
    with secured.channel(PROCESS[service], operator) as channel:
        call = channel.unary_unary(f"/adplatform.v1.{service}/{method}")
        for path in paths:
            for words in HOSTILE:
                encoded = with_text(good, path, words).SerializeToString()
                code = code_of(lambda encoded=encoded: call(encoded, timeout=CALL_S))  # type: ignore[misc]
                assert code in CLEAR, (method, path, words, code)
    secured.mesh.settle_commands()
    assert (tables(secured), count(secured, api_tokens), count(secured, ledger)) == before


def test_what_was_stored_is_what_was_sent(secured: Secured, operator: str) -> None:
    with secured.manager(operator) as manager:
        for words in (words for words in HOSTILE if len(words) <= 255):
            request = new_campaign(account=words)
            request.campaign.text = request.campaign.category = words
            done = manager.CreateCampaign(request, timeout=CALL_S)
            secured.mesh.settle_commands()
            found = manager.GetCampaign(pb.GetCampaignRequest(campaign_id=done.campaign_id), timeout=CALL_S).campaign
            assert (found.spec.text, found.spec.category, found.spec.account) == (words, words, words)
            listed = manager.ListCampaigns(pb.ListCampaignsRequest(account=words, category=words), timeout=CALL_S)
            assert [each.campaign_id for each in listed.campaigns] == [done.campaign_id]


def test_a_page_token_is_no_way_in(secured: Secured, operator: str) -> None:
    with secured.manager(operator) as manager:
        for words in HOSTILE:
            token = base64.urlsafe_b64encode(words.encode()).decode()
            code = code_of(
                lambda token=token: manager.ListCampaigns(pb.ListCampaignsRequest(page_token=token), timeout=CALL_S)  # type: ignore[misc]
            )
            assert code == "OK"


def test_in_every_field_of_every_command(secured: Secured) -> None:
    mesh, values = secured.mesh, []
    for number, name in enumerate(command_fields("x")):
        for words in HOSTILE:
            fields = command_fields(f"hostile-{number}-{len(values)}") | {name: words}
            values.append(json.dumps(fields).encode())
            values.append(json.dumps(fields | {"action": "Update Campaign", "command_id": words}).encode())
    before, tables_before, tokens_before = count(secured, commands), tables(secured), count(secured, api_tokens)
    mesh.publish_commands(values)
    mesh.settle_commands()
    assert count(secured, commands) == before + len(values), "each has an outcome"
    assert (tables(secured), count(secured, api_tokens)) == (tables_before, tokens_before)
    assert count(secured, ads) > 0


def test_on_the_command_line(secured: Secured, operator: str) -> None:
    here = secured.mesh.environment | {"TLS_CA": f"{secured.certs}/ca.pem", "API_TOKEN": operator}
    for words in (words for words in HOSTILE if "\x00" not in words):
        for arguments in (
            ("tokens", "create", "--role", "manager", "--account", words[:255], "--note", words[:255]),
            ("tokens", "revoke", words),
            ("get", words, "--ad-manager", secured.public["ad-manager"]),
            ("list", "--limit", "1000", "--ad-manager", secured.public["ad-manager"]),
            ("keys", "drop", words),
            ("tokens", "list"),
        ):
            code, said = run_here(cli.main, "campaign", *arguments, **here)
            assert code in (0, 2)
            assert "Traceback" not in said
            assert "\x1b[2J" not in said
