"""Text of others on a terminal: shown, never obeyed."""

import unicodedata
from typing import Final

_OBEYED: Final = ("Cc", "Cf", "Cs", "Zl", "Zp")  # controls, such as the one that begins a colour; those that turn lines


def printable(text: str) -> str:
    """Returns a text with the characters that a terminal would obey written out, such as \\x1b."""
    if text.isprintable():
        return text
    return "".join(
        character.encode("unicode_escape").decode() if unicodedata.category(character) in _OBEYED else character
        for character in text
    )
