"""The settings a user is told about are the settings that exist."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local.azure.environment import app_environment
from local.azure.seed.contoso import SPOKES, description
from scripts import configuration
from shared.settings import Settings, load_settings, setting_name

ROOT = Path(__file__).parents[2]
SETTINGS = {setting_name(field) for field in Settings.model_fields}
NOT_OURS = {"FUNCTIONS_WORKER_RUNTIME", "IDENTITY_ENDPOINT", "IDENTITY_HEADER", "SSL_CERT_FILE"}
# For an account in Azure, reached with an identity; beside a connection string they would say two things at once.
IN_AZURE_ONLY = {"AzureWebJobsStorage__accountName", "AzureWebJobsStorage__clientId"}


@pytest.fixture
def example() -> dict[str, str]:
    document: dict[str, Any] = json.loads((ROOT / "local.settings.json.example").read_text(encoding="utf-8"))
    assert document["IsEncrypted"] is False
    return dict(document["Values"])


def test_example_has_every_setting_and_no_other(example: dict[str, str]) -> None:
    assert set(example) == (SETTINGS - IN_AZURE_ONLY) | NOT_OURS


def test_example_is_valid(example: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in example.items():
        if name != "SSL_CERT_FILE":
            monkeypatch.setenv(name, value)

    settings = load_settings()

    assert settings.storage_connection_string == "UseDevelopmentStorage=true"
    assert settings.trusted_zone_ids == ()
    assert settings.mode_zone_links is None


def test_example_fits_the_local_azure(example: dict[str, str]) -> None:
    written = {**description(SPOKES)["settings"], **app_environment("https://localhost:8443", ".local/azure/ca.pem")}

    assert {name: example[name] for name in written} == written


def test_page_is_up_to_date() -> None:
    assert configuration.PAGE.read_text(encoding="utf-8") == configuration.page(), "run `make docs`"


def test_page_explains_every_setting() -> None:
    for name in SETTINGS:
        assert f"| `{name}` |" in configuration.page()
    assert "| None |" not in configuration.page()
