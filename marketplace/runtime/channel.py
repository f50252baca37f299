"""How every client of the mesh connects: one or several servers of a service behind one channel."""

import json
import re
from typing import Annotated, Any, Final

import grpc
import grpc.aio
from pydantic import AfterValidator

from marketplace.runtime.addresses import is_loopback
from marketplace.runtime.credentials import PLAIN, Credentials
from marketplace.runtime.renewed_channel import BearingInterceptor, RenewedChannel
from marketplace.runtime.tls import TlsState, channel_credentials

_IPV4: Final = re.compile(r"\d{1,3}(\.\d{1,3}){3}:\d{1,5}")
_ADDRESS: Final = re.compile(r"[A-Za-z0-9_.\-\[\]:]+:\d{1,5}")

# These unary methods are safe to repeat; CreateCampaign is so only with ids of the client's own. Streams are not in the
# list: who opens one knows what has no answer yet, and sends that again.
_UNARY: Final = (
    {"service": "adplatform.v1.AdServer", "method": "ServeAd"},
    {"service": "adplatform.v1.FeedbackHandler", "method": "SubmitFeedback"},
    {"service": "adplatform.v1.Reporting"},
    *(
        {"service": "adplatform.v1.CampaignManager", "method": method}
        for method in ("UpdateCampaign", "StopCampaign", "GetCommand", "GetCampaign", "ListCampaigns")
    ),
)
_SERVICE_CONFIG: Final[dict[str, Any]] = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "healthCheckConfig": {"serviceName": ""},  # a server that drains says NOT_SERVING and gets no new calls
    "methodConfig": [
        {
            "name": _UNARY,
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.1s",
                "maxBackoff": "1s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],  # what a crowded server says
            },
        }
    ],
}
_OPTIONS: Final[tuple[tuple[str, Any], ...]] = (
    ("grpc.max_send_message_length", 1 << 20),  # what our servers take
    ("grpc.max_receive_message_length", 4 << 20),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),  # also how long one try to connect may last
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
)


def open_channel(
    addresses: str, credentials: Credentials = PLAIN, service: str | None = None, *, only_serving: bool = True
) -> grpc.aio.Channel:
    """Opens a channel to `host:port`, or to several `ip:port` with commas between; nothing is connected yet.

    Calls go to the servers that say SERVING, in turn. A unary call that finds its server gone is made again, up to 5
    times. A server that has died is tried again at least every second. By TLS, the servers' certificates must name the
    `service`. New certificates and tokens are used from the next call on; calls in flight end as they began. Without
    `only_serving` calls go to servers that do not serve too: for questions about their health.

    Raises ValueError for what is no address, or one to which a token would go in clear over a network.
    """
    target = _checked_target(addresses, credentials)
    options = _options(credentials, service, only_serving)
    if credentials.plain:
        return grpc.aio.insecure_channel(target, options=options)

    def connect(tls: TlsState | None) -> grpc.aio.Channel:
        if tls is None:
            return grpc.aio.insecure_channel(target, options=options)
        return grpc.aio.secure_channel(target, channel_credentials(tls), options=options)

    return RenewedChannel(credentials, connect)


def open_blocking_channel(
    addresses: str, credentials: Credentials = PLAIN, service: str | None = None, *, only_serving: bool = True
) -> grpc.Channel:
    """Opens the like of `open_channel` for a program that ends soon: its credentials stay as they are now."""
    target = _checked_target(addresses, credentials)
    proof, options = credentials.newest(), _options(credentials, service, only_serving)
    channel = (
        grpc.secure_channel(target, channel_credentials(proof.tls), options)
        if proof.tls
        else grpc.insecure_channel(target, options)
    )
    return grpc.intercept_channel(channel, BearingInterceptor(proof.metadata)) if proof.token else channel


def _checked_target(addresses: str, credentials: Credentials) -> str:
    target, proof = target_of(addresses), credentials.newest()
    if proof.token and not proof.tls and not all(is_loopback(each.strip()) for each in addresses.split(",")):
        raise ValueError(f"{addresses}: an API token must not go over a network in clear; set TLS_CA")
    return target


def _options(credentials: Credentials, service: str | None, only_serving: bool) -> tuple[tuple[str, Any], ...]:
    config = {name: value for name, value in _SERVICE_CONFIG.items() if only_serving or name != "healthCheckConfig"}
    options = (("grpc.service_config", json.dumps(config)), *_OPTIONS)
    name = credentials.server_name or service
    return (*options, ("grpc.ssl_target_name_override", name)) if name and credentials.newest().tls else options


def target_of(addresses: str) -> str:
    """Returns the addresses in gRPC's words. Raises ValueError for what is no address, with a sentence for people."""
    each = [address.strip() for address in addresses.split(",")]
    if all(_IPV4.fullmatch(address) for address in each):
        return "ipv4:" + ",".join(each)
    if len(each) > 1:
        raise ValueError(f"{addresses!r}: several addresses must be of the form 127.0.0.1:50051,127.0.0.1:50061")
    if not _ADDRESS.fullmatch(addresses):
        raise ValueError(f"{addresses!r} is not an address such as 127.0.0.1:50051")
    return f"dns:///{addresses}"  # a name may stand for several servers


def _checked(addresses: str) -> str:
    target_of(addresses)
    return addresses


Addresses = Annotated[str, AfterValidator(_checked)]
"""One or several addresses, as a setting."""
