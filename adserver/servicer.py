"""AdServer over gRPC."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from adplatform.v1 import ad_server_pb2 as pb
from adplatform.v1 import ad_server_pb2_grpc as pb_grpc

from adserver.auction import MAX_AD_COUNT
from adserver.serve import AdRequest, AdService
from marketplace.errors import InvalidArgument
from marketplace.runtime.callers import count_message
from marketplace.runtime.rpc_errors import status_of

_MAX_LENGTH: Final = 64
_TEXTS: Final = ("user_id", "device_type", "city", "state", "country")


class AdServerServicer(pb_grpc.AdServerServicer):
    """See protos/adplatform/v1/ad_server.proto."""

    def __init__(self, service: AdService, draining: asyncio.Event) -> None:
        self._service = service
        self._draining = draining

    async def ServeAd(self, request: pb.ServeAdRequest, context: Any) -> pb.ServeAdResponse:  # noqa: N802
        """Holds one auction."""
        return self._serve(request)

    async def StreamAds(  # noqa: N802
        self, request_iterator: AsyncIterator[pb.StreamAdsRequest], context: Any
    ) -> AsyncIterator[pb.StreamAdsResponse]:
        """Holds an auction for each request as it comes."""
        async for message in request_iterator:
            try:
                count_message()
                yield pb.StreamAdsResponse(sequence=message.sequence, response=self._serve(message.request))
            except Exception as error:
                yield pb.StreamAdsResponse(sequence=message.sequence, error=status_of(error))
            if self._draining.is_set():
                return  # what was read is answered; the client goes elsewhere

    def _serve(self, request: pb.ServeAdRequest) -> pb.ServeAdResponse:
        served = self._service.serve(_checked(request))
        if not served:
            live = self._service.any_live()
            self._service.counts.no_ad(live)
            reason = pb.NO_AD_REASON_NO_ELIGIBLE_CAMPAIGN if live else pb.NO_AD_REASON_NO_LIVE_CAMPAIGN
            return pb.ServeAdResponse(no_ad_reason=reason)
        return pb.ServeAdResponse(
            ads=[
                pb.Ad(
                    request_id=ad.request_id,
                    campaign_id=ad.campaign_id,
                    text=ad.text,
                    category=ad.category,
                    receipt=ad.receipt,
                )
                for ad in served
            ]
        )


def _checked(request: pb.ServeAdRequest) -> AdRequest:
    texts = (request.user_id, request.device_type, request.city, request.state, request.country)
    if max(map(len, texts)) > _MAX_LENGTH:
        name = next(name for name, text in zip(_TEXTS, texts, strict=True) if len(text) > _MAX_LENGTH)
        raise InvalidArgument(f"is longer than {_MAX_LENGTH} characters", name)
    ad_count = request.ad_count
    if not 0 <= ad_count <= MAX_AD_COUNT:
        raise InvalidArgument(f"is not between 1 and {MAX_AD_COUNT}", "ad_count")
    return AdRequest(*texts, ad_count or 1)
