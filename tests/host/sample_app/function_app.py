"""A small function app that remembers what its functions were given; ``GET /api/seen`` tells."""

import asyncio
import json
import threading
import time
from typing import Any

import azure.functions as func

app = func.FunctionApp()
more = func.Blueprint()

SEEN: list[dict[str, Any]] = []
MEETING: set[str] = set()
RUNNING: set[int] = set()


def remember(function: str, **what: Any) -> None:
    SEEN.append({"function": function, "thread": threading.current_thread().name, **what})


@app.route(route="seen", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def seen(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(json.dumps(SEEN), mimetype="application/json")


def described(function: str, req: func.HttpRequest) -> func.HttpResponse:
    answer = {
        "function": function,
        "method": req.method,
        "route": dict(req.route_params),
        "params": dict(req.params),
        "header": req.headers.get("X-Test"),
        "body": req.get_body().decode(),
    }
    return func.HttpResponse(json.dumps(answer), mimetype="application/json")


@app.route(route="items/{id:int}", methods=["GET", "POST"])
def item(req: func.HttpRequest) -> func.HttpResponse:
    return described("item", req)


@app.route(route="items/{name}", methods=["GET"])
def named_item(req: func.HttpRequest) -> func.HttpResponse:
    return described("named_item", req)


@app.route(route="items/special", methods=["GET"])
def special_item(req: func.HttpRequest) -> func.HttpResponse:
    return described("special_item", req)


@app.route(route="items/{name}", methods=["DELETE"])
def delete_item(req: func.HttpRequest) -> func.HttpResponse:
    return described("delete_item", req)


@more.route(route="files/{*rest}", methods=["GET"])
async def files(req: func.HttpRequest) -> func.HttpResponse:
    return described("files", req)


@more.route(route="pages/{page:int?}", methods=["GET"])
async def pages(req: func.HttpRequest) -> func.HttpResponse:
    return described("pages", req)


@more.route(route="teapot", auth_level=func.AuthLevel.ANONYMOUS)
async def teapot(req: func.HttpRequest) -> func.HttpResponse:
    headers = {"X-Kind": "earl grey", "Set-Cookie": "cup=full; Path=/"}
    return func.HttpResponse(b"\x00tea", status_code=418, headers=headers, mimetype="application/x-tea")


@more.route(route="text")
def text(req: func.HttpRequest, context: func.Context) -> str:
    return f"plain {context.function_name}"


@more.route(route="boom")
async def boom(req: func.HttpRequest) -> func.HttpResponse:
    raise ValueError("secret detail")


@more.route(route="slow")
async def slow(req: func.HttpRequest) -> func.HttpResponse:
    remember("slow_started")
    await asyncio.sleep(float(req.params["seconds"]))
    return func.HttpResponse("done")


@more.route(route="sleep_in_thread")
def sleep_in_thread(req: func.HttpRequest) -> func.HttpResponse:
    remember("sleep_in_thread_started")
    time.sleep(float(req.params["seconds"]))
    return func.HttpResponse("done")


@more.route(route="dormant")
async def dormant(req: func.HttpRequest) -> func.HttpResponse:
    remember("dormant")
    return func.HttpResponse("awake")


@more.route(route="enqueue", methods=["POST"])
@more.queue_output(arg_name="work", queue_name="%WORK_QUEUE%", connection="AzureWebJobsStorage")
async def enqueue(req: func.HttpRequest, work: func.Out[str]) -> func.HttpResponse:
    work.set(req.get_body().decode())
    return func.HttpResponse(status_code=202)


@app.event_grid_trigger(arg_name="event")
async def on_event(event: func.EventGridEvent) -> None:
    data = event.get_json()
    remember("on_event", id=event.id, subject=event.subject, type=event.event_type)
    if data.get("fail"):
        raise RuntimeError(data["fail"])
    if data.get("meet"):  # ends only when as many events as asked for run at the same time
        MEETING.add(event.id)
        async with asyncio.timeout(5):
            while len(MEETING) < data["meet"]:  # noqa: ASYNC110
                await asyncio.sleep(0.005)


@app.event_grid_trigger(arg_name="event")
def on_cloud_event(event: func.CloudEvent) -> None:
    remember("on_cloud_event", id=event.id, source=event.source)


@app.queue_trigger(arg_name="msg", queue_name="%WORK_QUEUE%", connection="AzureWebJobsStorage")
@app.queue_output(arg_name="$return", queue_name="%DONE_QUEUE%", connection="AzureWebJobsStorage")
async def on_work(msg: func.QueueMessage) -> str | None:
    body = msg.get_body().decode()
    RUNNING.add(id(msg))
    remember(
        "on_work",
        body=body,
        id=msg.id,
        dequeue_count=msg.dequeue_count,
        inserted=bool(msg.insertion_time),
        expires=bool(msg.expiration_time),
        receipt=bool(msg.pop_receipt),
        running=len(RUNNING),
    )
    try:
        if body.startswith("fail"):
            raise RuntimeError("asked to fail")
        if body.startswith("wait"):
            await asyncio.sleep(float(body.split()[1]))
    finally:
        RUNNING.discard(id(msg))
    return f"done {body}"


@app.queue_trigger(arg_name="msg", queue_name="%WORK_QUEUE%-poison", connection="AzureWebJobsStorage")
async def on_poison(msg: func.QueueMessage) -> None:
    remember("on_poison", body=msg.get_body().decode())
    raise RuntimeError("cannot be helped")


@app.timer_trigger(arg_name="timer", schedule="%TICK%")
async def tick(timer: func.TimerRequest) -> None:
    started = time.monotonic()
    await asyncio.sleep(0.05)
    remember(
        "tick",
        past_due=timer.past_due,
        status=timer.schedule_status,
        started=started,
        ended=time.monotonic(),
    )


@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *", run_on_startup=True)
def at_start(timer: func.TimerRequest) -> None:
    remember("at_start", past_due=timer.past_due)


app.register_functions(more)
