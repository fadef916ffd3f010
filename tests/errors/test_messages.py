"""Errors name the resource, the cause and the fix, as far as they are known."""

from __future__ import annotations

import pytest

from shared.errors import (
    HublinkError,
    InvalidResourceId,
    LeaseLost,
    PermanentError,
    SettingsError,
    TemporaryError,
    UnsafePlan,
)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (HublinkError("it broke"), "it broke"),
        (HublinkError("it broke", resource="/vnet"), "/vnet: it broke"),
        (HublinkError("it broke", fix="mend it"), "it broke Fix: mend it"),
        (PermanentError("it broke", code="C", resource="/vnet", fix="mend it"), "/vnet: it broke Fix: mend it"),
        (UnsafePlan("too much", code="C"), "too much"),
    ],
)
def test_text_holds_resource_cause_and_fix(error, text):
    assert str(error) == text


def test_settings_error_names_every_mistake():
    error = SettingsError(["A is required", "B is wrong"])

    assert error.mistakes == ("A is required", "B is wrong")
    assert str(error) == "Wrong settings: A is required; B is wrong Fix: Correct the app settings and restart."


def test_lost_lease_is_a_temporary_error_and_a_bad_id_a_value_error():
    assert isinstance(LeaseLost("lost"), TemporaryError)
    assert isinstance(InvalidResourceId("no"), ValueError)
    assert TemporaryError("busy").retry_after is None
