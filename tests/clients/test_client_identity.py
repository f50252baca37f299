"""The clients and the printed commands on servers with TLS that ask who calls."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest
from campaigns import command_value
from mesh import allowed_s
from printed import ROOT, blocks, paste
from programs import Builds, Program
from secured import Secured

from marketplace.permissions import Role

RATE: Final = 50
ADS: Final = RATE + 20
CITY: Final = "Mumbai"


@pytest.fixture(scope="module")
def secured(builds: Builds, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    running = Secured.begin(tmp_path_factory.mktemp("secured"), RATE_LIMIT=str(RATE))
    running.mesh.publish_commands([command_value("secured", target_city=CITY)])
    running.mesh.settle_commands()
    yield running
    running.mesh.close()


@pytest.fixture
def public(secured: Secured) -> dict[str, str]:
    """The settings by which a client from outside finds the platform; its token is missing."""
    return {
        "AD_SERVER": secured.public["adserver"],
        "FEEDBACK_HANDLER": secured.public["feedback-handler"],
        "TLS_CA": str(secured.certs / "ca.pem"),
        "CITY": CITY,
    }


def test_with_tls_and_a_token(program: Program, secured: Secured, public: Mapping[str, str], tmp_path: Path) -> None:
    done = program.run({**public, "TOKEN": secured.token(Role.APP), "COUNT": "3"}, tmp_path / "output")
    assert done.exit_code == 0, done.text
    assert len(done.told) == 6
    assert done.told.items() <= secured.mesh.ledger().items()


def test_who_asks_too_much_is_answered_later(
    program: Program, secured: Secured, public: Mapping[str, str], tmp_path: Path
) -> None:
    settings = {"TOKEN": secured.token(Role.APP), "COUNT": str(ADS), "ACTIONS": "VIEW"}
    done = program.run({**public, **settings}, tmp_path / "output")
    assert done.exit_code == 0, done.text[-2000:]
    assert done.summary == {"answers": ADS, "ads": ADS, "feedback": ADS}


def test_who_has_no_token_or_another_stops(
    program: Program, secured: Secured, public: Mapping[str, str], tmp_path: Path
) -> None:
    tokens = {
        "UNAUTHENTICATED": ("", f"adp_{'0' * 12}_{'x' * 43}"),
        "PERMISSION_DENIED": (secured.token(Role.MANAGER, "acme"),),
    }
    for reason, wrong in tokens.items():
        for token in wrong:
            done = program.run({**public, "TOKEN": token, "COUNT": "3"}, tmp_path / "output")
            assert done.exit_code == 1, done.text
            (refused,) = done.all("refused")
            assert (refused["reason"], refused["then"]) == (reason, "stop")


def test_a_token_is_not_sent_in_clear(program: Program, public: Mapping[str, str], tmp_path: Path) -> None:
    done = program.run({**public, "TLS_CA": "", "TOKEN": "adp_secret"}, tmp_path / "output")
    assert done.exit_code == 2
    assert "TOKEN needs TLS_CA" in done.text
    assert "adp_secret" not in done.text


def test_the_commands_with_tls_and_a_token(secured: Secured, public: Mapping[str, str], tools: Path) -> None:
    *_, block = blocks(ROOT / "clients" / "README.md")
    printed = paste(block, ROOT, {**public, "TOKEN": secured.token(Role.APP)}, allowed_s(60.0))
    assert '"receipt": ' in printed
    assert "[OK]   20 responses" in printed
