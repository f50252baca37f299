"""`make certs`: one authority, a certificate for each service, again only when it is needed."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from stack import certs
from stack.certs import CLIENTS, SERVERS, certificate_environment, identity, issue
from stack.platform import plan

NAMES = [*SERVERS, *CLIENTS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certs")
    assert issue(folder) == NAMES
    return folder


def names_in(path: Path) -> list[str]:
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(name.value) for name in names]


def test_each_names_its_service_and_no_other(folder: Path) -> None:
    for name in NAMES:
        names = names_in(folder / f"{name}.pem")
        assert f"spiffe://adplatform/{name}" in names
        assert (name in names) == (name in SERVERS)
        assert not set(names) & (set(NAMES) - {name})


def test_only_their_owner_reads_the_keys(folder: Path) -> None:
    for path in folder.glob("*-key.pem"):
        assert path.stat().st_mode & 0o777 == 0o600
    assert not list(folder.glob(".*"))


def test_what_is_good_is_left_alone_and_what_is_not_is_issued_anew(folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert issue(tmp_path) == []
    (tmp_path / "adserver.pem").unlink()
    (tmp_path / "operator.pem").write_text("torn")
    assert issue(tmp_path) == ["adserver", "operator"]
    assert issue(tmp_path, ["ads.example.com", "10.0.0.1"]) == list(SERVERS)
    assert {"ads.example.com", "10.0.0.1"} <= set(names_in(tmp_path / "console.pem"))
    assert issue(tmp_path, ["ads.example.com"]) == []
    assert issue(tmp_path, ["ads.example.com"], renew=True) == NAMES
    assert issue(tmp_path, days=3_000) == NAMES, "of 3,000 days less than a third is left"


def test_they_end(folder: Path) -> None:
    certificate = x509.load_pem_x509_certificate((folder / "adserver.pem").read_bytes())
    assert certificate.not_valid_after_utc - datetime.now(UTC) < timedelta(days=366)


def test_others_take_them_for_good_too(folder: Path) -> None:
    strict = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    strict.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    strict.load_cert_chain(folder / "operator.pem", folder / "operator-key.pem")


def test_each_process_gets_its_own(folder: Path) -> None:
    specs = plan({"CERTS": str(folder), "X": "y"}, fixed_ports=False).specs
    for name, spec in specs.items():
        assert spec.environment.items() >= {"X": "y", **certificate_environment(folder, name)}.items()
        assert not spec.credentials.plain
    assert identity({}, "adserver") == {}
    assert all(spec.credentials.plain for spec in plan({}, fixed_ports=False).specs.values())


def test_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["certs", "--certs", str(tmp_path), "--hosts", "a.example.com, b.example.com"])
    certs.main()
    certs.main()
    told = capsys.readouterr().out.splitlines()
    assert told == [f"{tmp_path}: new {', '.join(NAMES)}", f"{tmp_path}: all good"]
