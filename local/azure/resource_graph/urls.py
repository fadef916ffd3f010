"""The route of Resource Graph."""

from __future__ import annotations

from local.azure.http import Route
from local.azure.resource_graph.responses import ResourceGraph


def routes(graph: ResourceGraph) -> list[Route]:
    """One route. It names no action: whoever is signed in may ask, and sees what they may read."""
    return [Route("POST", "/providers/Microsoft.ResourceGraph/resources", graph.resources, "")]
