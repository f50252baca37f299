"""Runs the app until everything that it asked has its answer."""

import sys
from typing import NoReturn

from adplatform.v1.ad_server_pb2_grpc import AdServerStub
from adplatform.v1.feedback_handler_pb2_grpc import FeedbackHandlerStub

from adapp.ask import StreamFailed, ask
from adapp.connect import connect
from adapp.feedback import Actors
from adapp.settings import Settings
from adapp.tally import Tally


def run(settings: Settings) -> Tally:
    """Asks for ads and sends feedback on those that come, or only on the receipt that the settings name."""
    tally = Tally()
    with (
        connect(settings, settings.ad_server) as ads,
        connect(settings, settings.feedback_handler) as handler,
        Actors(FeedbackHandlerStub(handler), settings, tally) as actors,
    ):
        if settings.receipt:
            actors.act("", settings.receipt)
            return tally
        try:
            for answer in ask(AdServerStub(ads), settings):
                for ad in tally.answer(answer):
                    actors.act(ad.request_id, ad.receipt)
                if tally.stopped:
                    break
        except StreamFailed as problem:
            tally.refused("sequence=all", problem.refusal)
    return tally


def main() -> None:
    """Runs the program."""
    try:
        tally = run(Settings.from_environment())
    except (ValueError, OSError) as problem:
        end(2, problem)
    tally.summary()
    if tally.fails:
        end(1, f"{tally.fails} refused")


def end(code: int, why: object) -> NoReturn:
    """Says why on standard error, and exits."""
    sys.stderr.write(f"adapp: {why}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
