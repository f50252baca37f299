"""Sessions: how long they last, and that forms' tokens belong to one cookie."""

from console.sessions import ANYBODY, Identity, Sessions


def test_a_session_lasts_for_its_life_and_no_longer() -> None:
    now = [0.0]
    sessions = Sessions(60.0, lambda: now[0])
    who = Identity("n", "manager", "acme", "adp_secret")
    cookie = sessions.open(who)
    assert sessions.find(cookie) is who and sessions.find("other") is None
    assert "secret" not in repr(who)
    now[0] = 60.0
    assert sessions.find(cookie) is None
    sessions.close(cookie)


def test_each_session_has_a_cookie_of_its_own() -> None:
    sessions = Sessions(60.0)
    first, second = sessions.open(ANYBODY), sessions.open(ANYBODY)
    assert first != second
    sessions.close(first)
    assert sessions.find(first) is None and sessions.find(second) is ANYBODY


def test_form_tokens_are_of_one_cookie_and_one_console() -> None:
    sessions, another = Sessions(60.0), Sessions(60.0)
    token = sessions.form_token("cookie")
    assert sessions.is_form_token("cookie", token)
    assert not sessions.is_form_token("cookie2", token)
    assert not another.is_form_token("cookie", token)
    assert not sessions.is_form_token("cookie", "") and not sessions.is_form_token("cookie", "ü")


def test_so_many_sessions_and_no_more() -> None:
    sessions = Sessions(60.0)
    first = sessions.open(ANYBODY)
    for _ in range(10_000):
        last = sessions.open(ANYBODY)
    assert sessions.find(first) is None and sessions.find(last) is ANYBODY
