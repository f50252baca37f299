"""While a service is down: each page says what is the matter, nothing typed is lost, and each part comes back."""

from collections.abc import Iterator

import pytest
from looks import WIDE, looks_fine
from playwright.sync_api import Browser, Page, expect
from running import ELSEWHERE, Running, allowed_s, fresh_platform, until


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with fresh_platform(tmp_path_factory.mktemp("down")) as platform:
        yield platform


@pytest.fixture
def visit(browser: Browser, mesh: Running) -> Iterator[Page]:
    """A page that takes the time which a call to a service takes that is not there."""
    context = browser.new_context(base_url=mesh.page)
    context.set_default_timeout(allowed_s(15) * 1000)
    expect.set_options(timeout=allowed_s(15) * 1000)
    yield context.new_page()
    expect.set_options(timeout=5_000)
    context.close()


def test_a_command_is_followed_over_an_outage(visit: Page, mesh: Running) -> None:
    campaign_id = mesh.create(text="Followed")
    visit.goto(f"/campaigns/{campaign_id}/edit")
    visit.get_by_label("Whole budget").fill("12")
    visit.route("**/commands/*", lambda route: route.abort())
    visit.get_by_role("button", name="Save changes").click()
    expect(visit.locator("#command")).to_contain_text("Sent")
    mesh.stop("ad-manager")
    visit.unroute("**/commands/*")
    problem = visit.locator(".head + .problem")
    expect(problem).to_contain_text("The ad manager does not answer")
    expect(problem).to_contain_text("It is asked again every few seconds.")
    looks_fine(visit, "a campaign while the ad manager is away")
    visit.set_viewport_size(WIDE)
    mesh.start("ad-manager")
    expect(visit.locator("#command .badge")).to_have_text("Applied")
    expect(visit.locator("#live")).to_contain_text("12.00")
    expect(visit.locator(".problem")).to_have_count(0)


def test_what_is_sent_while_the_ad_manager_is_away(visit: Page, mesh: Running) -> None:
    campaign_id = mesh.create(text="Before")
    visit.goto(f"/campaigns/{campaign_id}/edit")
    other = visit.context.new_page()
    other.goto(f"/campaigns/{campaign_id}/stop")
    mesh.stop("ad-manager")
    visit.get_by_label("Text").fill("Typed during the outage")
    visit.get_by_role("button", name="Save changes").click()
    expect(visit.locator("#form-problem")).to_contain_text("The ad manager does not answer")
    expect(visit.get_by_label("Text")).to_have_value("Typed during the outage")
    other.get_by_role("button", name="Stop it for good").click()
    expect(other.locator("h1")).to_have_text("The ad manager does not answer")
    mesh.start("ad-manager")
    visit.get_by_role("button", name="Save changes").click()
    expect(visit.locator("h1")).to_have_text("Typed during the outage")
    other.get_by_role("link", name="Try again").click()
    other.get_by_role("button", name="Stop it for good").click()
    expect(other.locator("#live .badge").first).to_have_text("Stopped")


def test_parts_come_back_with_the_reporting_service(visit: Page, mesh: Running) -> None:
    campaign_id = mesh.create()
    mesh.stop("reporting-service")
    pages = {f"/campaigns/{campaign_id}": 3, "/reports": 1}
    tabs = []
    for path, problems in pages.items():
        tab = visit.context.new_page()
        tab.goto(path)
        expect(tab.locator(".problem")).to_have_count(problems)
        tabs.append(tab)
    for path in ("/bill.csv", "/bill.pdf"):
        answer = visit.request.get(path)
        assert answer.status == 503 and "content-disposition" not in answer.headers, "no file that is none"
        assert "The reporting service does not answer" in answer.text()
    mesh.start("reporting-service")
    for tab in tabs:
        expect(tab.locator(".problem")).to_have_count(0)
        expect(tab.locator(".waiting")).to_have_count(0)
    expect(tabs[0].locator(".charges")).to_contain_text("Nothing yet")
    expect(tabs[0].locator("body")).to_contain_text("New Campaign")
    expect(tabs[1].locator("#report-1")).to_be_visible()


def test_parts_come_back_after_a_first_request_that_was_lost(visit: Page, mesh: Running) -> None:
    campaign_id = mesh.create()
    for path, parts in {f"/campaigns/{campaign_id}": "{charges,commands}", "/bill": "{ledger*,reconciliation}"}.items():
        lost = f"**{path}/{parts}"
        visit.route(lost, lambda route: route.abort())
        visit.goto(path)
        expect(visit.locator(".waiting")).to_have_count(2)
        visit.unroute(lost)
        expect(visit.locator(".waiting")).to_have_count(0)
        expect(visit.locator(".problem")).to_have_count(0)


def test_feedback_waits_for_its_handler(visit: Page, mesh: Running) -> None:
    mesh.create(text="Patience")
    visit.goto("/demo")
    visit.locator("[name=city]").fill(ELSEWHERE)
    visit.locator("[name=count]").select_option("1")
    mesh.stop("feedback-handler")
    ad = visit.locator(".adplatform-ad")
    until("an ad", lambda: visit.get_by_role("button", name="Show ads").click() or ad.count() == 1, 10)
    expect(visit.locator("#log")).to_contain_text("Sent the view of")
    expect(visit.locator("#log")).to_contain_text("No answer (UNAVAILABLE); trying again")
    expect(visit.locator("#views")).to_have_text("0")
    mesh.start("feedback-handler")
    expect(visit.locator("#views")).to_have_text("1", timeout=allowed_s(30) * 1000)


def test_pages_while_a_service_is_down(visit: Page, mesh: Running) -> None:
    campaign_id = mesh.create()
    visit.goto("/")
    mesh.stop("reporting-service")
    expect(visit.locator("#live")).to_contain_text("The reporting service does not answer")
    for path in ("/", "/campaigns", "/bill", "/reports"):
        visit.goto(path)
        expect(visit.locator("main")).to_contain_text("The reporting service does not answer")
    visit.goto(f"/campaigns/{campaign_id}")
    expect(visit.locator("#live")).to_contain_text("views, clicks and auctions are not shown")
    expect(visit.locator("h1")).to_have_text("Hand-made mugs")
    visit.goto("/campaigns/new")
    for name, value in {"text": "t", "category": "c", "cpc": "1", "cpa": "1", "budget": "1"}.items():
        visit.locator(f"[name={name}]").fill(value)
    expect(visit.locator("#estimate")).to_contain_text("The campaign can be saved all the same")
    mesh.stop("ad-manager")
    visit.get_by_role("button", name="Create campaign").click()
    expect(visit.locator("main")).to_contain_text("The ad manager does not answer")
    mesh.stop("adserver")
    visit.goto("/demo")
    visit.get_by_role("button", name="Show ads").click()
    expect(visit.locator("#log")).to_contain_text("No answer (UNAVAILABLE); trying again")
    mesh.start("ad-manager", "adserver", "reporting-service")
    expect(visit.locator(".adplatform-ad").first).to_be_visible(timeout=allowed_s(30) * 1000)
    visit.goto("/")
    expect(visit.locator("h1")).to_have_text("Overview")
