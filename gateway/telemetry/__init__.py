"""What the gateway says about itself: structured log lines, each through one redaction; never a prompt or an answer."""

from gateway.telemetry.calls import CallRecord, call_log
from gateway.telemetry.logs import configure
from gateway.telemetry.redaction import Redactor

__all__ = ["CallRecord", "Redactor", "call_log", "configure"]
