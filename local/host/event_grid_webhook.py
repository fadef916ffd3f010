"""``/runtime/webhooks/EventGrid``: the webhook of the Event Grid trigger.

Answers as extension 3.x does. Source: Azure/azure-sdk-for-net,
``sdk/eventgrid/Microsoft.Azure.WebJobs.Extensions.EventGrid/src``: ``TriggerBinding/HttpRequestProcessor.cs`` and
``Config/EventGridExtensionConfigProvider.cs``.
"""

import asyncio
import json
import logging
from collections.abc import Iterable
from typing import Any

from aiohttp import web
from azure.functions.meta import Datum

from local.host.invoker import Invoker, Outcome
from local.host.loader import LoadedFunction
from local.host.work import RunningWork

_LOG = logging.getLogger("local.host.event_grid")


class EventGridWebhook:
    """Delivers Event Grid requests to functions.

    Args:
        functions: All functions of the app; those without an enabled Event Grid trigger cannot be found.
        invoker: Runs them.
        work: Where running invocations are tracked.
    """

    def __init__(self, functions: Iterable[LoadedFunction], invoker: Invoker, work: RunningWork) -> None:
        self._functions = {
            function.name: function
            for function in functions
            if function.trigger_type == "eventGridTrigger" and not function.disabled
        }
        self._invoker = invoker
        self._work = work

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request. ``functionName`` is case-sensitive, ``aeg-event-type`` is not."""
        name = request.query.get("functionName", "")
        function = self._functions.get(name)
        if function is None:
            return web.Response(status=404, text=f"cannot find function: '{name}'")
        if request.method == "OPTIONS":
            return web.Response(headers={"Webhook-Allowed-Origin": "eventgrid.azure.net"})
        match request.headers.get("aeg-event-type", "").lower():
            case "unsubscribe":
                return web.Response(status=202)
            case "subscriptionvalidation" | "notification" as event_type:
                return await self._answer_events(function, event_type, await request.read())
            case _:
                return web.Response(status=400)

    async def _answer_events(self, function: LoadedFunction, event_type: str, content: bytes) -> web.Response:
        try:
            body = json.loads(content)
            code = body[0]["data"]["validationCode"] if event_type == "subscriptionvalidation" else None
        except (ValueError, LookupError, TypeError) as error:
            _LOG.warning("Event Grid request for 'Functions.%s' cannot be read: %s", function.name, error)
            return web.Response(status=500, text=str(error))
        if code is not None:
            return web.json_response({"validationResponse": code})
        return await self._notify(function, body if isinstance(body, list) else [body])

    async def _notify(self, function: LoadedFunction, events: list[Any]) -> web.Response:
        """Run the function once per event, all at once, and answer when all have ended."""
        outcomes = await asyncio.gather(*(self._work.run(self._invoke(function, event)) for event in events))
        failed = next((outcome.error for outcome in outcomes if outcome.error is not None), None)
        if failed is None:
            return web.Response(status=202)
        text = f"Exception while executing function: Functions.{function.name}\n{type(failed).__name__}: {failed}"
        return web.Response(status=500, text=text)

    async def _invoke(self, function: LoadedFunction, event: Any) -> Outcome:
        data = Datum(json.dumps(event), "json")
        return await self._invoker.invoke(function, data, reason="EventGrid trigger fired")
