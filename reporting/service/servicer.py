"""Reporting over gRPC. Store and archive are asked in threads, a few at a time: their drivers block."""

import asyncio
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Final

from adplatform.v1 import reporting_pb2 as pb
from adplatform.v1 import reporting_pb2_grpc as pb_grpc
from sqlalchemy import Engine

from marketplace.campaign_wire import campaign_to_proto, timestamp
from marketplace.clock import Clock
from marketplace.errors import FailedPrecondition, InvalidArgument, PermissionDenied
from marketplace.permissions import Role
from marketplace.runtime.callers import account_of_caller, current
from marketplace.slots import SlotGrid
from reporting.reports import REPORTS
from reporting.service import books_wire, ledger, views_wire, wire
from reporting.service.bill_wire import Part, bill_to_proto, compared, comparison_to_proto
from reporting.service.books import MADE_ANEW, Books, Kept
from reporting.service.figures import AuctionFigures
from reporting.service.health import HealthWatch
from reporting.service.history import read_history
from reporting.service.pages import known, named_token, number_token, page_size, within
from reporting.service.reading import Reader
from reporting.service.sample import Sample
from reporting.service.search import Wanted, search
from reporting.service.traffic import Traffic
from reporting.service.views import Views

_MAKING_S: Final = 25.0
_MAX_QUERY: Final = 200
_MAX_NAME: Final = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What the calls are answered from."""

    engine: Engine
    views: Views
    books: Books
    traffic: Traffic
    sample: Sample
    auctions: AuctionFigures
    health: HealthWatch
    grid: SlotGrid
    zone: tzinfo
    currency: str
    clock: Clock


class ReportingServicer(pb_grpc.ReportingServicer):
    """See protos/adplatform/v1/reporting.proto."""

    def __init__(self, sources: Sources) -> None:
        self._from = sources
        self._read = Reader()

    async def GetOverview(self, request: pb.GetOverviewRequest, context: Any) -> pb.GetOverviewResponse:  # noqa: N802
        """Tells what is going on."""
        account = account_of_caller()
        standing, checked = await asyncio.gather(
            self._read(self._from.views.standing, account), self._from.health.check()
        )
        now_us = self._from.clock()
        response = pb.GetOverviewResponse(as_of_time=timestamp(now_us), currency=self._from.currency)
        wire.put_standing(standing, response)
        if account is None:
            response.minutes.extend(map(wire.minute_to_proto, self._from.traffic.hour(now_us)))
            response.processes.extend(map(wire.health_to_proto, checked))
            for outcome, count in (self._from.auctions.last_minute() or {}).items():
                response.auctions.add(outcome=outcome, auctions=count)
        return response

    async def SearchCampaigns(  # noqa: N802
        self, request: pb.SearchCampaignsRequest, context: Any
    ) -> pb.SearchCampaignsResponse:
        """Finds campaigns."""
        within("query", len(request.query), 0, _MAX_QUERY)
        for name in ("category", "device", "city", "account"):
            within(name, len(getattr(request, name)), 0, _MAX_NAME)
        wanted = Wanted(
            query=request.query,
            phase=known("phase", request.phase, wire.PHASES),
            category=request.category,
            device=request.device,
            city=request.city,
            account=_own(request.account),
        )
        order = known("order", request.order, wire.ORDERS)
        descending = request.descending or request.order == pb.CAMPAIGN_ORDER_UNSPECIFIED
        size, skip = page_size(request.page_size, 50, 200), within("skip", request.skip, 0, 1_000_000)
        now_us = self._from.clock()
        found, total = await self._read(search, self._from.engine, wanted, order, descending, skip, size, now_us)
        return pb.SearchCampaignsResponse(campaigns=map(campaign_to_proto, found), total_size=total)

    async def ListChoices(self, request: pb.ListChoicesRequest, context: Any) -> pb.ListChoicesResponse:  # noqa: N802
        """Lists values to choose from."""
        return views_wire.choices_to_proto(await self._read(self._from.views.choices, account_of_caller()))

    async def EstimateCampaign(  # noqa: N802
        self, request: pb.EstimateCampaignRequest, context: Any
    ) -> pb.EstimateCampaignResponse:
        """Estimates what a campaign may expect."""
        estimate = await self._read(self._from.views.estimate, views_wire.plan_of(request))
        return views_wire.estimate_to_proto(estimate, self._from.grid.length_us)

    async def GetCampaignSeries(  # noqa: N802
        self, request: pb.GetCampaignSeriesRequest, context: Any
    ) -> pb.GetCampaignSeriesResponse:
        """Reads a campaign's course."""
        points = within("max_points", request.max_points, 0, 1_000) or 200
        start, end = (
            wire.micros(getattr(request, name), name) if request.HasField(name) else None
            for name in ("start_time", "end_time")
        )
        if start is not None and end is not None and end <= start:
            raise InvalidArgument("is not after start_time", "end_time")
        await self._check(request.campaign_id)
        series = await self._read(self._from.views.series, request.campaign_id, start, end, points)
        share = await self._read(self._from.views.share, request.campaign_id)
        return views_wire.series_to_proto(series, share, self._from.sample.per_million)

    async def ListCharges(self, request: pb.ListChargesRequest, context: Any) -> pb.ListChargesResponse:  # noqa: N802
        """Lists a campaign's charges."""
        size, below = page_size(request.page_size, 50, 500), number_token(request.page_token)
        await self._check(request.campaign_id)
        lines = await self._read(ledger.newest_lines, self._from.engine, request.campaign_id, below, size + 1)
        token = str(lines[size - 1].event_seq) if len(lines) > size else ""
        account = await self._read(ledger.account, self._from.engine, request.campaign_id)
        return pb.ListChargesResponse(
            charges=map(wire.charge_to_proto, lines[:size]),
            next_page_token=token,
            purged_seq=account.purged_seq if account else 0,
        )

    async def ListCommands(self, request: pb.ListCommandsRequest, context: Any) -> pb.ListCommandsResponse:  # noqa: N802
        """Lists a campaign's commands."""
        size = page_size(request.page_size, 100, 500)
        if account_of_caller() is not None:
            await self._check(request.campaign_id)
        entries = await self._read(read_history, self._from.engine, request.campaign_id, size)
        return pb.ListCommandsResponse(commands=map(wire.command_to_proto, entries))

    async def GetBill(self, request: pb.GetBillRequest, context: Any) -> pb.GetBillResponse:  # noqa: N802
        """Makes the bill of a period."""
        size = page_size(request.page_size, 1_000, 5_000)
        name, start = named_token(request.page_token)
        kept = await self._kept(name, request)
        part = Part(_own(request.account), request.campaign_id, start, size)
        period = kept.statement.period
        open_ended = period.start is None and period.end is None
        owed = await self._read(ledger.total, self._from.engine, part.account, part.campaign_id) if open_ended else 0
        response = await self._read(bill_to_proto, kept, part, owed)
        if request.compare_ledger:
            read_at, held = await self._read(self._from.books.held, kept.name, _MAKING_S, deadline_s=_MAKING_S)
            response.ledger.CopyFrom(comparison_to_proto(read_at, await self._read(compared, kept, part, held)))
        return response

    async def GetReport(self, request: pb.GetReportRequest, context: Any) -> pb.GetReportResponse:  # noqa: N802
        """Makes a report."""
        number = within("number", request.number, 1, len(REPORTS))
        limit = within("max_rows", request.max_rows, 0, 5_000) or 500
        by = known("grouping", request.grouping, books_wire.GROUPINGS)
        period = books_wire.period_of(request.period, self._from.zone)
        kept = await self._read(self._from.books.statement, period, by, _MAKING_S, deadline_s=_MAKING_S)
        statement = kept.statement
        response = pb.GetReportResponse(
            as_of_time=wire.moment(statement.made_at), period=period.describe(), currency=statement.currency
        )
        books_wire.put_report(statement.reports[number - 1], limit, response)
        return response

    async def GetReconciliation(  # noqa: N802
        self, request: pb.GetReconciliationRequest, context: Any
    ) -> pb.GetReconciliationResponse:
        """Compares the archive with the ledger."""
        made_at, summary = await self._read(self._from.books.reconciliation, _MAKING_S, deadline_s=_MAKING_S)
        return books_wire.reconciliation_to_proto(made_at, summary, self._from.currency)

    async def DrawUsers(self, request: pb.DrawUsersRequest, context: Any) -> pb.DrawUsersResponse:  # noqa: N802
        """Draws known users."""
        drawn = await self._read(self._from.views.draw_users, within("count", request.count, 0, 100) or 1)
        return pb.DrawUsersResponse(users=(views_wire.user_to_proto(*user) for user in drawn))

    async def GetCaller(self, request: pb.GetCallerRequest, context: Any) -> pb.GetCallerResponse:  # noqa: N802
        """Tells who calls."""
        caller = current.get()
        if caller is None or caller.role is None:
            return pb.GetCallerResponse(role=Role.OPERATOR.value)
        return pb.GetCallerResponse(name=caller.name, role=caller.role.value, account=caller.account or "")

    def close(self) -> None:
        """Lets go of the reads that are going on."""
        self._read.close()

    async def _check(self, campaign_id: str) -> None:
        await self._read(self._from.views.check_account, campaign_id, account_of_caller())

    async def _kept(self, name: str, request: pb.GetBillRequest) -> Kept:
        if not name:
            period = books_wire.period_of(request.period, self._from.zone)
            by = books_wire.GROUPINGS[pb.GROUPING_USER]
            return await self._read(self._from.books.statement, period, by, _MAKING_S, deadline_s=_MAKING_S)
        kept = self._from.books.named(name)
        if kept is None:
            raise FailedPrecondition(MADE_ANEW)
        return kept


def _own(asked: str) -> str:
    """Returns the account to look at: the asked one, or the caller's if it is limited to one; empty: all."""
    account = account_of_caller()
    if account is None:
        return asked
    if asked not in ("", account):
        raise PermissionDenied
    return account
