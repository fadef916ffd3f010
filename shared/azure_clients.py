"""The Azure SDK clients: made when first needed, one per subscription, closed together.

The management SDKs are imported inside the methods. `azure.mgmt.network` alone takes seconds to import, and an Event
Grid function that only enqueues must not pay for it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from shared.settings import Cloud, Settings, StorageSettings
from shared.telemetry import telemetry
from shared.telling import USER_AGENT, current_work

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure.core.credentials_async import AsyncTokenCredential
    from azure.core.pipeline import PipelineRequest, PipelineResponse
    from azure.core.pipeline.policies import AsyncRetryPolicy, SansIOHTTPPolicy
    from azure.mgmt.authorization.aio import AuthorizationManagementClient
    from azure.mgmt.containerservice.aio import ContainerServiceClient
    from azure.mgmt.network.aio import NetworkManagementClient
    from azure.mgmt.privatedns.aio import PrivateDnsManagementClient
    from azure.mgmt.resource.resources.aio import ResourceManagementClient
    from azure.mgmt.resourcegraph.aio import ResourceGraphClient

RESOURCE_MANAGER = {
    Cloud.PUBLIC: "https://management.azure.com",
    Cloud.CHINA: "https://management.chinacloudapi.cn",
    Cloud.USGOV: "https://management.usgovcloudapi.net",
}
AUTHORITY = {
    Cloud.PUBLIC: "login.microsoftonline.com",
    Cloud.CHINA: "login.chinacloudapi.cn",
    Cloud.USGOV: "login.microsoftonline.us",
}
POLLING_SECONDS = 5.0
"""How often a long-running operation is looked at when Azure sends no Retry-After."""
LONGEST_RETRY_AFTER_SECONDS = 10.0
"""The SDK would sleep as long as Azure says, an hour when a subscription is throttled, while a worker and maybe a lock
are held. Longer waits are left to `retry`, which knows its time box, and to the queue."""


def make_credential(settings: StorageSettings, client_id: str | None = None) -> AsyncTokenCredential:
    """The app's identity: managed identity in Azure, `az login` and the like on a laptop."""
    from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415  # cold start

    return DefaultAzureCredential(
        authority=AUTHORITY[settings.azure_cloud],
        managed_identity_client_id=client_id or settings.azure_client_id,
        exclude_interactive_browser_credential=True,
        exclude_shared_token_cache_credential=True,
        exclude_visual_studio_code_credential=True,
    )


def _work_headers() -> SansIOHTTPPolicy[Any, Any]:
    """A policy that says in every request which piece of work it belongs to."""
    from azure.core.pipeline.policies import SansIOHTTPPolicy  # noqa: PLC0415  # cold start

    class WorkHeaders(SansIOHTTPPolicy[Any, Any]):
        def on_request(self, request: PipelineRequest[Any]) -> None:
            work = current_work()
            if work is None:
                return
            headers = request.http_request.headers
            headers["x-ms-correlation-request-id"] = work.correlation
            headers["User-Agent"] = (
                f"{USER_AGENT}/{work.function} ({work.asked_by}) {headers.get('User-Agent', '')}".strip()
            )

    return WorkHeaders()


def _call_counter() -> SansIOHTTPPolicy[Any, Any]:
    """A policy that counts the calls to Resource Manager, each retry as one."""
    from azure.core.pipeline.policies import SansIOHTTPPolicy  # noqa: PLC0415  # cold start

    class CallCounter(SansIOHTTPPolicy[Any, Any]):
        def on_response(self, request: PipelineRequest[Any], response: PipelineResponse[Any, Any]) -> None:
            sent = request.http_request
            telemetry().arm_called(sent.method, sent.url, response.http_response.status_code)

    return CallCounter()


def _short_retries(backoff: float) -> AsyncRetryPolicy[Any, Any]:
    """A policy that tries three more times, but does not sit out long waits that Azure asks for."""
    from azure.core.pipeline.policies import AsyncRetryPolicy  # noqa: PLC0415  # cold start

    class ShortRetries(AsyncRetryPolicy[Any, Any]):
        def is_retry(self, settings: dict[str, Any], response: Any) -> bool:
            asked = self.get_retry_after(response) or 0.0
            return asked <= LONGEST_RETRY_AFTER_SECONDS and super().is_retry(settings, response)

    return ShortRetries(retry_total=3, retry_backoff_factor=backoff)


class AzureClients:
    """Management clients, by subscription."""

    def __init__(self, settings: Settings, credential: AsyncTokenCredential | None = None) -> None:
        self._settings = settings
        self._credential = credential
        self._clients: dict[tuple[str, str], Any] = {}

    def network(self, subscription_id: str) -> NetworkManagementClient:
        """VNets, route tables, firewall policies, endpoints."""

        def load() -> type[NetworkManagementClient]:
            from azure.mgmt.network.aio import NetworkManagementClient  # cold start

            return NetworkManagementClient

        client: NetworkManagementClient = self._client("network", subscription_id, load)
        return client

    def private_dns(self, subscription_id: str) -> PrivateDnsManagementClient:
        """Private DNS zones, links, records."""

        def load() -> type[PrivateDnsManagementClient]:
            from azure.mgmt.privatedns.aio import PrivateDnsManagementClient  # cold start

            return PrivateDnsManagementClient

        client: PrivateDnsManagementClient = self._client("private_dns", subscription_id, load)
        return client

    def container_service(self, subscription_id: str) -> ContainerServiceClient:
        """Managed clusters."""

        def load() -> type[ContainerServiceClient]:
            from azure.mgmt.containerservice.aio import ContainerServiceClient  # cold start

            return ContainerServiceClient

        client: ContainerServiceClient = self._client("container_service", subscription_id, load)
        return client

    def resources(self, subscription_id: str) -> ResourceManagementClient:
        """Resource groups."""

        def load() -> type[ResourceManagementClient]:
            from azure.mgmt.resource.resources.aio import ResourceManagementClient  # cold start

            return ResourceManagementClient

        client: ResourceManagementClient = self._client("resources", subscription_id, load)
        return client

    def authorization(self, subscription_id: str) -> AuthorizationManagementClient:
        """Role assignments and role definitions."""

        def load() -> type[AuthorizationManagementClient]:
            from azure.mgmt.authorization.aio import AuthorizationManagementClient  # cold start

            return AuthorizationManagementClient

        client: AuthorizationManagementClient = self._client("authorization", subscription_id, load)
        return client

    def resource_graph(self) -> ResourceGraphClient:
        """Resource Graph, for the whole tenant."""

        def load() -> Callable[..., ResourceGraphClient]:
            from azure.mgmt.resourcegraph.aio import ResourceGraphClient  # cold start

            def make(credential: AsyncTokenCredential, _subscription: str, **options: Any) -> ResourceGraphClient:
                return ResourceGraphClient(credential, **options)

            return make

        client: ResourceGraphClient = self._client("resource_graph", "", load)
        return client

    def _client(self, kind: str, subscription_id: str, load: Callable[[], Any]) -> Any:
        key = (kind, subscription_id.lower())
        if key not in self._clients:
            if self._credential is None:
                self._credential = make_credential(self._settings)
            cloud_endpoint = RESOURCE_MANAGER[self._settings.azure_cloud]
            self._clients[key] = load()(
                self._credential,
                subscription_id,
                base_url=self._settings.arm_endpoint or cloud_endpoint,
                credential_scopes=[f"{cloud_endpoint}/.default"],
                polling_interval=POLLING_SECONDS / self._settings.time_scale,
                retry_policy=_short_retries(0.8 / self._settings.time_scale),
                per_call_policies=[_work_headers()],
                per_retry_policies=[_call_counter()],
            )
        return self._clients[key]

    async def close(self) -> None:
        """Close every client and the credential."""
        closing = [client.close() for client in self._clients.values()]
        if self._credential is not None:
            closing.append(self._credential.close())
        self._clients.clear()
        self._credential = None
        await asyncio.gather(*closing)
