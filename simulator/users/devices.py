"""What users hold in their hands: device types and user agents that browsers on them plausibly send."""

from collections.abc import Iterator
from typing import Final

# The shares in which real campaigns name a device: an Indian audience, on the phone first.
DEVICE_SHARES: Final = {
    "Android Mobile": 0.52,
    "Windows Computer": 0.31,
    "iPhone": 0.075,
    "Linux Computer": 0.06,
    "Macbook": 0.035,
}

_CHROME: Final = tuple(f"{major}.0.0.0" for major in range(118, 142))
_FIREFOX: Final = tuple(f"{major}.0" for major in range(118, 144))
_IOS: Final = ("16_7", "17_2", "17_4", "17_6", "18_0", "18_1", "18_3", "18_5")
_PHONES: Final = (
    *((10, phone) for phone in ("SM-A107F", "Redmi Note 8", "vivo 1904", "CPH1909", "RMX1911")),
    *((11, phone) for phone in ("SM-M127G", "Redmi 9A", "V2029", "CPH2185", "RMX3085")),
    *((12, phone) for phone in ("SM-A226B", "Redmi Note 10 Pro", "V2111", "CPH2269", "moto g60")),
    *((13, phone) for phone in ("SM-M336BU", "22101316I", "V2217", "CPH2465", "OnePlus Nord CE 2")),
    *((14, phone) for phone in ("SM-S911B", "23053RN02A", "V2303", "Pixel 7a", "motorola edge 40")),
)


def _webkit(system: str, browser: str, version: str = "537.36") -> str:
    return f"Mozilla/5.0 ({system}) AppleWebKit/{version} (KHTML, like Gecko) {browser}"


def _android() -> Iterator[str]:
    for release, phone in _PHONES:
        for chrome in _CHROME[-8:]:
            yield _webkit(f"Linux; Android {release}; {phone}", f"Chrome/{chrome} Mobile Safari/537.36")


def _windows() -> Iterator[str]:
    system = "Windows NT 10.0; Win64; x64"
    for chrome in _CHROME:
        yield _webkit(system, f"Chrome/{chrome} Safari/537.36")
        yield _webkit(system, f"Chrome/{chrome} Safari/537.36 Edg/{chrome}")
    for firefox in _FIREFOX:
        yield f"Mozilla/5.0 ({system}; rv:{firefox}) Gecko/20100101 Firefox/{firefox}"


def _iphone() -> Iterator[str]:
    for ios in _IOS:
        system = f"iPhone; CPU iPhone OS {ios} like Mac OS X"
        yield _webkit(system, f"Version/{ios.replace('_', '.')} Mobile/15E148 Safari/604.1", "605.1.15")
        for chrome in _CHROME[-4:]:
            yield _webkit(system, f"CriOS/{chrome} Mobile/15E148 Safari/604.1", "605.1.15")


def _linux() -> Iterator[str]:
    for firefox in _FIREFOX:
        yield f"Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:{firefox}) Gecko/20100101 Firefox/{firefox}"
    for chrome in _CHROME:
        yield _webkit("X11; Linux x86_64", f"Chrome/{chrome} Safari/537.36")


def _macbook() -> Iterator[str]:
    system = "Macintosh; Intel Mac OS X 10_15_7"
    for safari in ("16.6", "17.2", "17.4", "17.6", "18.1", "18.3"):
        yield _webkit(system, f"Version/{safari} Safari/605.1.15", "605.1.15")
    for chrome in _CHROME:
        yield _webkit(system, f"Chrome/{chrome} Safari/537.36")


USER_AGENTS: Final = {
    "Android Mobile": tuple(_android()),
    "Windows Computer": tuple(_windows()),
    "iPhone": tuple(_iphone()),
    "Linux Computer": tuple(_linux()),
    "Macbook": tuple(_macbook()),
}
