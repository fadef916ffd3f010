"""What Azure's answers mean: busy, gone, forbidden, overlapping, or refused for good."""

from __future__ import annotations

import json
from typing import Any

import pytest
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    IncompleteReadError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceRequestTimeoutError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)
from azure.core.utils import case_insensitive_dict

from shared.azure_errors import azure_errors, classify, error_code
from shared.errors import PermanentError, ResourceGone, TemporaryError
from shared.plan.finding import Code
from tests.builders import NODES_ID

JOIN = "Microsoft.Network/routeTables/join/action"
WRITE = "Microsoft.Network/virtualNetworks/subnets/write"


class Response:
    """As much of an HTTP response as the SDK's exceptions read."""

    def __init__(self, status_code: int, body: Any = "", **headers: str) -> None:
        self.status_code = status_code
        self.reason = "because"
        self.headers = case_insensitive_dict({name.replace("_", "-"): value for name, value in headers.items()})
        self._text = body if isinstance(body, str) else json.dumps(body)

    def text(self, encoding: str | None = None) -> str:
        return self._text


def answered(status: int, code: str = "", message: str = "no", *, details: Any = (), **headers: str) -> AzureError:
    body = {"error": {"code": code or "Error", "message": message, "details": list(details)}}
    return HttpResponseError(response=Response(status, body, **headers))


def classified(error: AzureError) -> Any:
    return classify(error, NODES_ID)


BUSY = [
    (400, "FirewallPolicyRuleCollectionGroupUpdateNotAllowed", "Rule Collection Group X can not be updated"),
    (400, "FirewallPolicyRuleCollectionGroupUpdateNotAllowedWhenUpdatingOrDeleting", "operation 1234"),
    (400, "ReferencedResourceNotProvisioned", "the VNet of a peering is Updating"),
    (400, "NetcfgInvalidSubnet", "parallel subnet writes"),
    (200, "RetryableError", "inside a long-running operation"),
    (200, "FirewallPolicyUpdateFailed", "Put on Firewall Policy X Failed with 1 faulted referenced firewalls"),
    (200, "IpGroupsUpdateFailed", "parallel IP group writes"),
    (200, "Canceled", "Operation was canceled."),
    (200, "InternalServerError", "inside a long-running operation"),
    (409, "AnotherOperationInProgress", "Another operation on this or dependent resource is in progress."),
    (429, "AnotherOperationInProgress", "as older versions say it"),
    (200, "AnotherOperationInProgress", "inside a long-running operation"),
    (429, "TooManyRequests", "slow down"),
    (412, "PreconditionFailed", "Etag provided in if-match header does not match"),
    (408, "RequestTimeout", "too slow"),
    (409, "Conflict", "something else is going on"),
    *((status, "Error", "trouble at Azure's side") for status in (500, 502, 503, 504)),
]


@pytest.mark.parametrize(("status", "code", "message"), BUSY, ids=[f"{status} {code}" for status, code, _ in BUSY])
def test_busy_in_all_its_forms_is_temporary(status, code, message):
    found = classified(answered(status, code, message))

    assert type(found) is TemporaryError
    assert code in found.message
    assert found.resource == str(NODES_ID)


def test_operation_that_a_newer_one_superseded_is_temporary():
    detail = {
        "code": "CanceledAndSupersededDueToAnotherOperation",
        "message": "Operation PutSubnetOperation (1) was canceled and superseded by operation PutSubnetOperation (2).",
    }
    found = classified(answered(200, "Failed", "no", details=[detail]))

    assert type(found) is TemporaryError
    assert "CanceledAndSuperseded" in found.message


NO_ANSWER = [
    ServiceRequestError("connection refused"),
    ServiceRequestTimeoutError("connect"),
    ServiceResponseError("connection reset"),
    ServiceResponseTimeoutError("read"),
    IncompleteReadError("half a body"),
    ClientAuthenticationError("no token yet"),
    HttpResponseError("no response at all"),
    AzureError("something"),
]


@pytest.mark.parametrize("error", NO_ANSWER, ids=lambda error: type(error).__name__)
def test_no_answer_is_temporary(error):
    found = classified(error)

    assert type(found) is TemporaryError
    assert "no answer from Azure" in found.message
    assert found.retry_after is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry_After": "17"}, 17.0),
        ({"retry_after": "0"}, 0.0),
        ({"retry_after_ms": "2500", "Retry_After": "17"}, 2.5),
        ({"Retry_After": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_passed_on(headers, seconds):
    assert classified(answered(429, "TooManyRequests", **headers)).retry_after == seconds


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ResourceNotFound", "The Resource was not found."),
        ("ResourceGroupNotFound", "Resource group could not be found."),
        ("NotFound", "Resource not found."),
    ],
)
def test_not_found_is_gone(code, message):
    found = classified(ResourceNotFoundError(response=Response(404, {"error": {"code": code, "message": message}})))

    assert type(found) is ResourceGone
    assert message in found.message


@pytest.mark.parametrize("status", [200, 400, 409])
def test_overlapping_zone_is_permanent_even_inside_a_successful_poll(status):
    message = (
        "A virtual network cannot be linked to multiple zones with overlapping namespaces. You tried to link virtual "
        "network with 'X' and 'X' zones."
    )
    found = classified(answered(status, "BadRequest", message))

    assert type(found) is PermanentError
    assert found.code == Code.ZONE_OVERLAPPING
    assert "overlapping namespaces" in found.message
    assert found.fix


CLIENT = "The client 'x' with object id 'y'"
FORBIDDEN = {
    "missing right": (
        (
            f"{CLIENT} does not have authorization to perform action '{WRITE}' over scope '/subscriptions/1' or the "
            "scope is invalid."
        ),
        Code.RIGHTS_MISSING,
        WRITE,
    ),
    "missing right on what is linked": (
        (
            f"{CLIENT} has permission to perform action '{WRITE}' on scope '/subscriptions/1'; however, it does not "
            f"have permission to perform action '{JOIN}' on the linked scope(s) '/subscriptions/2' or the linked "
            "scope(s) are invalid."
        ),
        Code.RIGHTS_MISSING,
        JOIN,
    ),
    "missing rights, plural": (
        f"{CLIENT} does not have permission to perform action(s) '{JOIN}' on the linked scope(s) '/subscriptions/2'.",
        Code.RIGHTS_MISSING,
        JOIN,
    ),
    "only the right that is there": (
        f"{CLIENT} has permission to perform action '{WRITE}' on scope '/subscriptions/1'; however, it is blocked.",
        Code.RIGHTS_MISSING,
        "may not do an action",
    ),
    "no action named": ("Forbidden.", Code.RIGHTS_MISSING, "may not do an action"),
    "deny assignment": (
        (
            f"{CLIENT} has permission to perform action '{WRITE}' on scope '/subscriptions/1'; however, the access is "
            "denied because of the deny assignment with name 'AKS lockdown'."
        ),
        Code.NODE_GROUP_LOCKED,
        "deny assignment",
    ),
}


@pytest.mark.parametrize(("message", "code", "told"), FORBIDDEN.values(), ids=list(FORBIDDEN))
def test_forbidden_says_what_is_missing(message, code, told):
    found = classified(answered(403, "AuthorizationFailed", message))

    assert type(found) is PermanentError
    assert found.code == code
    assert told in found.message
    assert found.fix


def test_deny_assignment_is_recognised_by_its_code():
    assert classified(answered(403, "DenyAssignmentAuthorizationFailed")).code == Code.NODE_GROUP_LOCKED


def test_policy_that_forbids_is_not_taken_for_a_missing_right():
    message = "Resource 'nodes' was disallowed by policy. Policy identifiers: 'deny-route-tables'."
    found = classified(answered(403, "RequestDisallowedByPolicy", message))

    assert found.code == Code.CHANGE_FAILED
    assert "Azure Policy forbids" in found.message
    assert "deny-route-tables" in found.message


def test_resource_lock_is_permanent_although_it_answers_conflict():
    message = "The scope cannot perform write operation because following scope(s) are locked: '/subscriptions/1'."
    found = classified(answered(409, "ScopeLocked", message))

    assert type(found) is PermanentError
    assert found.code == Code.CHANGE_FAILED


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "InvalidRequestFormat"), (400, "InvalidResourceReference"), (401, "ExpiredAuthenticationToken"), (405, "X")],
)
def test_everything_else_is_permanent_and_quotes_azure(status, code):
    found = classified(answered(status, code, "because of this"))

    assert type(found) is PermanentError
    assert found.code == Code.CHANGE_FAILED
    assert code in found.message
    assert "because of this" in found.message
    assert found.fix


def test_body_without_an_envelope_is_read():
    """AKS answers validation errors so."""
    body = {"code": "ExistingRouteTableNotAssociatedWithSubnet", "details": None, "message": "no table", "subcode": ""}
    found = classified(HttpResponseError(response=Response(400, body)))

    assert "ExistingRouteTableNotAssociatedWithSubnet" in found.message


def test_body_that_is_no_json_is_survived():
    assert type(classified(HttpResponseError(response=Response(502, "<html>Bad gateway</html>")))) is TemporaryError
    assert error_code(HttpResponseError(response=Response(502, "<html>"))) == ""


def test_long_messages_are_cut_to_one_line():
    found = classified(answered(400, "Bad", "line\r\n" * 1000))

    assert len(found.message) < 450
    assert "\n" not in found.message
    assert found.message.endswith("…")


def test_codes_of_details_are_read_too():
    error = answered(400, "Outer", details=[{"code": "Inner", "message": "m"}, {"code": "Other", "message": "m"}])

    assert error_code(error) == "Outer Inner Other"


def test_block_turns_the_sdks_errors_into_ours_and_lets_others_pass():
    with pytest.raises(ResourceGone) as gone, azure_errors(NODES_ID):
        raise ResourceNotFoundError(response=Response(404))
    assert isinstance(gone.value.__cause__, ResourceNotFoundError)
    with pytest.raises(ZeroDivisionError), azure_errors(NODES_ID):
        raise ZeroDivisionError
    with azure_errors(NODES_ID):
        pass
