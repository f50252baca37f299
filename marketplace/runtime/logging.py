"""Structured logs: one JSON object a line on standard error, or colours where a person watches.

A line for each event of note and none for each request, above DEBUG. Lines that concern single requests carry
`request_id`; without its hyphens that is the id of the request's trace.
"""

import logging
import sys
from typing import Any, Final

import structlog
from structlog.typing import EventDict, Processor

# Libraries that repeat themselves while what they call is away; whoever asked them says it once.
_QUIET: Final = {"kafka": logging.CRITICAL, "opentelemetry": logging.ERROR}


def configure_logging(process: str, level: str = "INFO") -> None:
    """Sets up logging for the process; call once, before anything logs. What libraries log has the same form."""

    def name_process(_: Any, __: str, event: EventDict) -> EventDict:
        event.setdefault("process", process)
        return event

    renderer: Processor = (
        structlog.dev.ConsoleRenderer()
        if sys.stderr.isatty()
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        name_process,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # as it is then: tests put another in its place
    )
    handler = logging.StreamHandler(sys.stderr)
    own = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    named = [structlog.stdlib.add_logger_name, *shared]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=named, processors=[own, renderer]))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    for library, least in _QUIET.items():
        logging.getLogger(library).setLevel(least)
