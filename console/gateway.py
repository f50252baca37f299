"""What apps' pages talk to: ads and feedback as JSON, the same calls as over gRPC.

The messages are those of the protos in protobuf's own JSON form. Other sites may call it if the settings name them;
who has no receipt can charge nobody, so nothing here needs a cookie.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

from adplatform.v1 import ad_server_pb2 as ads_pb
from adplatform.v1 import feedback_handler_pb2 as feedback_pb
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from console.calls import Away, Mesh, Refused, call

MAX_BODY_BYTES: Final = 16 * 1024
_CALL_S: Final = 3.0
_MAX_AT_ONCE: Final = 256
_RETRY_S: Final = "1"
_HTTP: Final = {
    "INVALID_ARGUMENT": 400,
    "UNAUTHENTICATED": 502,  # ours, not the page's
    "PERMISSION_DENIED": 502,
    "RESOURCE_EXHAUSTED": 429,
}


@dataclass
class Gateway:
    """The calls, so many at once at most. `origins` are the other sites that may call; `*` is any."""

    mesh: Mesh
    origins: frozenset[str]
    busy: int = 0

    async def ads(self, request: Request) -> Response:
        """Answers POST /v1/ads: a ServeAdRequest, a ServeAdResponse."""
        return await self._answer(request, ads_pb.ServeAdRequest(), self.mesh.ads.ServeAd)

    async def feedback(self, request: Request) -> Response:
        """Answers POST /v1/feedback: a SubmitFeedbackRequest, a SubmitFeedbackResponse."""
        return await self._answer(request, feedback_pb.SubmitFeedbackRequest(), self.mesh.feedback.SubmitFeedback)

    async def preflight(self, request: Request) -> Response:
        """Answers OPTIONS for other sites' pages."""
        headers = self._headers(request)
        if headers is None:
            return _problem(403, "ORIGIN_NOT_ALLOWED", "this site may not call")
        allowed = {"access-control-allow-methods": "POST", "access-control-allow-headers": "content-type"}
        return Response(status_code=204, headers=headers | allowed | {"access-control-max-age": "86400"})

    async def _answer(self, request: Request, message: Any, method: Any) -> Response:
        headers = self._headers(request)
        if headers is None:
            return _problem(403, "ORIGIN_NOT_ALLOWED", "this site may not call")
        if self.busy >= _MAX_AT_ONCE:
            return _problem(429, "OVERLOADED", "try again", headers | {"retry-after": _RETRY_S})
        self.busy += 1
        try:
            ParseDict(await _json(request), message)
            answer = await call(method, message, timeout_s=_CALL_S)
        except (ParseError, ValueError, TypeError):
            return _problem(400, "INVALID_JSON", "is not the JSON of this request", headers)
        except Refused as refused:
            status = _HTTP.get(refused.code, 500)
            again = {"retry-after": _RETRY_S} if status == 429 else {}
            return _problem(status, refused.reason or refused.code, refused.message, headers | again, refused.field)
        except Away:
            return _problem(503, "UNAVAILABLE", "try again", headers | {"retry-after": _RETRY_S})
        finally:
            self.busy -= 1
        return JSONResponse(MessageToDict(answer, preserving_proto_field_name=True), headers=headers)

    def _headers(self, request: Request) -> dict[str, str] | None:
        """Returns what lets the asking site read the answer; None for a site that may not call."""
        origin = request.headers.get("origin")
        common = {"cache-control": "no-store", "vary": "origin", "cross-origin-resource-policy": "cross-origin"}
        if origin is None or origin == f"{request.url.scheme}://{request.headers.get('host', '')}":
            return common
        if "*" in self.origins or origin in self.origins:
            return common | {"access-control-allow-origin": origin}
        return None


async def _json(request: Request) -> Any:
    """Reads a body whatever its type is called. Raises ValueError for one that is too long or no JSON object."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise ValueError("too long")
    found = json.loads(bytes(body))
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found


def _problem(
    status: int, reason: str, message: str, headers: dict[str, str] | None = None, field: str = ""
) -> JSONResponse:
    error = {"reason": reason, "message": message} | ({"field": field} if field else {})
    return JSONResponse({"error": error}, status, headers)
