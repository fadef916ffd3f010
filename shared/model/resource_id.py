"""Azure resource ids as one parsed, case-insensitive value.

Azure answers the same id in several cases (`resourcegroups`, lower-cased groups from private DNS, upper-cased names in
`ipConfigurations`), so ids are compared without case and kept as they were read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property

from shared.errors import InvalidResourceId

_MAX_LENGTH = 2048
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_FORBIDDEN = re.compile(r"[\s<>%&?#\\'\"]|\.\.|/\.(/|$)|^//")


@dataclass(frozen=True, eq=False)
class ResourceId:
    """A resource below a subscription and, for everything but the subscription itself, a resource group.

    `types` and `names` are parallel: `("virtualNetworks", "subnets")` and `("vnet-1", "aks-nodes")`.
    """

    subscription_id: str
    resource_group: str
    provider: str = ""
    types: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    text: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: object) -> ResourceId:
        """Read an id of a resource group or of a resource in one.

        Raises:
            InvalidResourceId: the text is anything else, is too long, or holds characters no id holds.
        """
        segments = _segments(text)
        group = segments[3]
        if len(segments) == 4:
            return cls(segments[1], group, text=str(text).rstrip("/"))
        tail = segments[6:]
        if segments[4].lower() != "providers" or len(segments) < 8 or len(tail) % 2:
            raise InvalidResourceId(f"not a resource id: {_shorten(text)}")
        return cls(
            subscription_id=segments[1],
            resource_group=group,
            provider=segments[5],
            types=tuple(tail[0::2]),
            names=tuple(tail[1::2]),
            text=str(text).rstrip("/"),
        )

    @property
    def type(self) -> str:
        """The full resource type, such as `Microsoft.Network/virtualNetworks/subnets`."""
        if not self.types:
            return "Microsoft.Resources/resourceGroups"
        return "/".join((self.provider, *self.types))

    @property
    def name(self) -> str:
        """The last name, such as the subnet's."""
        return self.names[-1] if self.names else self.resource_group

    @cached_property
    def key(self) -> str:
        """The id in lower case, for comparing and as a dictionary key."""
        return str(self).lower()

    @property
    def group(self) -> ResourceId:
        """The resource group this resource lives in."""
        return ResourceId(self.subscription_id, self.resource_group)

    @property
    def parent(self) -> ResourceId:
        """The resource one level up; the resource group of a top-level resource."""
        return ResourceId(self.subscription_id, self.resource_group, self.provider, self.types[:-1], self.names[:-1])

    def is_type(self, resource_type: str) -> bool:
        """Whether this is of the given type, in any case."""
        return self.type.lower() == resource_type.lower()

    def child(self, resource_type: str, name: str) -> ResourceId:
        """The id of a child: `vnet.child("subnets", "aks")`."""
        types, names = (*self.types, resource_type), (*self.names, name)
        return ResourceId(self.subscription_id, self.resource_group, self.provider, types, names)

    def resource(self, resource_type: str, name: str) -> ResourceId:
        """The id of a top-level resource in the same resource group: `Microsoft.Network/routeTables`."""
        provider, short = resource_type.split("/", 1)
        return ResourceId(self.subscription_id, self.resource_group, provider, (short,), (name,))

    def __str__(self) -> str:
        if self.text:
            return self.text
        base = f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
        if not self.types:
            return base
        pairs = "".join(f"/{kind}/{name}" for kind, name in zip(self.types, self.names, strict=True))
        return f"{base}/providers/{self.provider}{pairs}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ResourceId) and self.key == other.key

    def __lt__(self, other: ResourceId) -> bool:
        return self.key < other.key

    def __hash__(self) -> int:
        return hash(self.key)


def _segments(text: object) -> list[str]:
    if not isinstance(text, str) or len(text) > _MAX_LENGTH or not text.isprintable() or _FORBIDDEN.search(text):
        raise InvalidResourceId(f"not a resource id: {_shorten(text)}")
    segments = text.strip("/").split("/")
    well_formed = (
        text.startswith("/")
        and len(segments) >= 4
        and all(segments)
        and segments[0].lower() == "subscriptions"
        and _UUID.fullmatch(segments[1]) is not None
        and segments[2].lower() == "resourcegroups"
    )
    if not well_formed:
        raise InvalidResourceId(f"not a resource id: {_shorten(text)}")
    return segments


def _shorten(text: object) -> str:
    return repr(text if isinstance(text, str) else type(text).__name__)[:120]


def is_guid(text: str) -> bool:
    """Whether the text is a GUID, as subscription and tenant ids are."""
    return _UUID.fullmatch(text) is not None
