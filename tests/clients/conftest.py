"""The example programs and the printed commands, on live servers."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from printed import BIN, ROOT
from programs import BUILD_S, LANGUAGES, TOOLS, Builds, Language, Program, copied, demand

sys.path += [str(ROOT / "tests" / "e2e"), str(ROOT / "tests" / "e2e" / "identity")]

from campaigns import Advertiser, command_value
from mesh import Backend, Mesh, allowed_s


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.clients)
            item.add_marker(pytest.mark.timeout(900))  # the first test waits for downloads


@pytest.fixture(scope="session")
def threads() -> Iterator[ThreadPoolExecutor]:
    """What builds run on, all at once: most of their time is spent waiting for downloads."""
    with ThreadPoolExecutor(len(LANGUAGES) + 1) as pool:
        yield pool


@pytest.fixture(scope="session")
def installing(threads: ThreadPoolExecutor) -> "Future[str]":
    """`make tools` under way; in the end, what is wrong with it. Where Go or Node is missing, nothing is done."""

    def install() -> str:
        if TOOLS.missing():
            return ""
        with (ROOT / ".venv" / "tools.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            command = ["make", "--no-print-directory", "-C", str(ROOT), "tools"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_S, check=False)
        return f"{done.stdout}{done.stderr}" if done.returncode else ""

    return threads.submit(install)


@pytest.fixture(scope="session")
def tools(installing: "Future[str]") -> Path:
    """The folder of buf, grpcurl and ghz."""
    demand(TOOLS)
    if problem := installing.result():
        pytest.fail(f"make tools: {problem}", pytrace=False)
    return BIN


@pytest.fixture(scope="session")
def builds(
    threads: ThreadPoolExecutor, installing: "Future[str]", tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Builds]:
    """The builds under way."""
    clients = copied(tmp_path_factory.mktemp("checkout"))
    programs = {language.folder: Program.read(clients / language.folder) for language in LANGUAGES}

    def build(language: Language) -> Program:
        if language.needs_tools:
            installing.result()
        return programs[language.folder].make()

    yield {language.folder: threads.submit(build, language) for language in LANGUAGES if not language.missing()}
    for program in programs.values():
        program.close()


@pytest.fixture(scope="session", params=LANGUAGES, ids=lambda language: language.folder)
def program(request: pytest.FixtureRequest, builds: Builds) -> Program:
    """The client in each language."""
    return built(builds, request.param)


@pytest.fixture(scope="session")
def programs(builds: Builds) -> dict[str, Program]:
    """The clients in all languages that can be built here, by the folder's name; with CI=true in all."""
    everywhere = os.environ.get("CI") == "true"
    return {language.folder: built(builds, language) for language in LANGUAGES if everywhere or not language.missing()}


def built(builds: Builds, language: Language) -> Program:
    """Waits for a build."""
    demand(language)
    return builds[language.folder].result()


@pytest.fixture(scope="session")
def mesh(builds: Builds, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """A platform that runs; every test has a city of its own."""
    folder = tmp_path_factory.mktemp("mesh")
    running = Mesh(folder, Backend.embedded(folder), {})
    try:
        running.start()
        yield running
    finally:
        running.close()


@pytest.fixture(scope="session")
def mumbai(mesh: Mesh) -> Advertiser:
    """A campaign in the city that the documentation uses."""
    mesh.publish_commands([command_value("mumbai", target_city="Mumbai")])
    mesh.settle_commands()
    advertiser = Advertiser(mesh, "mumbai", "Mumbai")
    advertiser.serve_soon(allowed_s(2.0))
    return advertiser


@pytest.fixture
def servers(mesh: Mesh) -> dict[str, str]:
    """The settings by which a client finds the platform."""
    return {
        "AD_SERVER": mesh.address("adserver"),
        "FEEDBACK_HANDLER": mesh.address("feedback-handler"),
        "AD_MANAGER": mesh.address("ad-manager"),
    }
