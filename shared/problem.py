"""Problem details for HTTP answers (RFC 9457): one shape for everything that is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

MEDIA_TYPE = "application/problem+json"
_TYPE_PREFIX = "tag:aks-hublink,2026:problem:"


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What went wrong, for a program (`status`, `code`) and for a human (`detail`, `mistakes`).

    `mistakes` names every single mistake in a request. `more` holds further members of the answer.
    """

    status: int
    code: str
    detail: str
    mistakes: Sequence[str] = ()
    more: Mapping[str, Any] = field(default_factory=dict)

    def as_data(self) -> dict[str, Any]:
        """The body: `type`, `title`, `status`, `detail`, and what was added."""
        body: dict[str, Any] = {
            "type": f"{_TYPE_PREFIX}{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.mistakes:
            body["mistakes"] = list(self.mistakes)
        return body | dict(self.more)

    def as_json(self) -> str:
        """The body as JSON text."""
        return json.dumps(self.as_data())


class ProblemError(Exception):
    """Raised where a request turns out to be wrong; whoever answers HTTP turns it into the answer."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem
