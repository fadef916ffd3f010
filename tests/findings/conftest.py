"""The app against the local Azure, as in tests/app."""

from tests.app.conftest import contoso

__all__ = ["contoso"]
