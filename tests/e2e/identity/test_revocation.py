"""The life of a token: made and shown once, known within a second, refused within five of its revocation."""

import re
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from adplatform.v1 import ad_server_pb2 as pb
from secured import CALL_S, KNOWN_S, Secured, code_of, run_here

from admanager import cli
from marketplace.api_token import StoredToken, digest_of, id_of, new_token
from marketplace.clock import US_PER_SECOND, system_clock
from marketplace.permissions import Role
from marketplace.runtime.store.tokens import SqlTokens
from stack.settled import wait_until

REQUEST = pb.ServeAdRequest(user_id="u")


def tokens(secured: Secured, *arguments: str) -> str:
    code, said = run_here(cli.main, "campaign", "tokens", *arguments, COLUMNS="200", **secured.mesh.environment)
    assert code == 0, said
    return said


def test_a_token_from_the_command_line_to_its_revocation(secured: Secured) -> None:
    token = tokens(secured, "create", "--role", "app", "--note", "the shop's app").split()[-1]
    assert re.fullmatch(r"adp_[0-9a-f]{12}_\S{43}", token)
    shown = f"adp_{id_of(token)}"
    with secured.ads(token) as ads:
        wait_until("known", lambda: code_of(lambda: ads.ServeAd(REQUEST, timeout=CALL_S)) == "OK", KNOWN_S)
        listed = tokens(secured, "list")
        assert shown in listed and "the shop's app" in listed
        assert token.split("_", 2)[2] not in listed  # the secret, which may have more of them
        tokens(secured, "revoke", shown)
        revoked_s = time.monotonic()
        refused = lambda: code_of(lambda: ads.ServeAd(REQUEST, timeout=CALL_S)) == "UNAUTHENTICATED"  # noqa: E731
        wait_until("refused", refused, KNOWN_S)
        assert time.monotonic() - revoked_s < KNOWN_S
    assert re.search(rf"{shown}.*revoked", tokens(secured, "list"))


@pytest.mark.parametrize(
    "arguments",
    [
        ("create", "--role", "manager"),
        ("create", "--role", "app", "--account", "acme"),
        ("create", "--role", "king"),
        ("create", "--role", "app", "--days", "0"),
        ("revoke", "adp_000000000000"),
        ("revoke", "adp_000000000000_secret"),
    ],
)
def test_what_is_wrong_is_said_and_exits_with_2(secured: Secured, arguments: tuple[str, ...]) -> None:
    code, said = run_here(cli.main, "campaign", "tokens", *arguments, **secured.mesh.environment)
    assert code == 2
    assert len(said.splitlines()) == 1
    assert "secret" not in said


def test_an_open_stream_is_refused_too(secured: Secured) -> None:
    token = secured.token(Role.APP)
    stop = threading.Event()

    def requests() -> Iterator[pb.StreamAdsRequest]:
        number = 0
        while not stop.wait(0.05):
            number += 1
            yield pb.StreamAdsRequest(sequence=number, request=REQUEST)

    with secured.ads(token) as ads:
        answers: Any = ads.StreamAds(requests(), timeout=60)
        assert next(answers).error.code == 0
        SqlTokens(secured.mesh.engine).revoke(id_of(token), system_clock())
        revoked_s = time.monotonic()
        for answer in answers:
            if answer.error.code:
                break
        assert answer.error.message == "a valid API token or certificate is needed"
        assert time.monotonic() - revoked_s < KNOWN_S
        assert next(answers).error.code, "and from then on always"
        stop.set()
        answers.cancel()


def test_a_token_expires_by_itself(secured: Secured) -> None:
    token, now_us = new_token(), system_clock()
    expires_us = now_us + 3 * US_PER_SECOND
    fields = {"token_id": id_of(token), "digest": digest_of(token), "created_us": now_us, "expires_us": expires_us}
    SqlTokens(secured.mesh.engine).add(StoredToken(role=Role.APP, **fields))  # type: ignore[arg-type]
    with secured.ads(token) as ads:
        wait_until("known", lambda: code_of(lambda: ads.ServeAd(REQUEST, timeout=CALL_S)) == "OK", KNOWN_S)
        refused = lambda: code_of(lambda: ads.ServeAd(REQUEST, timeout=CALL_S)) == "UNAUTHENTICATED"  # noqa: E731
        wait_until("expired", refused, 3 + KNOWN_S)
    assert system_clock() >= expires_us
