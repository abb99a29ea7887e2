"""`nerbb watch`: a live page of a search that runs."""

import sys
import webbrowser
from argparse import ArgumentParser, Namespace
from contextlib import suppress

from nerbb_ray.commands.command import Command, add_name
from nerbb_ray.errors import ResultError
from nerbb_ray.exit_status import OK
from nerbb_ray.lazy_modules import lazy_modules
from nerbb_ray.spelling import did_you_mean
from nerbb_ray.store import current_store

with lazy_modules():
    from nerbb_ray.mlflow_store import overview
    from nerbb_ray.report import watch as live_page
    from nerbb_ray.report import watch_server


PORT = 8050


def watch(args: Namespace) -> int:
    store = current_store(args.store)
    if not store.config(args.name).is_file() and overview.results_so_far(store, args.name) is None:
        hint = did_you_mean(args.name, store.configs())
        raise ResultError(f"there is no experiment {args.name!r} in {store.root}; {hint}")
    server = watch_server.page_server(lambda: live_page.watch_page(store, args.name), args.port)
    url = f"http://{server.server_address[0]!s}:{server.server_address[1]}"
    print(f"{args.name} is at {url}; Ctrl-C ends the page, not the search", flush=True)
    if args.open and not webbrowser.open(url):
        print("there is no browser that could be started here: open the address yourself", file=sys.stderr)
    with server, suppress(KeyboardInterrupt):
        server.serve_forever()
    return OK


def _arguments(parser: ArgumentParser) -> None:
    add_name(parser)
    parser.add_argument("--port", type=int, default=PORT, metavar="N", help=f"of the page ({PORT}); 0: any")
    parser.add_argument("--open", action="store_true", help="show it in the browser")


COMMANDS = {"watch": Command(("watch wnut17", "watch wnut17 --port 8051 --open"), watch, _arguments)}
