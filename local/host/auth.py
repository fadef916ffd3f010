"""Keys of HTTP functions, webhooks and the admin API."""

import hmac

from aiohttp import web


class KeyCheck:
    """Decides who may call. Like Core Tools it lets everybody in unless checking is enabled.

    Args:
        enabled: Whether ``--enable-auth`` was given.
        key: The one key that opens everything (``LOCAL_HOST_KEY``); empty opens nothing.
    """

    def __init__(self, *, enabled: bool = False, key: str = "") -> None:
        self._enabled = enabled
        self._key = key

    def allows(self, request: web.BaseRequest) -> bool:
        """Tell whether the request carries the key in ``x-functions-key`` or ``?code=``, or needs none."""
        if not self._enabled:
            return True
        given = request.headers.get("x-functions-key") or request.query.get("code", "")
        return bool(self._key) and hmac.compare_digest(given.encode(), self._key.encode())
