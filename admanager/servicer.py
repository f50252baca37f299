"""CampaignManager over gRPC. The store and the topic are asked in threads: their drivers block."""

import asyncio
import base64
import binascii
import math
from collections.abc import Callable
from datetime import tzinfo
from typing import Any, Final

from adplatform.v1 import campaign_manager_pb2 as pb
from adplatform.v1 import campaign_manager_pb2_grpc as pb_grpc

from admanager import wire
from admanager.commands import Verb
from admanager.ports import CampaignReads, CommandStore
from admanager.submit import Submitted, Submitter
from marketplace.campaign_wire import campaign_to_proto
from marketplace.clock import US_PER_SECOND, Clock
from marketplace.errors import InvalidArgument, NotFound
from marketplace.runtime.callers import account_of_caller

_DEFAULT_PAGE: Final = 100
_MAX_PAGE: Final = 1_000


class CampaignManagerServicer(pb_grpc.CampaignManagerServicer):
    """See protos/adplatform/v1/campaign_manager.proto."""

    def __init__(self, store: CommandStore, submitter: Submitter, zone: tzinfo, clock: Clock) -> None:
        self._store = store
        self._submitter = submitter
        self._zone = zone
        self._clock = clock

    async def CreateCampaign(self, request: pb.CreateCampaignRequest, context: Any) -> pb.CreateCampaignResponse:  # noqa: N802
        """Publishes a New Campaign command."""
        done = await self._submit(context, Verb.NEW, request, lambda: wire.spec_fields(request.campaign, self._zone))
        return pb.CreateCampaignResponse(command_id=done.command_id, campaign_id=done.campaign_id)

    async def UpdateCampaign(self, request: pb.UpdateCampaignRequest, context: Any) -> pb.UpdateCampaignResponse:  # noqa: N802
        """Publishes an Update Campaign command."""
        done = await self._submit(context, Verb.UPDATE, request, lambda: wire.change_fields(request.change, self._zone))
        return pb.UpdateCampaignResponse(command_id=done.command_id)

    async def StopCampaign(self, request: pb.StopCampaignRequest, context: Any) -> pb.StopCampaignResponse:  # noqa: N802
        """Publishes a Stop Campaign command."""
        done = await self._submit(context, Verb.STOP, request, dict)
        return pb.StopCampaignResponse(command_id=done.command_id)

    async def GetCommand(self, request: pb.GetCommandRequest, context: Any) -> pb.GetCommandResponse:  # noqa: N802
        """Tells what became of a command."""
        report = await asyncio.to_thread(self._reads().command, request.command_id)
        if report is None:
            raise NotFound(f"there is no command {request.command_id[:64]}")
        return wire.command_to_proto(request.command_id, report)

    async def GetCampaign(self, request: pb.GetCampaignRequest, context: Any) -> pb.GetCampaignResponse:  # noqa: N802
        """Reads one campaign."""
        campaign = await asyncio.to_thread(self._reads().campaign, request.campaign_id)
        if campaign is None:
            raise NotFound(f"there is no campaign {request.campaign_id[:64]}")
        return pb.GetCampaignResponse(campaign=campaign_to_proto(campaign))

    async def ListCampaigns(self, request: pb.ListCampaignsRequest, context: Any) -> pb.ListCampaignsResponse:  # noqa: N802
        """Lists campaigns, page by page."""
        if not 0 <= request.page_size <= _MAX_PAGE:
            raise InvalidArgument(f"is not between 0 and {_MAX_PAGE:,}", "page_size")
        size = request.page_size or _DEFAULT_PAGE
        wanted, after_id = wire.filter_of(request), _after_id(request.page_token)
        # one more than the page holds tells whether there is a next one
        campaigns = await asyncio.to_thread(self._reads().campaigns, wanted, after_id, size + 1)
        page, more = campaigns[:size], len(campaigns) > size
        token = base64.urlsafe_b64encode(page[-1].campaign_id.encode()).decode() if more else ""
        return pb.ListCampaignsResponse(campaigns=map(campaign_to_proto, page), next_page_token=token)

    async def _submit(self, context: Any, verb: Verb, request: Any, read: Callable[[], dict[str, Any]]) -> Submitted:
        if verb is not Verb.NEW and not request.campaign_id:
            raise InvalidArgument("is missing", "campaign_id")
        ids = {"campaign_id": request.campaign_id or None, "command_id": request.command_id or None}
        remaining_s = context.time_remaining()
        expires_us = math.inf if remaining_s is None else self._clock() + remaining_s * US_PER_SECOND
        try:
            return await asyncio.to_thread(self._submitter.submit, verb, read() | ids, expires_us, account_of_caller())
        except InvalidArgument as problem:
            raise InvalidArgument(problem.message, wire.proto_field(verb, problem.field)) from None

    def _reads(self) -> CampaignReads:
        """Returns what the caller may know."""
        account = account_of_caller()
        return self._store if account is None else self._store.of_account(account)


def _after_id(page_token: str) -> str:
    try:
        return base64.urlsafe_b64decode(page_token.encode()).decode()
    except (binascii.Error, ValueError):
        raise InvalidArgument("is not the token of a page before", "page_token") from None
