"""Errors whose class says what happens next.

`IrrelevantEvent` is acknowledged, `NotReady` goes back on the queue, `TemporaryError` is retried, `PermanentError`
becomes a finding, `UnsafePlan` stops everything, `SettingsError` keeps the messages until the settings are right.
"""

from __future__ import annotations

from collections.abc import Sequence


class HublinkError(Exception):
    """Base of all errors raised on purpose. The text names resource, cause and fix, as far as they are known."""

    def __init__(self, message: str, *, resource: str = "", fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.resource = resource
        self.fix = fix

    def __str__(self) -> str:
        parts = [f"{self.resource}: {self.message}" if self.resource else self.message]
        if self.fix:
            parts.append(f"Fix: {self.fix}")
        return " ".join(parts)


class IrrelevantEvent(HublinkError):
    """An event that is not ours: acknowledge it with one log line."""


class NotReady(HublinkError):
    """Azure has not got that far yet: look again later."""


class TemporaryError(HublinkError):
    """Azure is busy, throttling or changed under us: try again, after `retry_after` seconds when Azure said so."""

    def __init__(self, message: str, *, resource: str = "", fix: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, resource=resource, fix=fix)
        self.retry_after = retry_after


class PermanentError(HublinkError):
    """Trying again will not help. `code` is the code of the finding it becomes."""

    def __init__(self, message: str, *, code: str, resource: str = "", fix: str = "") -> None:
        super().__init__(message, resource=resource, fix=fix)
        self.code = code


class ResourceGone(HublinkError):
    """The resource was deleted while we worked on it: the next look at the world will not want the change."""


class UnsafePlan(HublinkError):
    """A plan that the guard refuses; nothing of it is applied. `code` is the code of the finding it becomes."""

    def __init__(self, message: str, *, code: str, resource: str = "", fix: str = "") -> None:
        super().__init__(message, resource=resource, fix=fix)
        self.code = code


class InvalidResourceId(HublinkError, ValueError):
    """Text that is not a resource id."""


class SettingsError(HublinkError):
    """Wrong or missing app settings; `mistakes` names every one of them, without values."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("Wrong settings: " + "; ".join(mistakes), fix="Correct the app settings and restart.")
        self.mistakes = tuple(mistakes)


class LeaseLost(TemporaryError):
    """Somebody else may hold the lock now: stop writing."""
