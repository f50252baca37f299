"""Calls to the platform's services, and what a page says where one fails."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import grpc
import grpc.aio
from adplatform.v1.ad_server_pb2_grpc import AdServerStub
from adplatform.v1.campaign_manager_pb2_grpc import CampaignManagerStub
from adplatform.v1.feedback_handler_pb2_grpc import FeedbackHandlerStub
from adplatform.v1.reporting_pb2_grpc import ReportingStub
from google.rpc import error_details_pb2
from grpc_status import rpc_status

CALL_S: Final = 6.0
LONG_CALL_S: Final = 30.0
_AWAY: Final = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED)
_NAMES: Final = {
    "AdServer": "ad server",
    "FeedbackHandler": "feedback handler",
    "CampaignManager": "ad manager",
    "Reporting": "reporting service",
}


@dataclass
class Refused(Exception):
    """A call that a service refused: `code` is gRPC's name; `field` is the request's, where one is at fault."""

    code: str
    message: str
    reason: str = ""
    field: str = ""
    retry_after_s: float = 0.0


@dataclass
class Away(Exception):
    """A service that does not answer; `message` is what it said, if anything."""

    service: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Mesh:
    """The services. `channels` are to be closed in the end."""

    ads: AdServerStub
    feedback: FeedbackHandlerStub
    campaigns: CampaignManagerStub
    reporting: ReportingStub
    channels: Sequence[grpc.aio.Channel]

    @classmethod
    def over(cls, connect: Callable[[str], grpc.aio.Channel], gateway: Callable[[str], grpc.aio.Channel]) -> "Mesh":
        """Opens the channels: `gateway` to ad servers and handlers, with the console's own credentials."""
        ads, feedback = gateway("adserver"), gateway("feedback-handler")
        campaigns, reporting = connect("ad-manager"), connect("reporting-service")
        return cls(
            AdServerStub(ads),
            FeedbackHandlerStub(feedback),
            CampaignManagerStub(campaigns),
            ReportingStub(reporting),
            (ads, feedback, campaigns, reporting),
        )

    async def close(self) -> None:
        """Closes the channels."""
        for channel in self.channels:
            await channel.close()


async def call(method: Any, request: Any, token: str | None = None, timeout_s: float = CALL_S) -> Any:
    """Calls a method, with a user's API token if there is one. Raises Refused or Away."""
    metadata = (("authorization", f"Bearer {token}"),) if token else None
    try:
        return await method(request, timeout=timeout_s, metadata=metadata)
    except grpc.aio.AioRpcError as problem:
        raise failure(problem, type(request).DESCRIPTOR.full_name) from None


def failure(problem: grpc.aio.AioRpcError, request_name: str = "") -> Refused | Away:
    """Reads a failed call."""
    message = problem.details() or ""
    status = rpc_status.from_call(problem)  # type: ignore[arg-type]  # made for the other API, and does for this one
    if problem.code() in _AWAY:
        return Away(_service_of(request_name), message if status else "")
    refused = Refused(problem.code().name, message)
    for detail in status.details if status else ():
        info, bad, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
        if detail.Unpack(info):
            refused.reason = info.reason
        elif detail.Unpack(bad) and bad.field_violations:
            refused.field = bad.field_violations[0].field
            refused.message = bad.field_violations[0].description
        elif detail.Unpack(retry):
            refused.retry_after_s = retry.retry_delay.ToMilliseconds() / 1_000
    return refused


_SERVICES: Final = {
    "ServeAdRequest": "AdServer",
    "SubmitFeedbackRequest": "FeedbackHandler",
    "CreateCampaignRequest": "CampaignManager",
    "UpdateCampaignRequest": "CampaignManager",
    "StopCampaignRequest": "CampaignManager",
    "GetCommandRequest": "CampaignManager",
    "GetCampaignRequest": "CampaignManager",
}


def _service_of(request_name: str) -> str:
    return _NAMES[_SERVICES.get(request_name.rpartition(".")[2], "Reporting")]
