"""Contoso with a firewall to write, and API servers that are registered already."""

from __future__ import annotations

import pytest

from tests.app.conftest import contoso

__all__ = ["contoso"]


@pytest.fixture(scope="session", autouse=True)
def _sdk_is_loaded() -> None:
    """Importing the SDK takes seconds, which are an hour on the clock of these tests."""
    import azure.data.tables.aio
    import azure.mgmt.containerservice.aio
    import azure.mgmt.network.aio
    import azure.mgmt.privatedns.aio
    import azure.mgmt.resource.resources.aio
    import azure.storage.blob.aio  # noqa: F401
