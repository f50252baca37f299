"""What others wrote, on a terminal."""

import pytest

from marketplace.runtime.printable import printable


@pytest.mark.parametrize("text", ["", "Hand-made mugs", "क्या", "[red]x[/]", "naïve – 5 €"])
def test_text_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("a\r\nb", r"a\r\nb"),
        ("\x00\x07\x9b", r"\x00\x07\x9b"),
        ("\N{RIGHT-TO-LEFT OVERRIDE}gpj", r"\u202egpj"),
        ("\N{LINE SEPARATOR}", r"\u2028"),
        ("é\x1b", r"é\x1b"),
    ],
)
def test_what_a_terminal_would_obey_is_written_out(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(shown) == shown
