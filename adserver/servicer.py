"""AdServer over gRPC."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from adplatform.v1 import ad_server_pb2 as pb
from adplatform.v1 import ad_server_pb2_grpc as pb_grpc

from adserver.answer_wire import encode_ads, encode_numbered
from adserver.auction import MAX_AD_COUNT
from adserver.serve import AdRequest, AdService, ServedAdvert
from marketplace.errors import InvalidArgument
from marketplace.runtime.bursts import Bursts, PausingBursts
from marketplace.runtime.streams import answer_each

_MAX_LENGTH: Final = 64
_TEXTS: Final = ("user_id", "device_type", "city", "state", "country")


class AdServerServicer(pb_grpc.AdServerServicer):
    """See protos/adplatform/v1/ad_server.proto."""

    def __init__(self, service: AdService, draining: asyncio.Event, workers: int) -> None:
        self._service = service
        self._draining = draining
        self._unary_bursts = PausingBursts(workers)
        self._bursts = Bursts()

    async def ServeAd(self, request: pb.ServeAdRequest, context: Any) -> Any:  # noqa: N802
        """Holds one auction."""
        return await self._unary_bursts.done(self._serve, request)

    async def StreamAds(  # type: ignore[override]  # noqa: N802  # it writes by its context
        self, request_iterator: AsyncIterator[pb.StreamAdsRequest], context: Any
    ) -> None:
        """Holds an auction for each request as it comes."""
        await answer_each(context, self._answer, pb.StreamAdsResponse, self._draining, self._bursts)

    def _answer(self, message: pb.StreamAdsRequest) -> bytes:
        return encode_numbered(message.sequence, self._serve(message.request))

    def _serve(self, request: pb.ServeAdRequest) -> bytes:
        if served := self._served(request):
            return encode_ads(served)
        live = self._service.any_live()
        self._service.counts.no_ad(live)
        reason = pb.NO_AD_REASON_NO_ELIGIBLE_CAMPAIGN if live else pb.NO_AD_REASON_NO_LIVE_CAMPAIGN
        return pb.ServeAdResponse(no_ad_reason=reason).SerializeToString()

    def _served(self, request: pb.ServeAdRequest) -> list[ServedAdvert]:
        return self._service.serve(_checked(request))


def _checked(request: pb.ServeAdRequest) -> AdRequest:
    texts = (request.user_id, request.device_type, request.city, request.state, request.country)
    if max(map(len, texts)) > _MAX_LENGTH:
        name = next(name for name, text in zip(_TEXTS, texts, strict=True) if len(text) > _MAX_LENGTH)
        raise InvalidArgument(f"is longer than {_MAX_LENGTH} characters", name)
    ad_count = request.ad_count
    if not 0 <= ad_count <= MAX_AD_COUNT:
        raise InvalidArgument(f"is not between 1 and {MAX_AD_COUNT}", "ad_count")
    return AdRequest(*texts, ad_count or 1)
