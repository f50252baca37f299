"""Whatever a caller says of who it is: only a token of ours, or a certificate's name, lets it in."""

import random
from collections.abc import Sequence
from typing import Final

from callers import TOKENS
from case_numbers import seeded
from grpc import StatusCode
from hostile import TEXTS, damage
from right_requests import REQUESTS
from rpcs import Rpcs

from marketplace.permissions import SERVICE_ROLES, Role, roles_for

_REFUSED: Final = (StatusCode.UNAUTHENTICATED, StatusCode.PERMISSION_DENIED)
_SCHEMES: Final = (
    "Bearer ",
    "bearer ",
    "BEARER ",
    "Bearer",
    "Bearer  ",
    " Bearer ",
    "Basic ",
    "",
    "\tBearer\t",
    "İearer ",
)
_NAMES: Final = (
    "authorization",
    "authorization",
    "authorization",
    "traceparent",
    "authorization-bin",
    "user-agent",
    "",
)
_SPIFFE: Final = "spiffe://adplatform/"


def test_no_authorization_but_a_token_of_ours_lets_anybody_in(rpcs: Rpcs) -> None:
    for rng in seeded("authorization", share=0.05):
        method = rng.choice(list(REQUESTS))
        metadata = [(rng.choice(_NAMES), _authorization(rng)) for _ in range(rng.choice((0, 1, 1, 1, 2)))]
        codes = rpcs.call_as(metadata, (), method, REQUESTS[method].SerializeToString())
        given = [value for name, value in metadata if name == "authorization"]
        role = _role_of(given[0]) if len(given) == 1 else None
        allowed = role in roles_for(f"/adplatform.v1.{method}")
        assert codes == [StatusCode.OK] if allowed else codes[0] in _REFUSED, (codes, metadata)


def test_no_certificate_but_that_of_a_known_service_lets_anybody_in(rpcs: Rpcs) -> None:
    for rng in seeded("certificates", share=0.03):
        method = rng.choice(list(REQUESTS))
        identities = [_identity(rng) for _ in range(rng.choice((0, 1, 1, 2)))]
        codes = rpcs.call_as((), identities, method, REQUESTS[method].SerializeToString())
        role = _service_of(identities)
        allowed = role is not None and role in roles_for(f"/adplatform.v1.{method}")
        assert codes == [StatusCode.OK] if allowed else codes[0] in _REFUSED, (codes, identities)


def _role_of(authorization: str) -> Role | None:
    scheme, token = authorization[:7], authorization[7:]
    return next((role for role, known in TOKENS.items() if scheme.lower() == "bearer " and token == known), None)


def _service_of(identities: Sequence[bytes]) -> Role | None:
    first = identities[0] if identities else b""
    names = (name for name in SERVICE_ROLES if first == f"{_SPIFFE}{name}".encode())
    return next((SERVICE_ROLES[name] for name in names), None)


def _authorization(rng: random.Random) -> str:
    """Makes a value as gRPC hands it on: text, or what is no UTF-8 byte by byte."""
    token = rng.choice(list(TOKENS.values()))
    kind = rng.random()
    if kind < 0.2:
        return f"Bearer {token}"
    if kind < 0.35:
        return rng.choice(_SCHEMES) + token
    if kind < 0.6:
        return _as_grpc_reads(damage(rng, f"Bearer {token}".encode()))
    if kind < 0.8:
        return rng.choice(_SCHEMES) + rng.choice((*TEXTS, token[:16], token[:-1], token + "x", token.upper()))
    return _as_grpc_reads(rng.randbytes(rng.randint(0, 80)))


def _identity(rng: random.Random) -> bytes:
    """Makes an identity: gRPC hands on those that begin with spiffe:// only."""
    name = rng.choice((*SERVICE_ROLES, *TEXTS, "adserver", "operator/x", "operator\x00", "Operator"))
    whole = f"{rng.choice((_SPIFFE, _SPIFFE, _SPIFFE, 'spiffe://elsewhere/', 'spiffe://'))}{name}".encode()
    return whole if rng.random() < 0.7 else b"spiffe://" + damage(rng, whole[9:])


def _as_grpc_reads(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin1")
