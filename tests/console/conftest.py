"""A browser, and the platforms that it looks at: one with campaigns for most tests, others for those who need them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from audience import watch
from playwright.sync_api import Browser, Page, sync_playwright
from running import Running, until

from simulator.users import build_users
from simulator.users_store import load_users

CHROMIUM = "/usr/bin/chromium"
LIVELY = "Lively"
"""The city of a campaign that was seen, clicked and bought from, on the platform of most tests."""
STRANGE = "Ünïcode 🧸🎁 <script>document.title='broken in'</script> & \"quotes\" " + "long" * 80


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.console)


@pytest.fixture(scope="module")  # while it is open, its event loop is in this thread: no later test could run one
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.fail("these tests look at the pages with Debian's Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The platform with some campaigns, one of them strange, and users; each test uses campaigns of its own."""
    platform = Running(tmp_path_factory.mktemp("running"))
    load_users(platform.engine, build_users(300, seed=1))
    try:
        platform.start()
        platform.strange_id = platform.create(
            text=STRANGE, category="Très long 🎈 " + "category " * 20, keywords="k" * 500
        )
        for number in range(3):
            platform.create(text=f"Campaign {number}", category=f"Category {number}")
        platform.lively_id = platform.create(text="Seen, clicked, bought", city=LIVELY, budget_nanos=2 * 10**9)
        watch(platform.page, LIVELY, 40)
        until("the archive", lambda: platform.lively_id in platform.read("/bill.csv"), 30)
        yield platform
    finally:
        platform.close()


@pytest.fixture
def page(browser: Browser, running: Running) -> Iterator[Page]:
    """A page on the platform; a script that fails, or is refused by the policy, fails the test."""
    context = browser.new_context(base_url=running.page, viewport={"width": 1200, "height": 900})
    context.set_default_timeout(15_000)
    opened = context.new_page()
    problems = watched(opened)
    yield opened
    context.close()
    assert problems == []


def watched(page: Page) -> list[str]:
    """Returns the list that a page's problems come into."""
    problems: list[str] = []
    page.on("pageerror", lambda problem: problems.append(str(problem)))
    page.on("console", lambda said: problems.append(said.text) if "Content Security Policy" in said.text else None)
    return problems
