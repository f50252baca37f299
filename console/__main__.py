"""The console: web pages for campaign managers, the demo page, and the gateway of apps' pages."""

import sys
from pathlib import Path
from typing import Final, Literal

import grpc.aio
from pydantic import Field

from console.app import make_app
from console.calls import Mesh
from console.gateway import Gateway
from console.sessions import Sessions
from console.site import Site
from console.web import WebServer
from marketplace.runtime.addresses import is_loopback
from marketplace.runtime.channel import Addresses, open_channel
from marketplace.runtime.credentials import ClientSettings, Credentials
from marketplace.runtime.listening import ServerSettings
from marketplace.runtime.observed import Observed
from marketplace.runtime.process import Loop, Process, run_process
from marketplace.runtime.settings import Address, BadSettingError, CurrencySettings, ObservedSettings, ZoneSettings
from marketplace.runtime.tls import TlsFiles, WatchedTls

PROGRAM: Final = "console"
_HOUR_S: Final = 3_600


class ConsoleSettings(CurrencySettings, ZoneSettings, ObservedSettings, ServerSettings, ClientSettings):
    """Web pages for campaign managers, the demo page, and the JSON gateway that apps' pages talk to."""

    listen: Address = "127.0.0.1:50057"
    """Address to listen on, for health checks."""

    http_listen: Address = "127.0.0.1:8080"
    """Address of the web pages."""

    http_cert: Path | None = None
    """Certificate of the web pages, for browsers; with it they are served by TLS."""

    http_key: Path | None = None
    """Its private key."""

    ad_server: Addresses = "127.0.0.1:50051"
    """Ad servers."""

    feedback_handler: Addresses = "127.0.0.1:50052"
    """Feedback handlers."""

    ad_manager: Addresses = "127.0.0.1:50053"
    """Ad managers."""

    reporting_service: Addresses = "127.0.0.1:50056"
    """Reporting services."""

    parts: Literal["all", "console", "gateway"] = "all"
    """What to serve: managers' pages, the gateway of apps' pages, or both. Only the gateway is for the public."""

    embed_origins: str = ""
    """Sites whose pages may ask for ads, such as https://shop.example,https://news.example; * is any."""

    session_hours: float = Field(12.0, gt=0, le=24 * 30)
    """How long one stays signed in."""


def build(settings: ConsoleSettings) -> Process:
    """Wires the process; on the event loop."""
    _check(settings)
    own = Credentials.of(settings)
    files = TlsFiles.of(settings)
    # People's calls carry their own tokens, which count before our certificate; see `Site.call`.
    people = Credentials(WatchedTls(files) if files.authority else None, server_name=settings.tls_server_name)
    addresses = {
        "adserver": settings.ad_server,
        "feedback-handler": settings.feedback_handler,
        "ad-manager": settings.ad_manager,
        "reporting-service": settings.reporting_service,
    }

    def connect(credentials: Credentials, name: str) -> grpc.aio.Channel:
        return open_channel(addresses[name], credentials, name)

    asks = settings.auth == "tokens"
    mesh = Mesh.over(lambda name: connect(people if asks else own, name), lambda name: connect(own, name))
    site = Site(mesh, Sessions(settings.session_hours * _HOUR_S), settings.zone, settings.currency, asks)
    gateway = Gateway(mesh, frozenset(origin.strip() for origin in settings.embed_origins.split(",") if origin.strip()))
    app = make_app(
        site if settings.parts != "gateway" else None,
        gateway if settings.parts != "console" else None,
        secure=settings.http_cert is not None,
    )
    server = WebServer(app, settings.http_listen, settings.http_cert, settings.http_key)
    return Process(
        listen=settings.listen,
        observed=Observed(PROGRAM, settings),
        loops=[Loop("http", server.run)],
        ready=server.start,
        drain=server.drain,
    )


def _check(settings: ConsoleSettings) -> None:
    """Raises BadSettingError for pages that more people would see than anyone means to."""
    if (settings.http_cert is None) != (settings.http_key is None):
        raise BadSettingError("HTTP_CERT and HTTP_KEY go together")
    if is_loopback(settings.http_listen) or settings.insecure_listen:
        return
    if settings.http_cert is None:
        raise BadSettingError(
            f"HTTP_LISTEN: {settings.http_listen} may be reached from other machines: HTTP_CERT is needed"
        )
    if settings.auth == "none" and settings.parts != "gateway":
        raise BadSettingError(f"HTTP_LISTEN: {settings.http_listen} shows campaigns to anyone: AUTH=tokens is needed")


def main() -> None:
    """Runs the process."""
    sys.exit(run_process(PROGRAM, ConsoleSettings, build))


if __name__ == "__main__":
    main()
