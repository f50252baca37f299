"""With tokens asked for: who sees what, and what the mesh's own permissions refuse."""

from collections.abc import Iterator

import pytest
from looks import looks_fine
from playwright.sync_api import Browser, Page, expect
from running import Running, allowed_s

from marketplace.api_token import StoredToken, digest_of, id_of, new_token
from marketplace.clock import system_clock
from marketplace.permissions import Role
from marketplace.runtime.store.tokens import SqlTokens

Guarded = tuple[Running, dict[Role, str]]


def token_of(platform: Running, role: Role, account: str = "") -> str:
    token = new_token()
    SqlTokens(platform.engine).add(
        StoredToken(
            token_id=id_of(token), digest=digest_of(token), role=role, account=account, created_us=system_clock()
        )
    )
    return token


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    told = {"": {"AUTH": "tokens"}}
    platform = Running(tmp_path_factory.mktemp("guarded"), told)
    # Made before the servers start: of a later one they learn only a second later.
    tokens = {role: token_of(platform, role, "acme" if role is Role.MANAGER else "") for role in Role}
    platform.told("console", API_TOKEN=tokens[Role.APP])
    try:
        platform.start()
        yield platform, tokens
    finally:
        platform.close()


@pytest.fixture
def visitor(browser: Browser, guarded: Guarded) -> Iterator[Page]:
    context = browser.new_context(base_url=guarded[0].page)
    context.set_default_timeout(15_000)
    yield context.new_page()
    context.close()


def sign_in(page: Page, token: str) -> None:
    page.goto("/")
    expect(page.locator("h1")).to_have_text("Sign in")
    page.get_by_label("API token").fill(token)
    page.get_by_role("button", name="Sign in").click()


def create(page: Page, text: str, account: str = "") -> str:
    page.goto("/campaigns/new")
    for name, value in {"text": text, "category": "c", "cpc": "1", "cpa": "1", "budget": "1"}.items():
        page.locator(f"[name={name}]").fill(value)
    if account:
        page.get_by_label("Account").fill(account)
    page.get_by_role("button", name="Create campaign").click()
    expect(page.locator("#command")).to_contain_text("Applied")
    return page.locator(".head .code").inner_text()


def test_who_sees_what(visitor: Page, browser: Browser, guarded: Guarded) -> None:
    _, tokens = guarded
    sign_in(visitor, new_token())
    expect(visitor.locator("#token-message")).to_contain_text("does not count", timeout=allowed_s(10) * 1000)
    sign_in(visitor, tokens[Role.APP])
    expect(visitor.locator("#token-message")).to_contain_text(
        "Campaigns are for managers", timeout=allowed_s(10) * 1000
    )
    looks_fine(visitor, "sign-in with a message")
    sign_in(visitor, tokens[Role.OPERATOR])
    expect(visitor.locator("h1")).to_have_text("Overview")
    hers, his = create(visitor, "Hers", "acme"), create(visitor, "His", "rival")

    other = browser.new_context(base_url=guarded[0].page).new_page()
    sign_in(other, tokens[Role.MANAGER])
    expect(other.locator("h1")).to_have_text("Overview")
    expect(other.locator("nav").first).not_to_contain_text("Reports")
    own = create(other, "Made by acme")
    other.goto("/campaigns")
    expect(other.locator(".count")).to_have_text("2 campaigns")
    expect(other.locator("#list")).not_to_contain_text("His")
    assert other.goto(f"/campaigns/{hers}").status == 200  # type: ignore[union-attr]
    for path in (f"/campaigns/{his}", f"/campaigns/{his}/charges", f"/campaigns/{his}/commands"):
        assert other.request.get(path).status == 404, path
    for path in ("/reports/all", "/bill/reconciliation", "/demo/user.json", "/bill.csv?account=rival"):
        assert other.request.get(path).status == 403, path
    for path in ("/", "/bill", f"/campaigns/{own}"):
        other.goto(path)
        looks_fine(other, f"a manager's {path}")
    expect(other.locator(".terms")).to_contain_text("acme")
    other.get_by_role("button", name="Sign out").click()
    expect(other.locator("h1")).to_have_text("Sign in")
    other.goto(f"/campaigns/{own}")
    expect(other.locator("h1")).to_have_text("Sign in")
    other.context.close()

    visitor.goto("/demo")
    visitor.get_by_role("button", name="Show ads").click()
    expect(visitor.locator(".adplatform-ad").first).to_be_visible()
