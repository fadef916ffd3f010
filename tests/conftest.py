"""What every test stands on: one certificate authority and one Azurite."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from local.azure.tls import write_certificates

# aiohttp reads SSL_CERT_FILE when it is imported, so the authority must be there before anything imports aiohttp.
CERTIFICATES = write_certificates(Path(tempfile.mkdtemp(prefix="aks-hublink-tests-")))
os.environ["SSL_CERT_FILE"] = str(CERTIFICATES.ca)

pytest_plugins = ["tests.fixtures_azurite"]
