"""A person at Contoso who creates subnets and clusters: plain Resource Manager calls, nothing of the app."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

NETWORK_API = "2025-05-01"
AKS_API = "2025-10-01"
POLL_SECONDS = 5.0


class RefusedError(Exception):
    """Resource Manager refused a call, or its operation failed."""


class Operator:
    """Calls Resource Manager. Use as an async context manager. `speed`: simulated seconds per real second."""

    def __init__(self, base_url: str, ca: Path, token: str, *, speed: float) -> None:
        self._base_url = base_url
        self._tls = ssl.create_default_context(cafile=str(ca))
        self._headers = {"Authorization": f"Bearer {token}", "User-Agent": "contoso-operator"}
        self._speed = speed
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._tls), headers=self._headers, trust_env=False
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session:
            await self._session.close()

    async def put(self, resource_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """Create or update a resource and wait until Azure is done. Raises RefusedError."""
        _, headers = await self.call("PUT", resource_id, body)
        await self.wait(headers)
        return await self.get(resource_id)

    async def get(self, resource_id: str) -> dict[str, Any]:
        """Read a resource."""
        found, _ = await self.call("GET", resource_id)
        return found

    async def post(self, resource_id: str, action: str) -> None:
        """Run an action such as `stop` and wait until Azure is done."""
        _, headers = await self.call("POST", f"{resource_id}/{action}")
        await self.wait(headers)

    async def delete(self, resource_id: str) -> None:
        """Delete a resource and wait until Azure is done."""
        _, headers = await self.call("DELETE", resource_id)
        await self.wait(headers)

    async def call(self, method: str, path: str, body: Any = None) -> tuple[dict[str, Any], dict[str, str]]:
        """One call; answers body and headers. Raises RefusedError."""
        version = AKS_API if "/microsoft.containerservice/" in path.lower() else NETWORK_API
        version = "2024-06-01" if "/privatednszones/" in path.lower() else version
        return await self._request(method, f"{self._base_url}{path}?api-version={version}", body)

    async def wait(self, headers: dict[str, str]) -> None:
        """Poll the operation that an answer's headers name, if any."""
        url = headers.get("azure-asyncoperation")
        while url:
            status, _ = await self._request("GET", url)
            if status["status"] == "Succeeded":
                return
            if status["status"] in ("Failed", "Canceled"):
                raise RefusedError(f"{status['error']['code']}: {status['error']['message']}")
            await asyncio.sleep(POLL_SECONDS / self._speed)

    async def _request(self, method: str, url: str, body: Any = None) -> tuple[dict[str, Any], dict[str, str]]:
        if self._session is None:
            raise RefusedError("use Operator as an async context manager")
        async with self._session.request(method, url, json=body) as response:
            text = await response.text()
            if response.status >= 400:
                raise RefusedError(f"{method} {url.split('?', maxsplit=1)[0]}: HTTP {response.status}: {text}")
            answer = await response.json(content_type=None) if text else {}
            return answer, {key.lower(): value for key, value in response.headers.items()}
