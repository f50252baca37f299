"""API tokens in the store."""

import pytest
from sqlalchemy import LargeBinary, cast, select
from store_cases import NOW_US, Store
from test_store_texts import HOSTILE

from marketplace.api_token import StoredToken, digest_of, id_of, new_token
from marketplace.permissions import Role
from marketplace.runtime.store.schema import api_tokens
from marketplace.runtime.store.tokens import SqlTokens


def kept(token: str, **more: object) -> StoredToken:
    return StoredToken(token_id=id_of(token), digest=digest_of(token), role=Role.APP, created_us=NOW_US, **more)  # type: ignore[arg-type]


def test_a_token_is_kept_and_revoked_for_good(store: Store) -> None:
    tokens = SqlTokens(store.engine)
    one, other = kept(new_token()), kept(new_token(), expires_us=NOW_US + 5)
    before = tokens.version()
    tokens.add(one)
    tokens.add(other)
    assert tokens.version() == before + 2
    assert {token.token_id: token for token in tokens.unrevoked()} == {one.token_id: one, other.token_id: other}
    assert tokens.revoke(one.token_id, NOW_US + 1)
    assert tokens.version() == before + 3
    assert tokens.revoke(one.token_id, NOW_US + 2), "a second time is harmless"
    assert tokens.version() == before + 3
    assert list(tokens.unrevoked()) == [other]
    assert {token.revoked_us for token in tokens.all()} == {None, NOW_US + 1}
    assert not tokens.revoke("0" * 12, NOW_US)


def test_adding_one_twice_is_adding_it_once(store: Store) -> None:
    tokens, token = SqlTokens(store.engine), kept(new_token())
    tokens.add(token)
    tokens.add(token)  # as after a commit whose answer was lost
    assert list(tokens.all()) == [token]


def test_the_store_holds_no_token(store: Store) -> None:
    token = new_token()
    SqlTokens(store.engine).add(kept(token, note="n"))
    columns = [cast(column, LargeBinary) for column in api_tokens.c]
    (row,) = store.rows(select(*columns))
    secret = token.split("_", 2)[2].encode()
    assert not [value for value in row if value and secret in bytes(value)]


@pytest.mark.parametrize("words", HOSTILE, ids=range(len(HOSTILE)))
def test_any_text_in_any_field(store: Store, words: str) -> None:
    tokens, token = SqlTokens(store.engine), kept(new_token(), account=words, note=words)
    tokens.add(token)
    assert list(tokens.all()) == [token]
    assert not tokens.revoke(words, NOW_US)
    assert list(tokens.unrevoked()) == [token]
