"""Secrets in URLs and flags."""

import pytest

from marketplace.runtime.redaction import hide_passwords, secret_in
from marketplace.runtime.settings import StoreSettings, parse_settings

SECRET = "gehe!m"


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://user:{SECRET}@host:3306/database?ssl_ca=/ca.pem",
        f"mysql://user:a/{SECRET}@host/database",
        f"mysql://user:a@{SECRET}@host/database",
        f"kafka://user:{SECRET}@one:9092,two:9092?security_protocol=SASL_SSL",
        f"kafka://one:9092?ssl_password={SECRET}&ssl_cafile=/ca.pem",
        f"hive://:{SECRET}@host:10000/default?files=file:///x",
    ],
)
def test_a_password_is_hidden_and_refused_as_a_flag(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    hidden = str(hide_passwords(url))
    assert SECRET not in hidden
    assert "***" in hidden
    for arguments in (["--store-url", url], [f"--store-url={url}"]):
        assert secret_in(arguments) == "--store-url"
        with pytest.raises(SystemExit) as ended:
            parse_settings(StoreSettings, "program", arguments)
        assert ended.value.code == 2
        told = capsys.readouterr().err
        assert "--store-url" in told
        assert SECRET not in told


@pytest.mark.parametrize(
    "value",
    ["sqlite:////var/store.db", "mysql://host/database", "mysql://user@host/db", "kafka://a:1,b:2", "a@b", "10:20", 7],
)
def test_what_holds_none_stays_as_it_is(value: object) -> None:
    assert hide_passwords(value) == value
    assert secret_in(["--x", str(value)]) is None


@pytest.mark.parametrize("arguments", [["--api-token", "adp_x"], ["--api-token=adp_x"]])
def test_a_token_is_no_flag(arguments: list[str]) -> None:
    assert secret_in(arguments) == "--api-token"
    assert secret_in(["--api-token-file", "/run/token"]) is None
