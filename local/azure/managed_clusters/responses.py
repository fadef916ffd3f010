"""HTTP shapes of AKS: pretty-printed single resources, 201/200 for PUT, 202 for the rest, as recorded."""

from __future__ import annotations

import uuid
from typing import Any

from local.azure.azure import Azure
from local.azure.http import ArmRequest, ArmResponse
from local.azure.managed_clusters import models, pools
from local.azure.managed_clusters.bodies import CLUSTER
from local.azure.paging import next_link, page
from local.azure.store import Resource

PAGE = 100


def _cluster(azure: Azure, request: ArmRequest) -> Resource:
    params = request.params
    return models.get(azure, params["sub"], params["rg"], params["cluster"])


def put(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Create (201 Creating) or update (200 Updating)."""
    params, body = request.params, request.body or {}
    existing = azure.store.get(models.cluster_id(params["sub"], params["rg"], params["cluster"]))
    if existing is not None:
        operation = models.update(azure, existing, body, api_version=request.api_version)
        return ArmResponse(status=200, body=_written(existing), operation=operation, indent=1)
    group = azure.resource_group(params["sub"], params["rg"])
    resource_id = models.cluster_id(group.id.split("/")[2], group.id.split("/")[4], params["cluster"])
    cluster, operation = models.create(azure, resource_id, body, api_version=request.api_version)
    return ArmResponse(status=201, body=_written(cluster), operation=operation, indent=1)


def _written(cluster: Resource) -> dict[str, Any]:
    # Recorded: the answer to a PUT shows empty node labels, which GET leaves out.
    body = cluster.snapshot()
    for pool in body["properties"]["agentPoolProfiles"]:
        pool.setdefault("nodeLabels", {})
    return body


def get(azure: Azure, request: ArmRequest) -> ArmResponse:
    """One cluster."""
    return ArmResponse(status=200, body=_cluster(azure, request).snapshot(), indent=1)


def list_clusters(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Clusters of a resource group or a subscription, not pretty-printed."""
    below = request.path.lower().split("/providers/")[0]
    clusters = azure.store.of_type(CLUSTER, below=below)
    answer = page(azure, request, [cluster.snapshot() for cluster in clusters], size=PAGE)
    if answer.body["value"] and "nextLink" not in answer.body:
        # Recorded: the last page with clusters on it points to one more, which is empty.
        answer.body["nextLink"] = next_link(azure, request, len(clusters))
    answer.headers["x-ms-original-request-ids"] = str(uuid.uuid4())
    return answer


def delete(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Start the deletion: 202, or 204 when there is nothing to delete."""
    params = request.params
    cluster = azure.store.get(models.cluster_id(params["sub"], params["rg"], params["cluster"]))
    if cluster is None:
        return ArmResponse(status=204, event=False)
    return ArmResponse(status=202, operation=models.delete(azure, cluster, api_version=request.api_version))


def stop(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Start stopping: 202."""
    cluster = _cluster(azure, request)
    return ArmResponse(status=202, operation=models.stop(azure, cluster, api_version=request.api_version))


def start(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Start starting: 202."""
    cluster = _cluster(azure, request)
    return ArmResponse(status=202, operation=models.start(azure, cluster, api_version=request.api_version))


def put_pool(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Create (201) or change (200) a node pool."""
    cluster, name = _cluster(azure, request), request.params["pool"]
    pool, operation, new = pools.put(azure, cluster, name, request.body or {}, api_version=request.api_version)
    return ArmResponse(status=201 if new else 200, body=pools.body(cluster, pool), operation=operation, indent=1)


def get_pool(azure: Azure, request: ArmRequest) -> ArmResponse:
    """One node pool."""
    cluster = _cluster(azure, request)
    return ArmResponse(status=200, body=pools.body(cluster, pools.get(cluster, request.params["pool"])), indent=1)


def list_pools(azure: Azure, request: ArmRequest) -> ArmResponse:
    """The cluster's node pools."""
    cluster = _cluster(azure, request)
    found = [pools.body(cluster, pool) for pool in cluster.properties["agentPoolProfiles"]]
    return page(azure, request, found, size=PAGE)


def delete_pool(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Start deleting a node pool: 202, or 204 when it is not there."""
    cluster, name = _cluster(azure, request), request.params["pool"]
    if pools.find(cluster, name) is None:
        return ArmResponse(status=204, event=False)
    return ArmResponse(status=202, operation=pools.delete(azure, cluster, name, api_version=request.api_version))
