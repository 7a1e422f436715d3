"""The API server of the load: ``python -m hack.bench.api_server``. The sandbox's own, without anything that runs on it.

It writes down each status of a canary, a line each, so that nobody has to watch.
"""

import argparse
import json
import signal
import threading
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from hack.bench import fleet
from hack.sandbox.__main__ import DEFINITIONS, HTTP_ROUTE_CRD, VIRTUAL_SERVICE_CRD
from hack.sandbox.api.store import Entry
from hack.sandbox.cluster import Cluster, wall_clock

Json = dict[str, Any]

_FLUSH_SECONDS = 0.5


def main() -> None:
    """Serve until a signal."""
    parser = argparse.ArgumentParser(prog="python -m hack.bench.api_server", description=__doc__)
    parser.add_argument("--canaries", type=int, required=True)
    parser.add_argument("--directory", type=Path, required=True, help="for the kubeconfig and the journal")
    options = parser.parse_args()
    stop = threading.Event()
    for ends in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ends, lambda *_: stop.set())
    cluster = Cluster()  # of which only the API server is started
    cluster.add_files([VIRTUAL_SERVICE_CRD, HTTP_ROUTE_CRD, *DEFINITIONS])
    for number in range(options.canaries):
        for obj in fleet.members(number, options.canaries, wall_clock()):
            _add(cluster, obj)
    lines: SimpleQueue[str] = SimpleQueue()
    cluster.api.store.listen(partial(_note, lines))
    cluster.api.start()
    print(f"kubeconfig {cluster.kubeconfig(options.directory / 'kubeconfig').resolve()}", flush=True)
    with (options.directory / "journal").open("w") as journal:
        while not stop.wait(_FLUSH_SECONDS):
            journal.writelines(lines.get() for _ in range(lines.qsize()))
            journal.flush()
    cluster.api.stop()


def _note(lines: SimpleQueue[str], entry: Entry) -> None:
    if entry.resource == ("flagger.app", "canaries"):
        told = {"namespace": entry.object["metadata"]["namespace"], "status": entry.object.get("status") or {}}
        lines.put(json.dumps(told) + "\n")


def _add(cluster: Cluster, obj: Json) -> None:
    """Create an object, with its status."""
    cluster.add(obj)
    if "status" not in obj:
        return
    group, _, version = obj["apiVersion"].rpartition("/")
    objects = cluster.api.objects
    kind = next(k for k in objects.kinds() if (k.group, k.kind) == (group, obj["kind"]))
    meta = obj["metadata"]
    change = partial(_with_status, obj["status"])
    objects.change(kind, version, meta["namespace"], meta["name"], change, subresource="status")


def _with_status(status: Json, obj: Json) -> Json:
    return {**obj, "status": status}


if __name__ == "__main__":
    main()
