"""What exists: every resource by its lower-cased id."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


def new_etag() -> str:
    """A weak etag as the network resource provider writes them."""
    return f'W/"{uuid.uuid4()}"'


@dataclass
class Resource:
    """One resource: its id in the case it was created with, its type, and its wire body without computed parts.

    `body` holds what GET answers (name, location, tags, properties, ...); `hidden` what only the simulation knows.
    """

    id: str
    type: str
    body: dict[str, Any]
    etag: str = field(default_factory=new_etag)
    hidden: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The id for comparing: Azure ids are case-insensitive."""
        return self.id.lower()

    @property
    def name(self) -> str:
        """The last segment of the id."""
        return self.id.rsplit("/", 1)[-1]

    @property
    def properties(self) -> dict[str, Any]:
        """The `properties` object of the body, created when missing."""
        properties: dict[str, Any] = self.body.setdefault("properties", {})
        return properties

    @property
    def subscription(self) -> str:
        """The subscription id in lower case."""
        return self.key.split("/")[2]

    @property
    def resource_group(self) -> str:
        """The resource group's name as created."""
        return self.id.split("/")[4]

    def touch(self) -> None:
        """Give the resource a new etag."""
        self.etag = new_etag()

    def snapshot(self) -> dict[str, Any]:
        """A deep copy of the body, safe to change or to serialise later."""
        return copy.deepcopy(self.body)


class Store:
    """All resources of all subscriptions."""

    def __init__(self) -> None:
        self._resources: dict[str, Resource] = {}

    def get(self, resource_id: str) -> Resource | None:
        """The resource with this id, whatever the case, or None."""
        return self._resources.get(resource_id.lower())

    def put(self, resource: Resource) -> Resource:
        """Add or replace a resource."""
        self._resources[resource.key] = resource
        return resource

    def remove(self, resource_id: str) -> Resource | None:
        """Remove one resource and answer it, or None when it was not there."""
        return self._resources.pop(resource_id.lower(), None)

    def remove_tree(self, prefix: str) -> list[Resource]:
        """Remove a resource and everything below it."""
        root = prefix.lower()
        keys = [key for key in self._resources if key == root or key.startswith(root + "/")]
        return [self._resources.pop(key) for key in keys]

    def of_type(self, resource_type: str, *, below: str = "") -> list[Resource]:
        """All resources of a type, optionally below an id prefix, ordered by id."""
        wanted, root = resource_type.lower(), below.lower()
        found = [
            resource
            for key, resource in self._resources.items()
            if resource.type.lower() == wanted and (not root or key.startswith(root + "/"))
        ]
        return sorted(found, key=lambda resource: resource.key)

    def __iter__(self) -> Iterator[Resource]:
        return iter(list(self._resources.values()))

    def clear(self) -> None:
        """Forget everything."""
        self._resources.clear()
