"""Who may do what: role definitions, role assignments, deny assignments."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from local.azure.errors import ArmError

TENANT_ID = "7e5a0c1e-0000-4000-8000-0000000c0de0"


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Somebody who calls Azure."""

    name: str
    object_id: str
    app_id: str


APP = Principal(
    name="aks-hublink",
    object_id="a1100000-0000-4000-8000-000000000001",
    app_id="a1100000-0000-4000-8000-0000000000c1",
)
OPERATOR = Principal(
    name="operator",
    object_id="b2200000-0000-4000-8000-000000000002",
    app_id="b2200000-0000-4000-8000-0000000000c2",
)
AKS = Principal(
    name="aks-resource-provider",
    object_id="c3300000-0000-4000-8000-000000000003",
    app_id="7319c514-987d-4e9b-ac3d-d38c4f427f4c",
)
PRINCIPALS = {principal.name: principal for principal in (APP, OPERATOR, AKS)}


@dataclass(frozen=True, kw_only=True)
class Role:
    """A role definition. `actions` and `not_actions` may hold wildcards."""

    title: str
    actions: tuple[str, ...]
    not_actions: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RoleAssignment:
    """`actions` (wildcards allowed) granted to a principal at a scope and below."""

    principal_id: str
    scope: str
    actions: tuple[str, ...]
    not_actions: tuple[str, ...] = ()
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class DenyAssignment:
    """Writes and deletes refused to everybody but `except_principals`, at a scope and below."""

    scope: str
    except_principals: tuple[str, ...]


@dataclass
class AccessControl:
    """Role and deny assignments of the whole tenant, its own roles by name (a GUID), and who is in which group.

    Groups and their members are object ids in lower case.
    """

    assignments: list[RoleAssignment] = field(default_factory=list)
    denials: list[DenyAssignment] = field(default_factory=list)
    groups: dict[str, frozenset[str]] = field(default_factory=dict)
    custom_roles: dict[str, Role] = field(default_factory=dict)

    def reset(self) -> None:
        """Back to the operator and AKS itself owning everything, and nobody else anything."""
        self.denials.clear()
        self.groups.clear()
        self.custom_roles.clear()
        self.assignments[:] = [
            RoleAssignment(principal_id=principal.object_id, scope="", actions=("*",)) for principal in (OPERATOR, AKS)
        ]

    def allows(self, principal: Principal, action: str, scope: str) -> bool:
        """Whether a role assignment at the scope or above grants the action."""
        return any(
            assignment.principal_id == principal.object_id
            and _covers(assignment.scope, scope)
            and any(_matches(granted, action) for granted in assignment.actions)
            and not any(_matches(refused, action) for refused in assignment.not_actions)
            for assignment in self.assignments
        )

    def scopes(self, principal: Principal, action: str) -> frozenset[str]:
        """The scopes, in lower case, at and below which the action is granted; an empty one is the whole tenant."""
        return frozenset(
            assignment.scope.lower().rstrip("/")
            for assignment in self.assignments
            if assignment.principal_id == principal.object_id
            and any(_matches(granted, action) for granted in assignment.actions)
            and not any(_matches(refused, action) for refused in assignment.not_actions)
        )

    def check(self, principal: Principal, action: str, scope: str) -> None:
        """Raise 403 unless the action is granted and no deny assignment stands against it."""
        if not self.allows(principal, action, scope):
            raise ArmError(403, "AuthorizationFailed", _refusal(principal, action, scope))
        if not action.lower().endswith("/read") and self._denied(principal, scope):
            message = (
                f"{_refusal(principal, action, scope)[:-1]}; however, access is denied because of the deny "
                "assignment with name 'Deny assignment for managed resource group'."
            )
            raise ArmError(403, "DenyAssignmentAuthorizationFailed", message)

    def check_linked(self, principal: Principal, action: str, scope: str, *, linked_action: str, linked: str) -> None:
        """Raise 403 unless the caller may also do `linked_action` on the resource the body refers to."""
        if self.allows(principal, linked_action, linked):
            return
        message = (
            f"The client with object id '{principal.object_id}' has permission to perform action '{action}' on scope "
            f"'{scope}'; however, it does not have permission to perform action(s) '{linked_action}' on the linked "
            f"scope(s) '{linked}' (respectively) or the linked scope(s) are invalid."
        )
        raise ArmError(403, "LinkedAuthorizationFailed", message)

    def _denied(self, principal: Principal, scope: str) -> bool:
        return any(
            _covers(denial.scope, scope) and principal.object_id not in denial.except_principals
            for denial in self.denials
        )


def _covers(assigned: str, scope: str) -> bool:
    above, below = assigned.lower().rstrip("/"), scope.lower()
    return not above or below == above or below.startswith(above + "/")


def _matches(granted: str, action: str) -> bool:
    pattern = re.escape(granted.lower()).replace(r"\*", ".*")
    return re.fullmatch(pattern, action.lower()) is not None


def _refusal(principal: Principal, action: str, scope: str) -> str:
    return (
        f"The client '{principal.app_id}' with object id '{principal.object_id}' does not have authorization to "
        f"perform action '{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, "
        "please refresh your credentials."
    )


def issue_token(principal: Principal, *, audience: str, issued: int, lifetime: int = 86_400) -> str:
    """An unsigned token that looks like Entra's: three base64 parts, the middle one naming the principal."""
    claims = {
        "aud": audience,
        "iss": f"https://sts.windows.net/{TENANT_ID}/",
        "iat": issued,
        "exp": issued + lifetime,
        "appid": principal.app_id,
        "oid": principal.object_id,
        "tid": TENANT_ID,
    }
    return ".".join(_segment(part) for part in ({"alg": "none", "typ": "JWT"}, claims)) + ".local"


def principal_of(token: str) -> Principal | None:
    """The principal a token was issued to, or None for a token that is not ours."""
    found = (item for item in PRINCIPALS.values() if item.object_id == _claims(token).get("oid"))
    return next(found, None)


def audience_of(token: str) -> str:
    """What a token was issued for; empty for a token that is not ours."""
    return str(_claims(token).get("aud", ""))


def _claims(token: str) -> Mapping[str, object]:
    try:
        middle = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _segment(part: Mapping[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
