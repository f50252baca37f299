"""The list of campaigns: searched, filtered, sorted, page by page."""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from adplatform.v1 import reporting_pb2 as pb
from starlette.requests import Request
from starlette.responses import Response

from console.site import is_part, site_of
from console.status import PHASES, status_of

PAGE_SIZE: Final = 50
_LAST_SKIP: Final = 1_000_000
_FILTERS: Final = ("q", "phase", "category", "device", "city", "account")
_ORDERS: Final = {
    "created": (pb.CAMPAIGN_ORDER_UNSPECIFIED, True),
    "text": (pb.CAMPAIGN_ORDER_TEXT, False),
    "spent": (pb.CAMPAIGN_ORDER_SPENT, True),
    "budget": (pb.CAMPAIGN_ORDER_BUDGET, True),
    "bid": (pb.CAMPAIGN_ORDER_BID, True),
    "end": (pb.CAMPAIGN_ORDER_END, False),
    "updated": (pb.CAMPAIGN_ORDER_UPDATE, True),
}
"""What a list is ordered by, and whether the greatest comes first unless asked otherwise."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for."""

    filters: dict[str, str]
    order: str
    descending: bool
    page: int

    def address(self, **changed: Any) -> str:
        """Returns the address of the same list with something changed."""
        parts: dict[str, Any] = {**self.filters, "order": self.order, "dir": "desc" if self.descending else "asc"}
        parts |= {"page": self.page, **changed}
        if parts["order"] == "created":
            parts.pop("order"), parts.pop("dir")
        if parts["page"] == 1:
            parts.pop("page")
        query = urlencode({name: value for name, value in parts.items() if value not in ("", None)})
        return f"/campaigns?{query}" if query else "/campaigns"

    def sorted_by(self, order: str) -> str:
        """Returns the address of the list in another order, or the other way round."""
        natural = _ORDERS[order][1]
        descending = not self.descending if order == self.order else natural
        return self.address(order=order, dir="desc" if descending else "asc", page=1)

    def direction(self, order: str) -> str:
        """Returns what a column's head says of the order."""
        if order != self.order:
            return "none"
        return "descending" if self.descending else "ascending"


async def campaigns(request: Request) -> Response:
    """GET /campaigns: the whole page, or the list alone where htmx asks for it."""
    site = site_of(request)
    asked = asked_of(request)
    order = _ORDERS[asked.order][0]
    message = pb.SearchCampaignsRequest(
        query=asked.filters["q"],
        phase=PHASES.get(asked.filters["phase"], pb.CAMPAIGN_PHASE_UNSPECIFIED),
        category=asked.filters["category"],
        device=asked.filters["device"],
        city=asked.filters["city"],
        account=asked.filters["account"],
        order=order,
        descending=asked.descending,
        page_size=PAGE_SIZE,
        skip=min((asked.page - 1) * PAGE_SIZE, _LAST_SKIP),
    )
    found = await site.call(request, site.mesh.reporting.SearchCampaigns, message)
    pages = max(1, -(-found.total_size // PAGE_SIZE))
    context = {
        "asked": asked,
        "found": found,
        "pages": pages,
        "filtered": any(asked.filters.values()),
        "status": lambda campaign: status_of(campaign, site.now()),
    }
    if is_part(request):
        return site.page(request, "campaigns_list.html", **context)
    choices = await site.call(request, site.mesh.reporting.ListChoices, pb.ListChoicesRequest())
    return site.page(request, "campaigns.html", active="campaigns", choices=choices, **context)


def asked_of(request: Request) -> Asked:
    """Reads the address; what makes no sense is as if it were not there."""
    query = request.query_params
    filters = {name: query.get(name, "").strip()[:200] for name in _FILTERS}
    order = query.get("order", "created")
    order = order if order in _ORDERS else "created"
    direction = query.get("dir", "")
    descending = direction == "desc" if direction in ("asc", "desc") else _ORDERS[order][1]
    page = query.get("page", "1")
    number = int(page) if page.isascii() and page.isdecimal() and len(page) < 7 else 1
    return Asked(filters, order, descending, max(1, number))
