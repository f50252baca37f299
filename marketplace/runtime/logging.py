"""Structured logs: one JSON object a line on standard error, or colours where a person watches."""

import logging
import sys

import structlog


def configure_logging(process: str, level: str = "INFO") -> None:
    """Sets up logging for the process; call once, before anything logs."""
    renderer = (
        structlog.dev.ConsoleRenderer()
        if sys.stderr.isatty()
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # as it is then: tests put another in its place
    )
    structlog.contextvars.bind_contextvars(process=process)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    # A broker that is away is told once by whoever asked it; the library repeats it several times a second.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
