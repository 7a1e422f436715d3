"""One rollout on a sandbox while something goes wrong, and what the record of its writes says of it."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from controller.lifecycle import USER_AGENT
from testbed.sandbox.cluster import wall_clock
from tests.chaos.cut import COUNTED
from tests.invariants.judge import Broken, judge, must_have_ended
from tests.invariants.moments import Paces
from tests.invariants.record import Recorder
from tests.system.harness import Stage, controller, stage
from tests.system.readings import GOOD

Json = dict[str, Any]

INTERVAL = timedelta(milliseconds=300)  # long enough to be told from a machine that does other things, too
PACES = Paces(interval=INTERVAL.total_seconds(), slack=3.0)  # retries come ever later
PATIENCE_SECONDS = 25.0
CANARIES, DEPLOYMENTS = ("flagger.app", "canaries"), ("apps", "deployments")
ROUTES, SERVICES = ("networking.istio.io", "virtualservices"), ("", "services")
BAD = (0.5, 0.02)
NEWER = "quay.io/stefanprodan/podinfo:1.2.2"
STORIES = {
    "promotion": ("finished", "1.2.1"),
    "rollback": ("failed", "1.2.0"),
    "start-over": ("finished", "1.2.2"),
}
"""How each ends if nothing goes wrong, and what the primary runs then."""

STAGES = ("starting", "progressing", "promoting", "draining")


class Readings:
    """What Prometheus answers: a healthy canary, or a sick one."""

    def __init__(self, story: str) -> None:
        self._rate, self._seconds = BAD if story == "rollback" else GOOD

    def __call__(self, query: str) -> float:
        return self._seconds * 1000 if "histogram_quantile" in query else self._rate


class Play:
    """A sandbox with the workloads of the artifacts and a canary object, and everything that it stores taken down."""

    def __init__(self, on: Stage, story: str, directory: Path) -> None:
        self.on, self.story, self.directory = on, story, directory
        self.begun = False
        self.notes: list[Broken] = []  # what is broken besides
        self.forgiven: frozenset[str] = frozenset()  # words of what is not promised while this goes wrong
        self.gone = False  # something was removed for good: the rollout may never end
        self.recorder = Recorder("test", now=lambda: wall_clock().timestamp())
        self.recorder.listen_to(on.cluster.api.store, USER_AGENT)
        self.readings = Readings(story)
        on.cluster.prometheus.faults.script = self.readings
        on.add_workloads()
        on.change(DEPLOYMENTS, "podinfo-canary", lambda obj: obj["spec"].update(replicas=0))
        on.until(lambda: not on.status("podinfo-canary").get("replicas"))

    def begin(self, **analysis: Any) -> None:
        """Create the canary object, unless somebody did."""
        if self.on.canary_object() is None and not self.begun:
            self.on.add_canary(stepWeight=25, threshold=2, drainSeconds=1, **analysis)
        self.begun = True

    @contextmanager
    def controller(self, **options) -> Iterator[None]:
        """Run a controller."""
        self.begin()
        with controller(self.on, **{"control_loop_interval": INTERVAL, **options}):
            self.recorder.unhindered()
            try:
                yield
            finally:
                self.recorder.hindered()

    @contextmanager
    def hindered(self) -> Iterator[None]:
        """Owe nothing in time meanwhile."""
        self.recorder.hindered()
        try:
            yield
        finally:
            self.recorder.unhindered()

    def until(self, holds: Callable[[], object], *, within: float = PATIENCE_SECONDS) -> bool:
        """Wait until something holds; return whether it came to that, or the rollout ended before."""
        store = self.on.cluster.api.store
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            with store.changed:
                if store.changed.wait_for(lambda: holds() or self.over(), 0.1):
                    return bool(holds())
        return False

    def wait(self, seconds: float) -> None:
        """Let time pass, or the rollout come to its end."""
        self.until(lambda: False, within=seconds)

    def until_stage(self, name: str) -> bool:
        """Wait for a stage; at ``progressing`` until the route carries the weight."""
        carries = {"progressing": self.has_traffic}.get(name, lambda: True)
        return self.until(lambda: self.on.canary_status().get("stage") == name and carries())

    def has_traffic(self) -> bool:
        return self.on.get(ROUTES, "podinfo") is not None and self.on.weights()[1] > 0

    def over(self) -> bool:
        """Whether the story has come to its end, and everything is put away."""
        on, obj = self.on, self.on.canary_object()
        if obj is None:
            return self.gone
        if self.gone and self.on.condition("Ready").get("status") == "False":
            return True
        status = obj.get("status") or {}
        workload = on.get(DEPLOYMENTS, "podinfo-canary")
        pushed = self.story != "start-over" or (workload is not None and on.image("podinfo-canary") == NEWER)
        scaled = workload is None or not workload["spec"]["replicas"]
        put_away = not obj["metadata"].get("finalizers")
        return status.get("state") in {"finished", "failed"} and put_away and pushed and scaled

    def requests(self) -> int:
        """Return how many writes and reads the controllers have made."""
        return sum(request.verb in COUNTED for request in self.on.requests())

    def ends_as_told(self) -> Iterator[Broken]:
        """Yield what is otherwise at the end than if nothing had gone wrong."""
        state, image = STORIES[self.story]
        found = self.on.canary_status().get("state"), self.on.image("podinfo").rpartition(":")[2]
        if found != (state, image):
            yield Broken("ends", f"state and image of the primary are {found}, not {(state, image)}", None)
        if self.on.weights() != (100, 0):
            yield Broken("ends", f"the weights are {self.on.weights()}", None)


Blow = Callable[[Play], object]
"""Runs controllers, and makes things go wrong; when it returns everything works again."""


def play(story: str, blow: Blow, directory: Path, *, same_end: bool) -> tuple[Play, Sequence[Broken]]:
    """Play a story, strike, let a last controller bring it to its end, and judge the record.

    Args:
        story: one of ``STORIES``.
        blow: what goes wrong.
        directory: for files.
        same_end: whether it must end as if nothing had gone wrong.
    """
    with stage(directory) as on:
        it = Play(on, story, directory)
        done = threading.Event()
        pusher = threading.Thread(target=_push_mid_rollout, args=(it, done), name="user")
        pusher.start()
        try:
            blow(it)
            with it.controller():
                it.until(lambda: False)
        finally:
            done.set()
            pusher.join()
        record = it.recorder.record()
        told = it.ends_as_told() if same_end else ()
        broken = [b for b in (*judge(record, PACES), *must_have_ended(record), *told) if b.word not in it.forgiven]
        return it, (*it.notes, *broken)


def _push_mid_rollout(it: Play, done: threading.Event) -> None:
    """Push a newer version once the first has traffic, if that is the story."""
    store = it.on.cluster.api.store
    while it.story == "start-over" and not done.is_set():
        with store.changed:
            carried = store.changed.wait_for(it.has_traffic, 0.1)
        if carried and it.on.get(DEPLOYMENTS, "podinfo-canary"):
            it.on.push(NEWER)
            return
