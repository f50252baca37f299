"""The table of who may call what: complete, and what is not in it is refused."""

import importlib
from collections.abc import Iterator
from pathlib import Path

import adplatform.v1
import pytest
from google.protobuf.descriptor import ServiceDescriptor

from marketplace.permissions import ANYONE, PERMISSIONS, SERVICE_ROLES, Role, roles_for

OURS = "/adplatform.v1."


def services() -> Iterator[ServiceDescriptor]:
    for folder in adplatform.v1.__path__:
        for path in sorted(Path(folder).glob("*_pb2.py")):
            module = importlib.import_module(f"adplatform.v1.{path.stem}")
            yield from module.DESCRIPTOR.services_by_name.values()


def test_every_method_of_ours_is_in_the_table_and_nothing_else() -> None:
    methods = {f"/{service.full_name}/{method.name}" for service in services() for method in service.methods}
    assert len(methods) >= 10
    assert methods == {method for method in PERMISSIONS if method.startswith(OURS)}


def test_no_method_of_ours_is_for_anyone() -> None:
    assert not [method for method in PERMISSIONS if method.startswith(OURS) and None in roles_for(method)]


@pytest.mark.parametrize(
    ("method", "allowed"),
    [
        ("AdServer/ServeAd", {Role.APP, Role.OPERATOR}),
        ("FeedbackHandler/StreamFeedback", {Role.APP, Role.OPERATOR}),
        ("FeedbackHandler/StreamFeedbackBatches", {Role.APP, Role.OPERATOR}),
        ("CampaignManager/CreateCampaign", {Role.MANAGER, Role.OPERATOR}),
        ("CampaignManager/ListCampaigns", {Role.MANAGER, Role.OPERATOR}),
        ("Reporting/GetReconciliation", {Role.OPERATOR}),
    ],
)
def test_who_may(method: str, allowed: set[Role]) -> None:
    assert roles_for(OURS + method) == allowed


def test_an_operator_may_call_everything() -> None:
    assert all(Role.OPERATOR in roles for roles in PERMISSIONS.values())


def test_health_is_for_anyone_and_what_is_unknown_for_nobody() -> None:
    assert roles_for("/grpc.health.v1.Health/Check") is ANYONE
    assert roles_for("/grpc.health.v1.Health/Watch") is ANYONE
    assert not roles_for("/grpc.health.v1.Health/List")
    assert not roles_for("/adplatform.v1.AdServer/DropAll")
    assert not roles_for("")


def test_services_that_call_nobody_have_no_role() -> None:
    assert SERVICE_ROLES == {"simulator": Role.APP, "console": Role.OPERATOR, "operator": Role.OPERATOR}
