"""What watches show of a namespace on a real API server, as changes.

Who wrote is read from the managed fields, which the API server keeps for every writer. Versions order the changes of
all kinds: they are revisions of one etcd.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.invariants.record import WATCHED, Change, Json, Recorder

MANAGER = "flagger"
VERSIONS = {**dict.fromkeys(WATCHED, "v1"), "canaries": "v1beta1"}


@contextmanager
def watching(api: httpx.Client, recorder: Recorder) -> Iterator[None]:
    """Take down what becomes of the objects of a namespace, until the end."""
    watches = [_Watch(api, recorder, plural) for plural in WATCHED]
    for watch in watches:
        watch.began.wait(10)
    try:
        yield
    finally:
        for watch in watches:
            watch.stop()
        api.close()


class _Watch:
    """One watch on a thread of its own, which is begun again where it ended."""

    def __init__(self, api: httpx.Client, recorder: Recorder, plural: str) -> None:
        group = WATCHED[plural]
        root = f"/apis/{group}/{VERSIONS[plural]}" if group else f"/api/{VERSIONS[plural]}"
        self._path = f"{root}/namespaces/{recorder.namespace}/{plural}"
        self._api, self._recorder, self._plural = api, recorder, plural
        self._objects: dict[str, Json] = {}
        self._version = "0"
        self._stopping = threading.Event()
        self.began = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"record-of-{plural}")
        self._thread.start()

    def stop(self) -> None:
        """End it: at the latest when its second is over."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            # Short watches: the last one is over soon after the story, and has seen all of it.
            query = {"watch": "true", "resourceVersion": self._version, "timeoutSeconds": "1"}
            with self._api.stream("GET", self._path, params=query, timeout=30) as answer:
                self.began.set()
                for line in answer.iter_lines():
                    self._take(json.loads(line))

    def _take(self, event: Json) -> None:
        obj = event["object"]
        meta = obj["metadata"]
        before = self._objects.get(meta["name"])
        self._version = meta["resourceVersion"]
        if event["type"] == "DELETED":
            after = self._objects.pop(meta["name"], None) and None
        else:
            after = self._objects[meta["name"]] = obj
        self._recorder.take(
            Change(
                self._recorder.now(),
                self._plural,
                meta["name"],
                before,
                after,
                ours=writer_of(before, obj) == MANAGER,
                version=int(self._version),
            )
        )


def writer_of(before: Json | None, after: Json) -> str:
    """Return the manager whose entry of the managed fields has changed, or "" if none has."""
    old = _managers(before or {})
    changed = [key for key, entry in _managers(after).items() if old.get(key) != entry]
    return changed[-1][0] if changed else ""


def _managers(obj: Json) -> dict[tuple[str, str, str], Json]:
    entries = (obj.get("metadata") or {}).get("managedFields") or ()
    return {(e["manager"], e["operation"], e.get("subresource", "")): e for e in entries}
