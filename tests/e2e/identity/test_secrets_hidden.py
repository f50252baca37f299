"""A whole run on the most talkative log level, and nothing that anyone sees of it holds a secret."""

import json
import os
import urllib.request
from base64 import b64encode
from pathlib import Path
from typing import Final

import pytest
from adplatform.v1 import ad_server_pb2 as pb
from adplatform.v1.feedback_handler_pb2 import SubmitFeedbackRequest
from adplatform.v1.feedback_handler_pb2_grpc import FeedbackHandlerStub
from secured import CALL_S, Secured, code_of, free_address, new_campaign, run_here

import admanager.__main__
import admanager.slot_manager
import adserver.__main__
import feedback.__main__
import simulator.__main__
import writer.__main__
from admanager import cli
from marketplace.api_token import digest_of
from marketplace.permissions import Role
from stack.settled import wait_until

MAINS: Final = {
    "adserver": adserver.__main__.main,
    "feedback-handler": feedback.__main__.main,
    "ad-manager": admanager.__main__.main,
    "slot-manager": admanager.slot_manager.main,
    "feedback-writer": writer.__main__.main,
    "simulator": simulator.__main__.main,
    "campaign": cli.main,
}


def key_secrets(path: Path) -> set[str]:
    """Returns the receipt keys in the forms that they might be printed in."""
    secrets = [bytes.fromhex(key["secret"]) for key in json.loads(path.read_text())["keys"]]
    return {form for secret in secrets for form in (secret.hex(), b64encode(secret).decode(), repr(secret)[2:-1])}


def private_keys(certs: Path) -> set[str]:
    """Returns the lines of every private key."""
    return {line for path in certs.glob("*-key.pem") for line in path.read_text().splitlines() if len(line) > 30}


def command_lines(secured: Secured) -> str:
    """Returns what the list of processes shows of ours."""
    pids = [secured.mesh.supervisor.pid(name) for name in secured.mesh.specs]
    return "\n".join(Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode() for pid in pids)


@pytest.fixture(scope="module")
def seen(secured: Secured) -> tuple[str, set[str]]:
    """Everything that anyone sees of a run, and its secrets."""
    mesh = secured.mesh
    operator, app = secured.token(Role.OPERATOR), secured.token(Role.APP)
    made = mesh.program("admanager.cli", "tokens", "create", "--role", "app").stdout.strip()
    keys = Path(mesh.environment["RECEIPT_KEYS"])
    tokens = {operator, app, made, f"{app[:-1]}!"}
    secrets = key_secrets(keys) | private_keys(secured.certs)
    outputs: list[str] = []

    with secured.manager(operator) as manager, secured.ads(app) as ads:
        manager.CreateCampaign(new_campaign(), timeout=CALL_S)
        request = pb.ServeAdRequest(user_id="u")
        wait_until("an ad", lambda: bool(ads.ServeAd(request, timeout=CALL_S).ads), CALL_S)
        receipt = ads.ServeAd(request, timeout=CALL_S).ads[0].receipt
    with secured.channel("feedback-handler", app) as channel:
        handler = FeedbackHandlerStub(channel)
        for bad in (receipt, receipt[:-1], b"x" * 200):
            asked = SubmitFeedbackRequest(receipt=bad, action=1)  # type: ignore[arg-type]
            code_of(lambda asked=asked: handler.SubmitFeedback(asked, timeout=CALL_S))  # type: ignore[misc]
    for token in (None, f"{app[:-1]}!"):
        with secured.ads(token) as ads:
            code_of(lambda ads=ads: ads.ServeAd(request, timeout=CALL_S))  # type: ignore[misc]

    here = mesh.environment | {"TLS_CA": f"{secured.certs}/ca.pem", "API_TOKEN": app}
    address = ("--ad-manager", secured.public["ad-manager"])
    commands = (
        ("list", *address),
        ("list", "--ad-manager", free_address()),
        ("list", *address, "--api-token", operator),
        ("tokens", "list"),
        ("tokens", "revoke", made),
        ("keys", "rotate"),
        ("keys", "list"),
        ("keys", "drop", "00000000"),
    )
    outputs += [run_here(cli.main, "campaign", *arguments, **here)[1] for arguments in commands]
    outputs += [run_here(main, name, "--help", **here)[1] for name, main in MAINS.items()]
    secrets |= key_secrets(keys)
    for spec in mesh.specs.values():
        with urllib.request.urlopen(f"http://{spec.metrics}/metrics", timeout=CALL_S) as answer:
            outputs.append(answer.read().decode())
    outputs += [path.read_text() for path in (mesh.folder / "logs").iterdir()]
    outputs.append(command_lines(secured))
    secrets |= {token.split("_", 2)[2] for token in tokens} | {digest_of(token).hex() for token in tokens}
    return "\n".join(outputs), secrets


def test_there_is_something_to_look_at(seen: tuple[str, set[str]]) -> None:
    text, secrets = seen
    assert len(secrets) > 20
    for expected in (
        '"event": "settings"',
        "adplatform_rpc_requests_total",
        "UNAUTHENTICATED",
        "--public-listen",
        "usage:",
    ):
        assert expected in text, expected
    assert "a secret in a flag shows in the list of processes" in text


def test_no_secret_is_in_logs_errors_help_process_lists_and_metrics(seen: tuple[str, set[str]]) -> None:
    text, secrets = seen
    found = [secret[:6] for secret in secrets if secret in text]
    assert not found


def test_files_of_secrets_are_for_their_owner_only(secured: Secured) -> None:
    for path in (Path(secured.mesh.environment["RECEIPT_KEYS"]), *secured.certs.glob("*-key.pem")):
        found = os.stat(path)
        assert found.st_mode & 0o077 == 0, path
