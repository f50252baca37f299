"""Keeps secrets out of what people and other programs see: logs, and the list of processes."""

import re
from collections.abc import Iterable
from typing import Final

# Up to the first @, and to one more before the path: a password may hold a / or an @ that should have been encoded.
_PASSWORD: Final = re.compile(r"(://[^:/@\s]*):[^@\s]*@(?:[^/@\s]*@)*")
_OPTION: Final = re.compile(r"([?&]\w*password=)[^&\s]+")
_SECRET_FLAGS: Final = ("--api-token",)


def hide_passwords(value: object) -> object:
    """Returns a setting's value with the passwords of a URL in it hidden."""
    return _OPTION.sub(r"\1***", _PASSWORD.sub(r"\1:***@", value)) if isinstance(value, str) else value


def secret_in(arguments: Iterable[str]) -> str | None:
    """Returns the flag of a command line that holds a secret, which the list of processes shows to everyone."""
    flag = "an argument"
    for argument in arguments:
        if argument.startswith("--"):
            flag = argument.partition("=")[0]
        if flag in _SECRET_FLAGS or hide_passwords(argument) != argument:
            return flag
    return None
