"""A client of the control API, for the demo and the tests."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp


class ControlError(Exception):
    """The control API refused an order; the message says why."""


class ControlClient:
    """Steers a local Azure through `/_sim`. Use as an async context manager.

    Args:
        base_url: Where the local Azure listens, e.g. `https://localhost:8443`.
        ca: The CA file that its certificate chains to.
    """

    def __init__(self, base_url: str, ca: Path) -> None:
        self.base_url = base_url.rstrip("/")
        self._tls = ssl.create_default_context(cafile=str(ca))
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=self._tls), trust_env=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def token(self, principal: str = "operator") -> str:
        """An access token of a principal: operator, aks-hublink or aks-resource-provider."""
        return str((await self.call("GET", "token", params={"principal": principal}))["access_token"])

    async def reset(self) -> None:
        """Empty the tenant."""
        await self.call("POST", "reset")

    async def seed(self, name: str, **options: Any) -> dict[str, Any]:
        """Fill the tenant with a named world; answers what the seed says about it."""
        return await self.call("POST", f"seed/{name}", options)

    async def clock(self) -> dict[str, Any]:
        """`now` (ISO 8601), `seconds` since the start and `speed`."""
        return await self.call("GET", "clock")

    async def advance(self, seconds: float) -> dict[str, Any]:
        """Move the simulated time forward."""
        return await self.call("POST", "clock", {"advance": seconds})

    async def set_speed(self, speed: float) -> dict[str, Any]:
        """Change how many simulated seconds pass in a real one."""
        return await self.call("POST", "clock", {"speed": speed})

    async def latencies(self, **seconds: float) -> dict[str, float]:
        """Change latencies (simulated seconds) and answer all of them."""
        return await self.call("POST", "latencies", seconds) if seconds else await self.call("GET", "latencies")

    async def fault(self, kind: str, **order: Any) -> dict[str, Any]:
        """Order a fault; the keywords are the fields of `faults.Fault`."""
        return await self.call("POST", "faults", {"kind": kind, **order})

    async def faults(self) -> list[dict[str, Any]]:
        """The standing faults with their hits."""
        return await self.call("GET", "faults")

    async def clear_faults(self) -> None:
        """Forget all faults."""
        await self.call("DELETE", "faults")

    async def events(self) -> list[dict[str, Any]]:
        """The activity log."""
        return await self.call("GET", "events")

    async def state(self, *, resource_type: str = "", below: str = "") -> dict[str, dict[str, Any]]:
        """Resource bodies by id, narrowed to types that start so and to ids below a prefix."""
        return await self.call("GET", "state", params={"type": resource_type, "below": below})

    async def requests(
        self, *, principal: str | None = None, method: str | None = None, since: float = 0.0
    ) -> list[dict[str, Any]]:
        """The request log."""
        params = {"principal": principal, "method": method, "since": str(since)}
        return await self.call("GET", "requests", params={key: value for key, value in params.items() if value})

    async def connect(self, subnet: str, host: str, port: int = 443) -> dict[str, Any]:
        """What becomes of a connection from a subnet (resource id) to a host name or address."""
        return await self.call("POST", "connect", {"subnet": subnet, "host": host, "port": port})

    async def resolve(self, vnet: str, host: str) -> dict[str, Any]:
        """What a machine in a VNet (resource id) gets for a name."""
        return await self.call("POST", "resolve", {"vnet": vnet, "host": host})

    async def register_events(
        self, endpoint: str, subscriptions: Iterable[str] = (), *, echo_filter_app_id: str | None = None
    ) -> dict[str, Any]:
        """Deliver the events of subscriptions (default: all) to the functions host at `endpoint`."""
        order = {
            "endpoint": endpoint,
            "subscriptions": list(subscriptions),
            "echoFilterAppId": echo_filter_app_id,
        }
        return await self.call("POST", "eventgrid", order)

    async def eventgrid(self) -> dict[str, Any]:
        """Event subscriptions, counts and the last outcomes."""
        return await self.call("GET", "eventgrid")

    async def topic(self) -> list[dict[str, Any]]:
        """What was published to the custom topic, oldest first."""
        return await self.call("GET", "topic")

    async def event_log(self) -> list[dict[str, Any]]:
        """Every delivery attempt."""
        return await self.call("GET", "eventgrid/log")

    async def release_events(self, *, shuffle: bool = False) -> list[dict[str, Any]]:
        """Let held events go."""
        return list((await self.call("POST", "eventgrid/release", {"shuffle": shuffle}))["released"])

    async def call(self, method: str, path: str, body: Any = None, *, params: dict[str, str] | None = None) -> Any:
        """Any call below `/_sim/`.

        Raises:
            ControlError: The order was refused.
        """
        if self._session is None:
            raise ControlError("use ControlClient as an async context manager")
        url = f"{self.base_url}/_sim/{path}"
        async with self._session.request(method, url, json=body, params=params) as response:
            if response.status >= 400:
                raise ControlError(f"{method} /_sim/{path}: HTTP {response.status}: {await response.text()}")
            return await response.json()
