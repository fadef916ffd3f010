"""Routes of Microsoft.ContainerService."""

from __future__ import annotations

from local.azure.http import Route
from local.azure.managed_clusters import responses
from local.azure.managed_clusters.bodies import POOL, PROVIDER

_IN_SUBSCRIPTION = f"/subscriptions/{{sub}}/providers/{PROVIDER}"
_IN_GROUP = f"/subscriptions/{{sub}}/resourceGroups/{{rg}}/providers/{PROVIDER}"
_CLUSTER = _IN_GROUP + "/{cluster}"
_POOL = _CLUSTER + "/agentPools/{pool}"

ROUTES = [
    Route("GET", _IN_SUBSCRIPTION, responses.list_clusters, f"{PROVIDER}/read"),
    Route("GET", _IN_GROUP, responses.list_clusters, f"{PROVIDER}/read"),
    Route("GET", _CLUSTER, responses.get, f"{PROVIDER}/read"),
    Route("PUT", _CLUSTER, responses.put, f"{PROVIDER}/write"),
    Route("DELETE", _CLUSTER, responses.delete, f"{PROVIDER}/delete"),
    Route("POST", _CLUSTER + "/stop", responses.stop, f"{PROVIDER}/stop/action"),
    Route("POST", _CLUSTER + "/start", responses.start, f"{PROVIDER}/start/action"),
    Route("GET", _CLUSTER + "/agentPools", responses.list_pools, f"{POOL}/read"),
    Route("GET", _POOL, responses.get_pool, f"{POOL}/read"),
    Route("PUT", _POOL, responses.put_pool, f"{POOL}/write"),
    Route("DELETE", _POOL, responses.delete_pool, f"{POOL}/delete"),
]
