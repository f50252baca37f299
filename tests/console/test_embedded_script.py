"""The script in another site's page: small, patient, safe to repeat, and out of the page's way."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from running import Running, until

SCRIPT = Path(__file__).parents[2] / "console/static/ads.js"
CITY = "Embedded city"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, str]]:
    """A platform that takes calls from a shop's pages, and the shop."""
    folder = tmp_path_factory.mktemp("shop")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    site = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    state = tmp_path_factory.mktemp("embedded")
    platform = Running(state, {"console": {"EMBED_ORIGINS": site}})
    (folder / "index.html").write_text(
        f"<!doctype html><script src='{platform.page}/ads.js' data-city='{CITY}' async></script>"
        "<p style='height:1500px'>Far down</p><div data-ad data-href='/bought.html'></div>"
    )
    (folder / "bought.html").write_text(
        f"<!doctype html><script src='{platform.page}/ads.js' data-manual></script><h1>Bought</h1>"
        "<script>addEventListener('load', () => adplatform.acquired())</script>"
    )
    try:
        platform.start()
        platform.create(city=CITY)
        yield platform, site
    finally:
        platform.close()
        server.shutdown()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


def test_it_is_small() -> None:
    assert len(SCRIPT.read_bytes()) < 5_000


def test_from_the_ad_to_the_purchase_on_another_site(visit: Page, shop: tuple[Running, str]) -> None:
    _, site = shop
    feedback: list[str] = []
    visit.context.on(
        "request", lambda sent: feedback.append(sent.post_data or "") if sent.url.endswith("/v1/feedback") else None
    )
    visit.goto(site)
    ad = visit.locator(".adplatform-ad")
    expect(ad).to_be_attached()
    assert feedback == [], "an ad that nobody sees is no view"
    with visit.expect_response("**/v1/feedback") as viewed:
        ad.scroll_into_view_if_needed()
    assert viewed.value.json().get("charged_nanos") is None and "ACTION_VIEW" in feedback[0]
    with visit.expect_response(lambda answer: "ACTION_ACQUISITION" in (answer.request.post_data or "")) as bought:
        ad.click()
    expect(visit.locator("h1")).to_have_text("Bought")
    assert int(bought.value.json()["charged_nanos"]) in (39_000_000, 40_000_000)
    assert any("ACTION_CLICK" in sent for sent in feedback)


def test_what_is_lost_is_sent_again_and_charged_once(visit: Page, shop: tuple[Running, str]) -> None:
    _, site = shop
    tries = {"ads": 0, "feedback": 0}

    def lose(route: Route) -> None:
        name = route.request.url.rpartition("/")[2]
        tries[name] += 1
        if tries[name] == 1:
            route.abort()
        elif tries[name] == 2:
            route.fetch()  # it arrives, and the answer is lost
            route.abort()
        else:
            route.continue_()

    visit.route("**/v1/*", lose)
    visit.goto(site)
    ad = visit.locator(".adplatform-ad")
    expect(ad).to_be_attached()
    with visit.expect_response("**/v1/feedback") as viewed:
        ad.scroll_into_view_if_needed()
    assert viewed.value.json()["repeat"] is True, "the second try had arrived"
    assert tries == {"ads": 3, "feedback": 3}


def test_a_page_that_was_hidden_counts_its_views_when_it_is_seen_again(visit: Page, shop: tuple[Running, str]) -> None:
    """Half a second in sight, a time hidden, and then a whole second in sight."""
    _, site = shop
    sent: list[str] = []
    visit.on("request", lambda each: sent.append(each.post_data or "") if each.url.endswith("/feedback") else None)
    visit.add_init_script(
        "let away = false; Object.defineProperty(document, 'hidden', { get: () => away });"
        "window.hide = (value) => { away = value; document.dispatchEvent(new Event('visibilitychange')); };"
    )
    visit.goto(site)
    ad = visit.locator(".adplatform-ad")
    expect(ad).to_be_attached()
    ad.scroll_into_view_if_needed()
    visit.evaluate("hide(true)")
    visit.wait_for_timeout(1_600)  # its second is over
    assert sent == [], "nobody sees a hidden page"
    with visit.expect_response("**/v1/feedback"):
        visit.evaluate("hide(false)")
    visit.evaluate("hide(true)")
    visit.evaluate("hide(false)")
    visit.wait_for_timeout(1_300)
    assert len(sent) == 1 and "ACTION_VIEW" in sent[0]


def test_a_gateway_that_hangs_keeps_no_page_from_loading(visit: Page, shop: tuple[Running, str]) -> None:
    held: list[Route] = []
    visit.route("**/v1/ads", lambda route: held.append(route))  # never answered
    visit.goto(shop[1], wait_until="load", timeout=10_000)
    until("the ad asked for", lambda: bool(visit.wait_for_timeout(50) or held), 5)
    assert visit.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd") > 0
    visit.unroute("**/v1/ads")
    visit.route("**/ads.js", lambda route: held.append(route))
    visit.goto(shop[1], wait_until="domcontentloaded", timeout=10_000)
    expect(visit.locator("p")).to_have_text("Far down")


def test_a_site_that_is_not_named_gets_nothing_and_its_page_stays_whole(visit: Page, running: Running) -> None:
    problems: list[str] = []
    visit.on("pageerror", lambda problem: problems.append(str(problem)))
    visit.route(
        "http://unknown.example/",
        lambda route: route.fulfill(
            content_type="text/html",
            body=f"<script src='{running.page}/ads.js' async></script><h1>Whole</h1><div data-ad></div>",
        ),
    )
    visit.goto("http://unknown.example/")
    expect(visit.locator("h1")).to_have_text("Whole")
    expect(visit.locator(".adplatform-ad")).to_have_count(0)
    assert problems == []
