"""``python -m local.host``: runs a function app without Azure Functions Core Tools."""

import argparse
import asyncio
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path

from local.host.auth import KeyCheck
from local.host.errors import HostError
from local.host.server import FunctionsHost
from local.host.settings import add_to_environment, read_local_settings

READY = "Host ready: "


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.host", description=__doc__)
    add = parser.add_argument
    add("--port", type=int, default=7071, help="port to listen on; 0 takes a free one")
    add("--address", default="127.0.0.1", help="address to listen on")
    add("--app-dir", type=Path, default=Path.cwd(), help="folder of function_app.py")
    add("--settings", help="local.settings.json; default: the one in the app's folder; '' for none")
    add("--enable-auth", action="store_true", help="demand the key in LOCAL_HOST_KEY where Azure demands one")
    add("--speed", type=float, help="simulated seconds per real second, default LOCAL_HOST_SPEED or 1")
    add("--stop-with-stdin", action="store_true", help="stop when standard input ends")
    return parser.parse_args()


def _load_settings(given: str | None, app_dir: Path) -> None:
    os.environ.setdefault("AZURE_FUNCTIONS_ENVIRONMENT", "Development")
    if given == "":
        return
    path = Path(given) if given else app_dir / "local.settings.json"
    if given and not path.is_file():
        raise HostError(resource=given, cause="does not exist.", fix="Give the path of a settings file.")
    add_to_environment(read_local_settings(path), os.environ)


def _speed(given: float | None) -> float:
    text = os.environ.get("LOCAL_HOST_SPEED", "1") if given is None else str(given)
    try:
        speed = float(text)
    except ValueError:
        speed = 0
    if not speed > 0:
        raise HostError(resource="speed", cause=f"{text!r} is no speed.", fix="Use a number above 0.")
    return speed


def _set_up_logging() -> None:
    handler = logging.StreamHandler(sys.stdout)
    formatter = logging.Formatter(
        "[%(asctime)s.%(msecs)03dZ] %(levelname)s %(name)s: %(message)s", datefmt="%Y-%m-%dT%H:%M:%S"
    )
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("azure").setLevel(logging.WARNING)


def _make_host(arguments: argparse.Namespace) -> FunctionsHost:
    app_dir = arguments.app_dir.resolve()
    _load_settings(arguments.settings, app_dir)
    return FunctionsHost(
        app_dir=app_dir,
        environment=os.environ,
        address=arguments.address,
        port=arguments.port,
        speed=_speed(arguments.speed),
        keys=KeyCheck(enabled=arguments.enable_auth, key=os.environ.get("LOCAL_HOST_KEY", "")),
    )


def _stop_on_signals(stop: asyncio.Event) -> None:
    """Not with the loop's own handlers: those end with the loop, and a second signal would then kill us at our exit."""
    loop = asyncio.get_running_loop()

    def handle(*_: object) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(stop.set)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)


def _stop_with_stdin(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def watch() -> None:
        while os.read(0, 1024):  # not sys.stdin: its lock would be held when the interpreter ends
            pass
        loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=watch, name="stdin", daemon=True).start()


async def _run(arguments: argparse.Namespace) -> tuple[int, bool]:
    """Serve until told to stop; return the exit code and whether every invocation could end."""
    host = _make_host(arguments)
    stop = asyncio.Event()
    _stop_on_signals(stop)
    if arguments.stop_with_stdin:
        _stop_with_stdin(stop)
    try:
        await host.start()
        print("Functions:\n", *host.describe(), sep="\n  ")
        print(f"\n{READY}{host.base_url}", flush=True)
        waits = {asyncio.create_task(event.wait()) for event in (stop, host.crashed)}
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
    finally:
        ended = await host.stop()
    return (1 if host.crashed.is_set() else 0), ended


def main() -> None:
    """Run the host and exit: 0 after SIGINT or SIGTERM, 1 if it could not start or a listener crashed."""
    _set_up_logging()
    try:
        code, ended = asyncio.run(_run(_arguments()))
    except (HostError, OSError) as error:
        sys.exit(f"The host cannot start. {error}")
    if not ended:
        logging.getLogger("local.host").warning("Some invocations did not end in time and were left behind")
        sys.stdout.flush()
        os._exit(code)  # a thread that is still busy would keep the interpreter from ending
    sys.exit(code)


if __name__ == "__main__":
    main()
