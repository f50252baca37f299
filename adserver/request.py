"""What an auction knows about the user and the place."""

from typing import NamedTuple


class Request(NamedTuple):
    """One request, in whatever spelling it came: case and surrounding space do not matter.

    Of the user: age None, gender or income empty means not known, and then only campaigns that target everyone match.
    Of the place and device: empty or `All` means that the dimension does not filter.
    """

    age: int | None = None
    gender: str = ""
    income_bucket: str = ""
    city: str = ""
    state: str = ""
    country: str = ""
    device_type: str = ""
