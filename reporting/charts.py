"""Bar charts as SVG that takes its colours and font from the page around it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Final

from markupsafe import Markup, escape
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

_WIDTH: Final = 380
_ROW: Final = 38
_FONT_SIZE: Final = 12.5
_LABEL_CHARACTERS: Final = 40
_POINTS_PER_INCH: Final = 72
# Matplotlib knows no CSS variables, so it draws in these colours and the page's own are put in their place.
_COLOURS: Final = {"#010101": "var(--ink)", "#020202": "var(--track)", "#030303": "var(--bar)"}
_INK, _TRACK, _BAR = _COLOURS


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: `share` of the full width (0 to 1), and the value as people read it."""

    label: str
    share: float
    value: str


def bar_chart(title: str, bars: Sequence[Bar]) -> Markup:
    """Draws horizontal bars, each under its label, and returns an `<svg>` element to put into a page."""
    height = _ROW * len(bars)
    figure = Figure(figsize=(_WIDTH / _POINTS_PER_INCH, height / _POINTS_PER_INCH), dpi=_POINTS_PER_INCH)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, _WIDTH), ylim=(height, 0))
    axes.set_axis_off()
    for place, bar in enumerate(bars):
        top = place * _ROW
        # Names are put in afterwards: matplotlib would read formulas in them and miss the glyphs of its own font.
        axes.text(0, top + 15, f"label-{place}", color=_INK, fontsize=_FONT_SIZE)
        axes.text(_WIDTH, top + 15, f"value-{place}", color=_INK, fontsize=_FONT_SIZE, ha="right")
        axes.add_patch(_strip(top + 22, _WIDTH, _TRACK))
        if bar.share > 0:
            axes.add_patch(_strip(top + 22, max(8, bar.share * _WIDTH), _BAR))
    return _for_page(_draw(figure), title, bars)


def _strip(top: float, width: float, colour: str) -> FancyBboxPatch:
    return FancyBboxPatch((0, top), width, 8, boxstyle="round,pad=0,rounding_size=4", facecolor=colour, linewidth=0)


def _draw(figure: Figure) -> str:
    target = StringIO()
    unsigned = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with rc_context({"svg.fonttype": "none"}):
        figure.savefig(target, format="svg", transparent=True, metadata=unsigned)
    return target.getvalue()


def _for_page(drawn: str, title: str, bars: Sequence[Bar]) -> Markup:
    """Leaves of a drawn file what belongs into a page: no prologue, no style sheet, no ids that two charts share."""
    body = drawn[drawn.index("<g ") : drawn.rindex("</svg>")]
    body = re.sub(r"<defs>.*?</defs>", "", body, flags=re.DOTALL)
    body = re.sub(r' (?:id|clip-path|transform)="[^"]*"', "", body)
    body = re.sub(r"font-family: [^;]*; ", "", body)
    for drawn_colour, colour in _COLOURS.items():
        body = body.replace(drawn_colour, colour)
    names = {f"label-{place}": _shorten(bar.label) for place, bar in enumerate(bars)}
    names |= {f"value-{place}": bar.value for place, bar in enumerate(bars)}
    body = re.sub(r"(?<=>)(?:label|value)-\d+(?=<)", lambda match: escape(names[match[0]]), body)
    spoken = escape("; ".join([title, *(f"{bar.label}: {bar.value}" for bar in bars)]))
    opening = f'<svg class="chart" viewBox="0 0 {_WIDTH} {_ROW * len(bars)}" role="img" aria-label="{spoken}">'
    return Markup(f"{opening}{body}</svg>")  # drawn here, and every name in it is escaped


def _shorten(label: str) -> str:
    return label if len(label) <= _LABEL_CHARACTERS else f"{label[: _LABEL_CHARACTERS - 1].rstrip()}…"
