"""What every page must be: usable with assistive technology, in the light and in the dark, wide and on a phone."""

from typing import Any, Final, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, TimeoutError, ViewportSize, expect

PHONE: Final = ViewportSize(width=400, height=800)
WIDE: Final = ViewportSize(width=1200, height=900)
_SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
_GRAVE: Final = ("serious", "critical", "moderate")


def settled(page: Page) -> None:
    """Waits until nothing is being read any more."""
    expect(page.locator(".waiting")).to_have_count(0)


def looks_fine(page: Page, name: str) -> None:
    """Asserts it of a page as it is now. Raises AssertionError that says where and how."""
    settled(page)
    for size in (WIDE, PHONE):
        page.set_viewport_size(size)
        narrow = f"() => document.documentElement.scrollWidth <= {size['width']}"
        try:
            page.wait_for_function(narrow, timeout=5_000)  # charts follow a new width a moment later
        except TimeoutError:
            raise AssertionError(f"{name} needs sideways scrolling at {size['width']} px") from None
        for scheme in _SCHEMES:
            page.emulate_media(color_scheme=scheme)
            found = [problem for problem in _violations(page) if problem["impact"] in _GRAVE]
            said = [(each["id"], [node["target"] for node in each["nodes"]]) for each in found]
            assert said == [], (name, scheme, size["width"])


def _violations(page: Page) -> list[dict[str, Any]]:
    return list(Axe().run(page).response["violations"])
