"""How the app connects."""

import json
from typing import Any, Final

import grpc

from adapp.settings import Settings

# Calls of both services are safe to repeat, so gRPC itself makes them again, and a stream that is refused at once.
# A name that stands for several servers has its calls spread over them.
_SERVICE_CONFIG: Final[dict[str, Any]] = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [
        {
            "name": [{"service": "adplatform.v1.AdServer"}, {"service": "adplatform.v1.FeedbackHandler"}],
            "waitForReady": True,
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.1s",
                "maxBackoff": "1s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED", "RESOURCE_EXHAUSTED"],
            },
        }
    ],
}
_OPTIONS: Final = (("grpc.service_config", json.dumps(_SERVICE_CONFIG)),)


def connect(settings: Settings, address: str) -> grpc.Channel:
    """Opens a channel to `host:port`; nothing is connected until the first call."""
    if not settings.authority:
        return grpc.insecure_channel(address, options=_OPTIONS)
    credentials = grpc.ssl_channel_credentials(settings.authority)
    if settings.token:
        credentials = grpc.composite_channel_credentials(
            credentials, grpc.access_token_call_credentials(settings.token)
        )
    return grpc.secure_channel(address, credentials, options=_OPTIONS)
