"""The request for a backfill: read and checked, every mistake named in one answer. Pure."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from shared.model import azure_types
from shared.model.resource_id import ResourceId, is_guid
from shared.problem import Problem, ProblemError
from shared.settings import Settings
from shared.survey import Selection

MAX_BODY_BYTES = 256 * 1024
MAX_CLUSTERS = 1000
REQUEST_ID_HEADER = "x-ms-client-request-id"
_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_RUN_NAMESPACE = uuid.UUID("6f6d2c0a-6f9f-4d55-9d0b-6f6b8f1d2a11")
_MOST_MISTAKES = 50


def _subscription(value: str) -> str:
    if not is_guid(value):
        raise ValueError("is no subscription id")
    return value.lower()


def _cluster(value: object) -> ResourceId:
    parsed = ResourceId.parse(value)
    if not parsed.is_type(azure_types.MANAGED_CLUSTER):
        raise ValueError("is no id of a managed cluster")
    return parsed


def _digest(value: str) -> str:
    if not _DIGEST.fullmatch(value):
        raise ValueError("is no digest: 64 hex digits, as a dry run answers them")
    return value


def _request_id(value: str) -> str:
    if not _REQUEST_ID.fullmatch(value):
        raise ValueError("must be 1 to 100 letters, digits, dots, colons, hyphens or underscores")
    return value


class BackfillRequest(BaseModel):
    """A checked request. Without `subscriptions` and `clusters`: everything that is looked after."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True, populate_by_name=True
    )

    subscriptions: tuple[Annotated[str, AfterValidator(_subscription)], ...] = Field(default=(), strict=False)
    clusters: tuple[Annotated[ResourceId, BeforeValidator(_cluster)], ...] = Field(
        default=(), strict=False, max_length=MAX_CLUSTERS
    )
    dry_run: bool = Field(default=True, alias="dryRun")
    plan_digest: Annotated[str, AfterValidator(_digest)] | None = Field(default=None, alias="planDigest")
    max_changes: int | None = Field(default=None, alias="maxChanges", ge=1)
    request_id: Annotated[str, AfterValidator(_request_id)] | None = Field(default=None, alias="requestId")

    @model_validator(mode="after")
    def _digest_is_for_applying(self) -> BackfillRequest:
        if self.plan_digest and self.dry_run:
            raise ValueError("planDigest approves a plan to be applied: send it with dryRun false")
        return self

    @property
    def selection(self) -> Selection:
        """The part of the fleet that is meant."""
        return Selection(subscriptions=frozenset(self.subscriptions), clusters=self.clusters)

    def as_data(self) -> dict[str, Any]:
        """What was asked for, as JSON data; the same request gives the same data."""
        return {
            "subscriptions": sorted(self.subscriptions),
            "clusters": sorted(str(cluster) for cluster in self.clusters),
            "dryRun": self.dry_run,
            "planDigest": self.plan_digest,
            "maxChanges": self.max_changes,
            "requestId": self.request_id,
        }

    @property
    def fingerprint(self) -> str:
        """Equal for requests that ask for the same."""
        return hashlib.sha256(json.dumps(self.as_data(), sort_keys=True).lower().encode()).hexdigest()

    @property
    def run_id(self) -> str:
        """The id of its run: the same for the same request id, new without one."""
        return str(uuid.uuid5(_RUN_NAMESPACE, self.request_id) if self.request_id else uuid.uuid4())


def read_request(body: bytes, headers: Mapping[str, str], settings: Settings) -> BackfillRequest:
    """Read and check a request.

    Raises:
        ProblemError: 413 for a body that is too large, 400 with every mistake for a wrong one.
    """
    if len(body) > MAX_BODY_BYTES:
        detail = f"The body has {len(body)} bytes, {MAX_BODY_BYTES} are allowed."
        raise ProblemError(Problem(status=413, code="body-too-large", detail=detail))
    wire = _json_object(body)
    header = headers.get(REQUEST_ID_HEADER)
    mistakes = []
    if header:
        if "requestId" in wire and wire["requestId"] != header:
            mistakes.append(f"requestId: differs from the header {REQUEST_ID_HEADER}")
        wire = {**wire, "requestId": header}
    try:
        request = BackfillRequest.model_validate_json(json.dumps(wire))
    except ValidationError as error:
        mistakes += [_mistake(item) for item in error.errors(include_url=False, include_input=False)]
        raise _bad(mistakes) from None
    mistakes += _out_of_care(request, settings)
    if mistakes:
        raise _bad(mistakes)
    return request


def _json_object(body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        wire = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise _bad(["the body is not JSON"]) from None
    if not isinstance(wire, dict):
        raise _bad(["the body is not a JSON object"])
    return wire


def _no_constant(name: str) -> float:
    raise ValueError(name)


def _out_of_care(request: BackfillRequest, settings: Settings) -> list[str]:
    mistakes = []
    for index, subscription in enumerate(request.subscriptions):
        if not settings.allows_subscription(subscription):
            mistakes.append(f"subscriptions[{index}]: is not one of SPOKE_SUBSCRIPTION_IDS")
    chosen = set(request.subscriptions)
    for index, cluster in enumerate(request.clusters):
        if not settings.allows_subscription(cluster.subscription_id):
            mistakes.append(f"clusters[{index}]: is in a subscription that is not one of SPOKE_SUBSCRIPTION_IDS")
        elif chosen and cluster.subscription_id.lower() not in chosen:
            mistakes.append(f"clusters[{index}]: is in none of the subscriptions of this request")
    return mistakes


def _bad(mistakes: list[str]) -> ProblemError:
    more = len(mistakes) - _MOST_MISTAKES
    named = mistakes[:_MOST_MISTAKES] + ([f"and {more} more"] if more > 0 else [])
    detail = "The request was not understood; every mistake is named in `mistakes`."
    return ProblemError(Problem(status=400, code="bad-request", detail=detail, mistakes=named))


def _mistake(item: Any) -> str:
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in item["loc"]).lstrip(".")
    message = str(item["msg"]).removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    return f"{where}: {message}" if where else message
