"""Tokens in memory: who is known, and how soon one is not any more."""

import threading
from collections.abc import Sequence

import pytest

from marketplace.api_token import StoredToken, digest_of, id_of, new_token
from marketplace.errors import Unauthenticated, Unavailable
from marketplace.permissions import Role
from marketplace.runtime.token_directory import TokenDirectory


class Tokens:
    """A store of tokens in memory; counts how often all are read."""

    def __init__(self, *tokens: StoredToken) -> None:
        self.tokens = list(tokens)
        self.changes = 0
        self.reads = 0
        self.away = False

    def version(self) -> int:
        if self.away:
            raise Unavailable
        return self.changes

    def unrevoked(self) -> Sequence[StoredToken]:
        self.reads += 1
        return list(self.tokens)

    def remove(self, index: int) -> None:
        del self.tokens[index]
        self.changes += 1


APP, MANAGER = new_token(), new_token()


def stored(token: str, role: Role, account: str = "", expires_us: int | None = None) -> StoredToken:
    return StoredToken(
        token_id=id_of(token), digest=digest_of(token), role=role, account=account, expires_us=expires_us
    )


@pytest.fixture
def tokens() -> Tokens:
    return Tokens(stored(APP, Role.APP), stored(MANAGER, Role.MANAGER, "acme"))


def test_a_token_finds_its_caller(tokens: Tokens) -> None:
    directory = TokenDirectory(tokens, lambda: 0, 0)
    app, manager = (directory.caller_of(f"Bearer {token}") for token in (APP, MANAGER))
    assert app and (app.name, app.role, app.account) == (id_of(APP), Role.APP, None)
    assert manager and (manager.role, manager.account) == (Role.MANAGER, "acme")
    assert directory.caller_of(f"bearer {APP}") is app, "schemes ignore case, and a caller stays the same object"


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        APP,
        f"Basic  {APP}",
        f"Bearer {APP} ",
        f"Bearer {APP}x",
        f"Bearer {APP[:-1]}",
        f"Bearer {APP[:16]}{MANAGER[16:]}",
        f"Bearer xxx_{APP[4:]}",
        f"Bearer {new_token()}",
        "Bearer é",
    ],
)
def test_anything_else_finds_nobody(tokens: Tokens, authorization: str) -> None:
    assert TokenDirectory(tokens, lambda: 0, 0).caller_of(authorization) is None


def test_tokens_are_read_again_only_when_they_change(tokens: Tokens) -> None:
    directory = TokenDirectory(tokens, lambda: 0, 0)
    for _ in range(5):
        directory.refresh()
    assert tokens.reads == 1
    new = new_token()
    tokens.tokens.append(stored(new, Role.OPERATOR))
    tokens.changes += 1
    directory.refresh()
    assert directory.caller_of(f"Bearer {new}")


def test_a_revoked_token_is_refused_on_open_streams_too(tokens: Tokens) -> None:
    directory = TokenDirectory(tokens, lambda: 0, 0)
    app, manager = (directory.caller_of(f"Bearer {token}") for token in (APP, MANAGER))
    assert app and manager
    tokens.remove(0)
    directory.refresh()
    assert directory.caller_of(f"Bearer {APP}") is None
    with pytest.raises(Unauthenticated):
        app.count()
    manager.count()
    assert directory.caller_of(f"Bearer {MANAGER}") is manager


def test_a_token_expires_though_nothing_changes_and_the_store_is_away() -> None:
    now = [0]
    tokens = Tokens(stored(APP, Role.APP, expires_us=1_000))
    directory = TokenDirectory(tokens, lambda: now[0], 0)
    assert directory.caller_of(f"Bearer {APP}")
    now[0], tokens.away = 1_000, True
    stop = threading.Event()
    thread = threading.Thread(target=directory.run, args=(stop,))
    thread.start()
    try:
        expired = threading.Event()
        for _ in range(100):
            if directory.caller_of(f"Bearer {APP}") is None:
                expired.set()
                break
            stop.wait(0.05)
        assert expired.is_set()
    finally:
        stop.set()
        thread.join(5)


def test_while_the_store_is_away_what_was_read_counts(tokens: Tokens) -> None:
    directory = TokenDirectory(tokens, lambda: 0, 0)
    tokens.away = True
    with pytest.raises(Unavailable):
        directory.refresh()
    assert directory.caller_of(f"Bearer {APP}")
