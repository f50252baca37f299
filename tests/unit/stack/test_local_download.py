"""The downloads, with stand-ins for `mvn` and `apt-get` on the PATH: what is tried here is what becomes of them."""

import os
import shutil
from pathlib import Path

import pytest

from stack.local import download, tools
from stack.local.errors import StackError

POM = "<project/>"
MAVEN = """#!/bin/sh
for argument in "$@"; do case "$argument" in -Dout=*) out=${argument#-Dout=} ;; esac; done
echo "Downloaded from central: https://host.example/maven2/a/b/a-1.jar (1.5 MB at 3 MB/s)"
touch "$out/a-1.jar"
"""


class Machine:
    """A PATH with just what a test puts on it."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.cache = folder / "cache"
        self.cache.mkdir()
        self.pom = folder / "pom.xml"
        self.pom.write_text(POM)
        self.said: list[str] = []

    def has(self, name: str, script: str = "#!/bin/sh\n") -> None:
        (self.bin / name).write_text(script)
        (self.bin / name).chmod(0o755)

    def maven(self) -> Path:
        return download.maven(self.cache, "kafka", "a broker", self.pom, self.said.append)

    def debian(self) -> Path:
        return download.debian(self.cache, "mariadb", "a database", ["some-server"], self.said.append)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tmp_path)
    for name in ("sh", "setpriv", "touch", "mkdir", "test"):
        (made.bin / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(made.bin))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(tools.importlib.util, "find_spec", lambda name: None)
    return made


def test_what_is_missing_is_named_with_what_to_install(machine: Machine) -> None:
    with pytest.raises(StackError, match=r"^mvn is missing: install maven$"):
        machine.maven()
    machine.has("mvn")
    with pytest.raises(StackError, match=r"^Java is missing: install openjdk-17-jre-headless,"):
        machine.maven()
    with pytest.raises(StackError, match=r"^apt-get is missing: install mariadb-server$"):
        machine.debian()
    assert machine.said == []


def test_a_download_is_made_once_and_told_without_addresses(machine: Machine) -> None:
    machine.has("java")
    machine.has("mvn", MAVEN)
    fetched = machine.maven()
    assert (fetched / "a-1.jar").exists()
    assert "a broker" in machine.said[0]
    assert "kafka: downloaded, 1 files, 1.5 MB" in machine.said
    assert not any("host.example" in line for line in machine.said)
    (machine.bin / "mvn").unlink()
    assert machine.maven() == fetched


def test_other_coordinates_are_another_download(machine: Machine) -> None:
    machine.has("java")
    machine.has("mvn", MAVEN)
    fetched = machine.maven()
    machine.pom.write_text("<project>other</project>")
    assert machine.maven() != fetched


def test_a_download_that_breaks_off_is_not_taken_for_a_whole_one(machine: Machine) -> None:
    machine.has("java")
    machine.has("mvn", MAVEN + "echo no network; exit 1\n")
    with pytest.raises(StackError, match=r"mvn failed \(1\): .*no network"):
        machine.maven()
    assert not any(path.is_dir() for path in machine.cache.iterdir())
    machine.has("mvn", MAVEN)
    assert (machine.maven() / "a-1.jar").exists()


def test_package_lists_that_are_out_of_date_are_renewed_by_root(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    listed = machine.cache / "lists"
    machine.has(
        "apt-get",
        f"#!/bin/sh\nif test $1 = update; then touch {listed}; exit; fi\ntest -e {listed} && touch some-server.deb\n"
        "echo 'Get:1 http://host.example/debian stable/main some-server 1.0 [3 kB]'\n test -e some-server.deb\n",
    )
    machine.has("dpkg", "#!/bin/sh\ntouch $3/unpacked\n")
    fetched = machine.debian()
    assert [path.name for path in fetched.iterdir()] == ["unpacked"]
    assert "mariadb: stable/main some-server 1.0 [3 kB]" in machine.said


def test_package_lists_that_are_out_of_date_are_told_to_anyone_else(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    machine.has("apt-get", "#!/bin/sh\nexit 100\n")
    machine.has("dpkg")
    with pytest.raises(StackError, match="sudo apt-get update"):
        machine.debian()
    assert not any(path.is_dir() for path in machine.cache.iterdir())


def test_java_is_found_by_its_home_first(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "jdk"
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "java").touch()
    machine.has("java")
    monkeypatch.setenv("JAVA_HOME", str(home))
    assert tools.java().program == str(home / "bin" / "java")
    assert tools.java().environment["JAVA_HOME"] == str(home)
