"""Metrics, through OpenTelemetry to Application Insights when a connection string is set; docs/telemetry.md lists them.

Without a connection string the instruments of OpenTelemetry's API do nothing. Log lines take the way of the Functions
host, so that none arrives twice; only metrics are exported from here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from opentelemetry.metrics import Counter, Histogram
    from opentelemetry.metrics import _Gauge as Gauge

METER = "aks-hublink"
CONNECTION_STRING = "APPLICATIONINSIGHTS_CONNECTION_STRING"
AUTHENTICATION_STRING = "APPLICATIONINSIGHTS_AUTHENTICATION_STRING"
EXPORT_MILLISECONDS = "60000"
_METRICS_ONLY = {
    "OTEL_TRACES_EXPORTER": "none",
    "OTEL_LOGS_EXPORTER": "none",
    "OTEL_METRIC_EXPORT_INTERVAL": EXPORT_MILLISECONDS,
    # The exporter's own statistics and remote configuration: calls to addresses that nobody allowed in a firewall.
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
    "APPLICATIONINSIGHTS_SDKSTATS_DISABLED": "true",
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED": "true",
}
_TYPE = re.compile(r"/providers/(?P<provider>[^/?]+)/(?P<rest>[^?]*)", re.IGNORECASE)


class Telemetry:
    """The app's instruments. Attributes take few values: names of functions, codes, types; never names of resources."""

    def __init__(self) -> None:
        from opentelemetry.metrics import get_meter  # noqa: PLC0415  # cold start

        meter = get_meter(METER)
        self._event_age: Histogram = meter.create_histogram(
            "hublink.event.age", unit="s", description="Age of an event when the work on it starts."
        )
        self._converged: Histogram = meter.create_histogram(
            "hublink.converged", unit="s", description="From the first request until nothing is left to do for a place."
        )
        self._queue_age: Histogram = meter.create_histogram(
            "hublink.queue.age",
            unit="s",
            description="From a message's insertion, wanted delays included, to its start.",
        )
        self._calls: Counter = meter.create_counter(
            "hublink.arm.calls", unit="{call}", description="Calls to Resource Manager, retries counted one by one."
        )
        self._writes: Counter = meter.create_counter(
            "hublink.firewall.writes", unit="{write}", description="Writes of the firewall policy that Azure accepted."
        )
        self._findings: Counter = meter.create_counter(
            "hublink.findings", unit="{finding}", description="Findings, each time one is told."
        )
        self._clusters: Gauge = meter.create_gauge(
            "hublink.clusters", unit="{cluster}", description="Clusters by verdict, as the latest sweep has it."
        )

    def event_started(self, seconds: float, *, function: str) -> None:
        """The first look that an event asked for begins."""
        self._event_age.record(max(seconds, 0.0), {"function": function})

    def converged(self, seconds: float, *, asked_by: str) -> None:
        """A place is as it should be, after so many seconds."""
        self._converged.record(max(seconds, 0.0), {"asked_by": asked_by})

    def message_started(self, seconds: float, *, queue: str) -> None:
        """Work on a queue message begins."""
        self._queue_age.record(max(seconds, 0.0), {"queue": queue})

    def arm_called(self, method: str, url: str, status: int) -> None:
        """Resource Manager answered a call."""
        attributes: dict[str, str | bool] = {
            "method": method,
            "type": resource_type(url),
            "status": f"{status // 100}xx",
            "throttled": status == 429,
        }
        self._calls.add(1, attributes)

    def firewall_written(self, writes: int, *, asked_by: str) -> None:
        """A sync wrote the firewall policy so many times."""
        if writes:
            self._writes.add(writes, {"asked_by": asked_by})

    def found(self, code: str, severity: str) -> None:
        """A finding is told."""
        self._findings.add(1, {"code": code, "severity": severity})

    def judged(self, verdicts: Mapping[str, int]) -> None:
        """A sweep counted the clusters by verdict."""
        for verdict, count in verdicts.items():
            self._clusters.set(count, {"verdict": verdict})


@cache
def telemetry() -> Telemetry:
    """The instruments of this process, with the exporter behind them if there is a connection string."""
    if os.environ.get(CONNECTION_STRING):
        _export()
    return Telemetry()


def resource_type(url: str) -> str:
    """The resource type that a URL of Resource Manager is about, in lower case; `other` when it names none."""
    found = _TYPE.findall(url)
    if not found:
        return "other"
    provider, rest = found[-1]
    types = "/".join(rest.split("/")[::2])
    return f"{provider}/{types}".lower() if len(types) < 100 else "other"


def _export() -> None:
    from azure.monitor.opentelemetry import configure_azure_monitor  # noqa: PLC0415  # cold start

    for name, value in _METRICS_ONLY.items():
        os.environ.setdefault(name, value)
    configure_azure_monitor(
        credential=_credential(),
        enable_live_metrics=False,
        enable_performance_counters=False,
        disable_offline_storage=True,
        instrumentation_options={name: {"enabled": False} for name in _INSTRUMENTATIONS},
    )


_INSTRUMENTATIONS = ("azure_sdk", "django", "fastapi", "flask", "psycopg2", "requests", "urllib", "urllib3")


def _credential() -> TokenCredential | None:
    """The identity that the host's own authentication string names; None where instrumentation keys are enough."""
    parts = dict(part.split("=", 1) for part in os.environ.get(AUTHENTICATION_STRING, "").split(";") if "=" in part)
    if parts.get("Authorization", "").upper() != "AAD":
        return None
    from azure.identity import ManagedIdentityCredential  # noqa: PLC0415  # cold start

    return ManagedIdentityCredential(client_id=parts.get("ClientId"))
