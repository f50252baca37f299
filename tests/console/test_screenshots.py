"""Pictures of every page, for people to look at: `make screenshots`. Skipped otherwise: a picture fails no test."""

import os
from pathlib import Path

import pytest
from looks import PHONE, WIDE, settled
from playwright.sync_api import Page
from running import Running
from test_every_page import PAGES

FOLDER = os.environ.get("SCREENSHOTS", "")


@pytest.mark.skipif(not FOLDER, reason="SCREENSHOTS names no folder")
@pytest.mark.parametrize("name", PAGES)
def test_pictures(name: str, page: Page, running: Running) -> None:
    PAGES[name](page, running)
    settled(page)
    page.wait_for_timeout(1_000)  # charts and estimates come by themselves
    folder = Path(FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    for size, scheme in ((WIDE, "light"), (WIDE, "dark"), (PHONE, "light")):
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.wait_for_timeout(200)
        page.screenshot(path=folder / f"{name.replace(' ', '-')}-{size['width']}-{scheme}.png", full_page=True)
