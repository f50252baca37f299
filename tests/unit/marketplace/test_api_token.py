"""API tokens: random, recognised by their prefix, kept as a hash."""

import re
from hashlib import sha256

import pytest

from marketplace.api_token import StoredToken, digest_of, id_of, new_token, parse_id
from marketplace.permissions import Role


def test_a_token_has_a_prefix_an_id_and_32_random_bytes() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == len({id_of(token) for token in tokens}) == 100
    for token in tokens:
        assert re.fullmatch(r"adp_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", token)


def test_what_is_kept_does_not_hold_it() -> None:
    token = new_token()
    kept = StoredToken(token_id=id_of(token), digest=digest_of(token), role=Role.APP)
    assert kept.digest == sha256(token.encode()).digest()
    assert token.split("_", 2)[2] not in repr(kept)


@pytest.mark.parametrize("text", ["0123456789ab", "adp_0123456789ab"])
def test_an_id_as_people_copy_it(text: str) -> None:
    assert parse_id(text) == "0123456789ab"


@pytest.mark.parametrize("text", ["", "adp_x", "0123456789AB", "0123456789abc", new_token(), "' OR 1=1 --"])
def test_what_is_no_id_is_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="id") as problem:
        parse_id(text)
    assert not text or text not in str(problem.value)


@pytest.mark.parametrize("text", ["", "adp_", "x", "Bearer", "é" * 100])
def test_what_is_no_token_has_an_id_and_a_digest_too(text: str) -> None:
    assert len(digest_of(text)) == 32
    assert isinstance(id_of(text), str)


def test_when_it_is_valid() -> None:
    token = StoredToken(token_id="a", digest=b"", role=Role.APP, expires_us=10)
    assert (token.valid_at(9), token.valid_at(10)) == (True, False)
    revoked = StoredToken(token_id="a", digest=b"", role=Role.APP, revoked_us=5)
    assert not revoked.valid_at(4)
