"""The app against the local Azure, as the tests of the app have it."""

from tests.app.conftest import contoso

__all__ = ["contoso"]
