"""From Azure's answers to errors whose class says what to do.

Azure says "busy" in many ways: 409 and 429, but also 400 from a firewall policy that is being updated, and a failed
status inside an HTTP 200 from private DNS. All of them are told apart here and nowhere else.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shared.errors import HublinkError, PermanentError, ResourceGone, TemporaryError
from shared.plan.finding import Code

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from azure.core.exceptions import AzureError, HttpResponseError

    from shared.model.resource_id import ResourceId

_BUSY = re.compile(
    r"UpdateNotAllowed|AnotherOperation|ReferencedResourceNotProvisioned|RetryableError|CanceledAndSuperseded"
    # A subnet PUT re-sends what was just read, so an "invalid" one has met another write to its VNet.
    r"|NetcfgInvalidSubnet"
    r"|FirewallPolicyUpdateFailed|IpGroupsUpdateFailed|TooManyRequests|ServerBusy|OperationNotAllowed|Timeout"
    r"|InternalServerError|InternalError|ServiceUnavailable",
    re.IGNORECASE,
)
# A resource lock answers 409, too, but waiting does not remove it.
_LOCKED = re.compile(r"\bScopeLocked\b")
_OVERLAP = re.compile(r"overlapping namespaces", re.IGNORECASE)
_ACTION = re.compile(r"action\(?s?\)? '([^']+)'(?! on scope)", re.IGNORECASE)
_TEMPORARY_STATUS = frozenset({408, 409, 412, 429, 500, 502, 503, 504})
_LONGEST_MESSAGE = 400


@contextmanager
def azure_errors(resource: ResourceId) -> Iterator[None]:
    """Turn every error of the Azure SDK inside the block into one of ours, naming the resource."""
    from azure.core.exceptions import AzureError  # noqa: PLC0415  # cold start

    try:
        yield
    except AzureError as error:
        raise classify(error, resource) from error


def classify(error: AzureError, resource: ResourceId) -> HublinkError:
    """The error of ours that says what to do about an error of the SDK."""
    from azure.core.exceptions import HttpResponseError  # noqa: PLC0415

    if not isinstance(error, HttpResponseError) or error.response is None:
        # No answer, or none to its end: a broken connection, a time-out, no token yet. The change may have been made.
        return TemporaryError(f"no answer from Azure ({_shorten(str(error))})", resource=str(resource))
    text = f"{error_code(error)} {error.message}"
    if error.status_code == 403:
        return _forbidden(error, resource)
    if _OVERLAP.search(text):
        return PermanentError(
            _shorten(error.message),
            code=Code.ZONE_OVERLAPPING,
            resource=str(resource),
            fix="A VNet sees one zone of a name only. Remove the other zone's link, or give one cluster another zone.",
        )
    if error.status_code == 404:
        return ResourceGone(_shorten(error.message), resource=str(resource))
    busy = error.status_code in _TEMPORARY_STATUS or _BUSY.search(text) or "canceled" in text.lower()
    if busy and not _LOCKED.search(text):
        return TemporaryError(_shorten(text), resource=str(resource), retry_after=_retry_after(error))
    return PermanentError(
        f"Azure refused the change: {_shorten(text)}",
        code=Code.CHANGE_FAILED,
        resource=str(resource),
        fix="Read Azure's message; the change is tried again at the next event or drift run.",
    )


def error_code(error: HttpResponseError) -> str:
    """Azure's own error codes, outer and inner, joined."""
    inner = getattr(error, "error", None)
    details = [str(detail.code) for detail in (getattr(inner, "details", None) or [])]
    return " ".join([str(getattr(inner, "code", "") or ""), *details]).strip()


def _forbidden(error: HttpResponseError, resource: ResourceId) -> PermanentError:
    text = f"{error_code(error)} {error.message}"
    if "DenyAssignment" in text or "deny assignment" in text:
        return PermanentError(
            "A deny assignment (node resource group lockdown) forbids the change.",
            code=Code.NODE_GROUP_LOCKED,
            resource=str(resource),
            fix="Use a bring-your-own private DNS zone and name it in TRUSTED_ZONE_IDS.",
        )
    if "RequestDisallowedByPolicy" in text:
        return PermanentError(
            f"An Azure Policy forbids the change: {_shorten(error.message)}",
            code=Code.CHANGE_FAILED,
            resource=str(resource),
            fix="Exempt the resource from the policy, or make the change by hand.",
        )
    actions = _ACTION.findall(text)
    missing = actions[-1] if actions else "an action"
    return PermanentError(
        f"The app's identity may not do {missing}.",
        code=Code.RIGHTS_MISSING,
        resource=str(resource),
        fix="Assign the role of infra/role_definition.json to the app's identity there; it takes minutes to be felt.",
    )


def _retry_after(error: HttpResponseError) -> float | None:
    headers: Mapping[str, str] = getattr(error.response, "headers", None) or {}
    try:
        return float(headers["retry-after-ms"]) / 1000 if "retry-after-ms" in headers else float(headers["Retry-After"])
    except (KeyError, ValueError):
        return None


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_MESSAGE else line[: _LONGEST_MESSAGE - 1] + "…"
