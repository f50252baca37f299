"""Every method of every process, found by reflection, with every role and with none: the table holds."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from secured import CALL_S, Secured, await_campaign, code_of, median_seconds, new_campaign, refusal

from marketplace.permissions import ANYONE, SERVICE_ROLES, Role, roles_for

PROCESSES: Final = ("ad-manager", "slot-manager", "feedback-writer", "feedback-handler", "adserver")
REFUSED: Final = {"UNAUTHENTICATED", "PERMISSION_DENIED"}
CERTIFICATES: Final = ("simulator", "operator", "console", "adserver", "supervisor")


def methods_of(channel: grpc.Channel) -> Iterator[tuple[str, MethodDescriptor]]:
    database = ProtoReflectionDescriptorDatabase(channel)
    pool = DescriptorPool(database)
    for name in database.get_services():
        for method in pool.FindServiceByName(name).methods:
            yield f"/{name}/{method.name}", method


def call(channel: grpc.Channel, path: str, method: MethodDescriptor) -> Callable[[], Any]:
    def ask() -> Any:
        kind = f"{'stream' if method.client_streaming else 'unary'}_{'stream' if method.server_streaming else 'unary'}"
        requests: Any = iter([b""]) if method.client_streaming else b""
        answer = getattr(channel, kind)(path)(requests, timeout=CALL_S)
        if method.server_streaming:
            next(answer, None)
            answer.cancel()

    return ask


@pytest.fixture(scope="module")
def tokens(secured: Secured) -> dict[Role, str]:
    return {role: secured.token(role, "acme" if role is Role.MANAGER else "") for role in Role}


@pytest.fixture(scope="module")
def methods(secured: Secured) -> dict[str, list[tuple[str, MethodDescriptor]]]:
    found = {}
    for name in PROCESSES:
        with secured.channel(name, certificate="operator") as channel:
            found[name] = list(methods_of(channel))
    return found


def test_reflection_tells_of_every_service(methods: dict[str, list[tuple[str, MethodDescriptor]]]) -> None:
    services = {path.split("/")[1] for paths in methods.values() for path, _ in paths}
    health = {"grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}
    assert services == health | {f"adplatform.v1.{name}" for name in ("AdServer", "FeedbackHandler", "CampaignManager")}
    assert all(len(paths) >= 3 for paths in methods.values())


@pytest.mark.parametrize("name", PROCESSES)
def test_by_token(
    secured: Secured, tokens: dict[Role, str], methods: dict[str, list[tuple[str, MethodDescriptor]]], name: str
) -> None:
    for role in (None, *Role):
        with secured.channel(name, tokens[role] if role else None) as channel:
            for path, method in methods[name]:
                known = role if name != "feedback-writer" else None  # it has no store: certificates only
                code = code_of(call(channel, path, method))
                if known in roles_for(path):
                    assert code not in REFUSED, (name, role, path, code)
                else:
                    assert code == ("PERMISSION_DENIED" if known else "UNAUTHENTICATED"), (name, role, path)


@pytest.mark.parametrize("name", PROCESSES)
def test_by_certificate(secured: Secured, methods: dict[str, list[tuple[str, MethodDescriptor]]], name: str) -> None:
    for certificate in CERTIFICATES:
        with secured.channel(name, certificate=certificate) as channel:
            for path, method in methods[name]:
                code = code_of(call(channel, path, method))
                if SERVICE_ROLES.get(certificate) in roles_for(path):
                    assert code not in REFUSED, (name, certificate, path, code)
                else:
                    assert code == "PERMISSION_DENIED", (name, certificate, path)


def test_anyone_may_ask_for_health_and_nothing_else(
    methods: dict[str, list[tuple[str, MethodDescriptor]]],
) -> None:
    open_to_anyone = {path for paths in methods.values() for path, _ in paths if roles_for(path) is ANYONE}
    assert open_to_anyone == {"/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"}


def test_a_refusal_says_and_takes_the_same_whether_or_not_the_thing_exists(
    secured: Secured, tokens: dict[Role, str]
) -> None:
    with secured.manager(tokens[Role.OPERATOR]) as manager:
        known = manager.CreateCampaign(new_campaign(), timeout=CALL_S).campaign_id
        await_campaign(manager, known)
    get = "/adplatform.v1.CampaignManager/GetCampaign"

    def asking(channel: grpc.Channel, campaign_id: str) -> Callable[[], Any]:
        request = b"\x0a" + bytes([len(campaign_id)]) + campaign_id.encode()
        return lambda: channel.unary_unary(get)(request, timeout=CALL_S)

    for token in (tokens[Role.APP], "adp_000000000000_x", None):
        with secured.channel("ad-manager", token) as channel:
            calls = [asking(channel, known), asking(channel, "0" * len(known))]
            assert refusal(calls[0]) == refusal(calls[1])
            there, missing = median_seconds(calls, 150)
            assert there / missing == pytest.approx(1.0, rel=0.25)


def test_a_wrong_token_takes_as_long_as_an_unknown_one(secured: Secured, tokens: dict[Role, str]) -> None:
    app = tokens[Role.APP]
    wrong = (f"{app[:-4]}AAAA", "adp_000000000000_" + app[17:], "x")
    channels = [secured.channel("adserver", token) for token in wrong]
    calls: list[Callable[[], Any]] = [
        lambda channel=channel: channel.unary_unary("/adplatform.v1.AdServer/ServeAd")(b"", timeout=CALL_S)  # type: ignore[misc]
        for channel in channels
    ]
    assert len({refusal(each) for each in calls}) == 1
    times = median_seconds(calls, 150)
    assert max(times) / min(times) < 1.25
    for channel in channels:
        channel.close()
