"""What exists: every resource by its lower-cased id."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable, Iterator
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
    watcher: Callable[[Resource], None] | None = field(default=None, repr=False, compare=False)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set a field; a new body or etag of a stored resource is a change that the store hears of."""
        object.__setattr__(self, name, value)
        watcher = self.__dict__.get("watcher") if name in ("body", "etag") else None
        if watcher:
            watcher(self)

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


def _scopes(key: str) -> Iterator[str]:
    """Every scope above an id: everything, the subscription, the group, the parents."""
    yield ""
    parts = key.split("/")
    for end in (3, 5, *range(9, len(parts), 2)):
        if end < len(parts):
            yield "/".join(parts[:end])


def _is_scope(prefix: str) -> bool:
    """Whether an id prefix is one that resources are filed under."""
    count = prefix.count("/") + 1 if prefix else 0
    return count in (0, 3, 5) or (count >= 9 and count % 2 == 1)


class Store:
    """All resources of all subscriptions, filed by scope and type.

    `on_change` is told the id of whatever was put, removed or marked, and of resources that got a new body or etag.
    A change made deep inside a body is only noticed with the next of these.
    """

    def __init__(self) -> None:
        self._resources: dict[str, Resource] = {}
        self._filed: dict[tuple[str, str], dict[str, Resource]] = {}
        self.on_change: list[Callable[[str], None]] = []

    def get(self, resource_id: str) -> Resource | None:
        """The resource with this id, whatever the case, or None."""
        return self._resources.get(resource_id.lower())

    def put(self, resource: Resource) -> Resource:
        """Add or replace a resource."""
        key = resource.key
        if self._resources.get(key) is not resource:
            self._take(key)
        self._resources[key] = resource
        for scope in _scopes(key):
            self._filed.setdefault((scope, resource.type.lower()), {})[key] = resource
        resource.watcher = self._watch
        self.mark(key)
        return resource

    def remove(self, resource_id: str) -> Resource | None:
        """Remove one resource and answer it, or None when it was not there."""
        removed = self._take(resource_id.lower())
        if removed:
            self.mark(removed.key)
        return removed

    def remove_tree(self, prefix: str) -> list[Resource]:
        """Remove a resource and everything below it."""
        root = prefix.lower()
        keys = [key for key in self._resources if key == root or key.startswith(root + "/")]
        removed = [self.remove(key) for key in keys]
        return [resource for resource in removed if resource]

    def mark(self, resource_id: str) -> None:
        """Say that a resource may have changed."""
        for callback in self.on_change:
            callback(resource_id.lower())

    def _watch(self, resource: Resource) -> None:
        self.mark(resource.key)

    def _take(self, key: str) -> Resource | None:
        resource = self._resources.pop(key, None)
        if resource:
            resource.watcher = None
            for scope in _scopes(key):
                del self._filed[scope, resource.type.lower()][key]
        return resource

    def of_type(self, resource_type: str, *, below: str = "") -> list[Resource]:
        """All resources of a type, optionally below an id prefix, ordered by id."""
        wanted, root = resource_type.lower(), below.lower()
        if _is_scope(root):
            filed = self._filed.get((root, wanted), {})
            return [filed[key] for key in sorted(filed)]
        every = self._filed.get(("", wanted), {})
        return [every[key] for key in sorted(every) if key.startswith(root + "/")]

    def __iter__(self) -> Iterator[Resource]:
        return iter(list(self._resources.values()))

    def __len__(self) -> int:
        return len(self._resources)

    def clear(self) -> None:
        """Forget everything."""
        self._resources.clear()
        self._filed.clear()
