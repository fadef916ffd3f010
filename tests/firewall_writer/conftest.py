"""Contoso with a firewall that takes its time, and API servers that are registered already."""

from __future__ import annotations

import pytest

from tests.app.conftest import Contoso
from tests.app.conftest import contoso as contoso_as_it_is

__all__ = ["contoso", "contoso_as_it_is"]


UPDATE_SECONDS = 120.0


@pytest.fixture(scope="session", autouse=True)
def _sdk_is_loaded() -> None:
    """Importing the SDK takes seconds, which are an hour on the clock of these tests."""
    import azure.data.tables.aio
    import azure.mgmt.containerservice.aio
    import azure.mgmt.network.aio
    import azure.mgmt.privatedns.aio
    import azure.mgmt.resource.resources.aio
    import azure.storage.blob.aio  # noqa: F401


@pytest.fixture
async def contoso(contoso_as_it_is: Contoso) -> Contoso:
    """Contoso with firewall updates that take minutes."""
    contoso_as_it_is.azure.latencies.firewall_policy = UPDATE_SECONDS
    return contoso_as_it_is
