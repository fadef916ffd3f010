"""Role assignments: what somebody may do at a scope and below it."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from shared.model.resource_id import ResourceId


@dataclass(frozen=True, kw_only=True)
class Permission:
    """What one entry of a role allows: `actions` without `not_actions`, both with wildcards."""

    actions: tuple[str, ...]
    not_actions: tuple[str, ...] = ()

    def allows(self, action: str) -> bool:
        """Whether an action is among them."""
        return _any_matches(self.actions, action) and not _any_matches(self.not_actions, action)


@dataclass(frozen=True, kw_only=True)
class RoleAssignment:
    """A role given to a principal.

    `principal` is an object id, `role` the name (a GUID) of a role definition, both in lower case.
    `scope` is the id, in lower case, of what it holds for with everything below: a resource, a resource group, a
    subscription, a management group, or `/` for all.
    """

    principal: str
    role: str
    scope: str

    def covers(self, resource: ResourceId) -> bool:
        """Whether the assignment holds for a resource.

        A management group is taken to hold it: Azure lists the assignments of those above a subscription only.
        """
        scope = self.scope.rstrip("/")
        above = not scope or scope.startswith("/providers/microsoft.management/")
        return above or resource.key == scope or resource.key.startswith(f"{scope}/")


@dataclass(frozen=True, kw_only=True)
class Grant:
    """An assignment with what its role allows."""

    assignment: RoleAssignment
    permissions: tuple[Permission, ...]

    def allows(self, action: str, resource: ResourceId) -> bool:
        """Whether it grants an action on a resource."""
        return self.assignment.covers(resource) and any(item.allows(action) for item in self.permissions)


def _any_matches(patterns: tuple[str, ...], action: str) -> bool:
    return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)
