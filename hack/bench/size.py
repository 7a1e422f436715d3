"""``python -m hack.bench size``: what does the controller take for ten thousand canaries?

The controller as a process with default flags, and an API server that has nothing but prepared objects. Memory is that
of the real process. CPU is given as a multiple of what ``json.loads`` takes for the same objects, in this run: on a
machine that does something else both grow.
"""

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from hack.bench import resting
from hack.bench.resting import Form
from hack.bench.stage import cpu_seconds
from hack.demo.processes import controller, metrics_address
from testbed.processes import Process, ProcessError, pause

Json = dict[str, Any]

_AS_IN_THE_IMAGE = {"MALLOC_ARENA_MAX": "2"}
_BEGIN_SECONDS = 120.0
_QUIET_SECONDS = 1.0
_LOOK_SECONDS = 0.02
_SAMPLE = 200  # canaries
_LOADS_SECONDS = 0.5
_ROUNDS_SECONDS = 30.0  # three intervals
_TICK = 0.011  # of the CPU clock, in seconds
_MIB, _KIB = 2.0**20, 2.0**10
_TIMES = "times json.loads"


@dataclass(frozen=True, slots=True)
class Scene:
    """What the API server has, and what is done with it."""

    canaries: int
    running: int = 0  # of them, in the middle of their rollouts
    unrelated: int = 0  # Deployments that no canary names
    events: int = 0  # of each sort


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of a scene. Seconds are those of the CPU."""

    scene: Scene
    ready_seconds: float
    quiet_seconds: float
    loads_seconds: float  # what json.loads takes for every object
    resident: float  # bytes, once every canary was looked at
    scraped: float  # likewise, after two scrapes
    peak: float
    page: int  # bytes of /metrics
    scrape_seconds: float
    requests: dict[str, int]
    unrelated_event: float  # times json.loads of the same object
    own_event_seconds: float


def measure(scene: Scene, directory: Path) -> Seen:
    """Play a scene; ProcessError if it cannot be played."""
    print(
        f"{scene.canaries:,} canaries, {scene.running:,} of them running, {scene.unrelated:,} others", file=sys.stderr
    )
    directory.mkdir(parents=True, exist_ok=True)
    with _processes(scene, directory) as (api, running):
        ready = _when_started(running)
        loads = _seconds_of_loads(resting.forms()) * len(resting.forms()) * scene.canaries
        quiet = _when_quiet(running, _ROUNDS_SECONDS if scene.running else 0.0)
        resident = _memory(running, "VmRSS")
        page, scrape = _scrape(running)
        requests = httpx.get(f"{api}/switch", timeout=30).raise_for_status().json()
        scraped, peak = _memory(running, "VmRSS"), _memory(running, "VmHWM")
        unrelated = _burst(running, api, scene, own=False)
        of_an_event = _seconds_of_loads([form for form in resting.forms() if form.kind == "Deployment"])
        own = _burst(running, api, scene, own=True)
    return Seen(
        scene=scene,
        ready_seconds=ready,
        quiet_seconds=quiet,
        loads_seconds=loads,
        resident=resident,
        scraped=scraped,
        peak=peak,
        page=page,
        scrape_seconds=scrape,
        requests=requests,
        unrelated_event=unrelated / of_an_event,
        own_event_seconds=own,
    )


@contextmanager
def _processes(scene: Scene, directory: Path) -> Iterator[tuple[str, Process]]:
    python = sys.executable
    counts = ("canaries", "running", "unrelated")
    server = [python, "-m", "hack.bench.lister", "--directory", str(directory)]
    server += [word for name in counts for word in (f"--{name}", str(getattr(scene, name)))]
    with (
        Process("the API server", server, directory / "api.log") as api,
        Process("Prometheus", [python, "-m", "hack.bench.prometheus"], directory / "prometheus.log") as prometheus,
    ):
        lines = api.wait_for_lines(2, patience_seconds=_BEGIN_SECONDS) + prometheus.wait_for_lines(1)
        addresses = dict(line.split(" ", 1) for line in lines)
        environ = {**os.environ, **_AS_IN_THE_IMAGE}
        with controller(directory, addresses, interval="10s", environ=environ) as running:
            yield addresses["api"], running


def _when_started(running: Process) -> float:
    """Return the CPU used when the caches were full and the workers started."""
    end = time.monotonic() + _BEGIN_SECONDS
    while '"Started"' not in running.output.read_text():
        if time.monotonic() > end:
            raise ProcessError(f"waited {_BEGIN_SECONDS:g}s in vain for the controller to start")
        running.check()
        pause(_LOOK_SECONDS)
    return cpu_seconds(running.pid)


def _when_quiet(running: Process, seconds: float) -> float:
    """Return the CPU used when nothing more is done, or after some seconds if there is always something to do."""
    end = time.monotonic() + (seconds or _BEGIN_SECONDS)
    used, since = cpu_seconds(running.pid), time.monotonic()
    while time.monotonic() < end and (seconds or time.monotonic() - since < _QUIET_SECONDS):
        pause(_LOOK_SECONDS)
        running.check()
        now = cpu_seconds(running.pid)
        if now - used > _TICK:
            used, since = now, time.monotonic()
    return cpu_seconds(running.pid)


def _scrape(running: Process) -> tuple[int, float]:
    """Scrape twice; return the size of the page and the CPU that the second one took."""
    for _ in range(2):
        before = cpu_seconds(running.pid)
        answer = httpx.get(metrics_address(running), headers={"Accept-Encoding": "identity"}, timeout=60)
        answer.raise_for_status()
    return len(answer.content), cpu_seconds(running.pid) - before


def _burst(running: Process, api: str, scene: Scene, *, own: bool) -> float:
    """Have events sent; return the CPU that one took."""
    if not scene.events:
        return 0.0
    before = _when_quiet(running, 0.0)
    said = {"own": own, "count": scene.events, "of": scene.canaries}
    httpx.post(f"{api}/switch", json=said, timeout=_BEGIN_SECONDS).raise_for_status()
    return (_when_quiet(running, 0.0) - before) / scene.events


def _memory(process: Process, field: str) -> float:
    """Return a field of ``/proc/PID/status`` in bytes. Source: proc(5)."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(float(line.split()[1]) * _KIB for line in lines if line.startswith(f"{field}:"))


def _seconds_of_loads(forms: Sequence[Form]) -> float:
    """Return the CPU that json.loads takes for an object, on average over many: one again and again would be quicker.

    It is measured beside the controller, for a machine that is busy slows both down.
    """
    texts = [form.object(number, resting.version_of(number)) for number in range(_SAMPLE) for form in forms]
    count, begin = 0, time.process_time()
    while time.process_time() - begin < _LOADS_SECONDS:
        for text in texts:
            json.loads(text)
        count += len(texts)
    return (time.process_time() - begin) / count


@dataclass(frozen=True, slots=True)
class Row:
    """One number, and the most that it may be."""

    what: str
    required: float
    measured: float
    unit: str

    @property
    def holds(self) -> bool:
        """Whether it is within what is required."""
        return self.measured <= self.required


def full(canaries: int, directory: Path) -> Sequence[Row]:
    """Play every scene; return all rows."""
    scenes = {
        "empty": Scene(0),
        "at rest": Scene(canaries, events=canaries),
        "more": Scene(2 * canaries),
        "others": Scene(canaries, unrelated=2 * canaries),
        "running": Scene(canaries, running=canaries // 10),
    }
    seen = {name: measure(scene, directory / name.replace(" ", "-")) for name, scene in scenes.items()}
    return tuple(rows(seen["at rest"], seen["empty"], more=seen["more"], others=seen["others"], busy=seen["running"]))


def rows(seen: Seen, empty: Seen, *, more: Seen, others: Seen, busy: Seen) -> Iterator[Row]:
    """Yield what is required and what was measured.

    Args:
        seen: of canaries at rest.
        empty: without any.
        more: of more canaries.
        others: of as many, and Deployments that no canary names.
        busy: of as many, some of them running.
    """
    loads = seen.loads_seconds
    yield Row("empty start: resident", 50, empty.resident / _MIB, "MiB")
    yield Row(
        "start until ready, CPU beyond an empty one", 1.5, (seen.ready_seconds - empty.ready_seconds) / loads, _TIMES
    )
    looked = (seen.quiet_seconds - empty.quiet_seconds) / loads
    yield Row("start until each canary was looked at, likewise", 2.5, looked, _TIMES)
    yield Row("requests at rest, beside lists and discovery", 0, writes(seen), "")
    yield Row("resident after the start", 150, seen.resident / _MIB, "MiB")
    yield Row("resident after two scrapes", 160, seen.scraped / _MIB, "MiB")
    yield Row("resident with a tenth of them running, scraped", 180, busy.scraped / _MIB, "MiB")
    yield Row("peak of all that", 200, max(seen.peak, busy.peak) / _MIB, "MiB")
    beyond = (more.resident - seen.resident) / (more.scene.canaries - seen.scene.canaries)
    yield Row("resident for each canary more", 8, beyond / _KIB, "KiB")
    other = (others.resident - seen.resident) / others.scene.unrelated
    yield Row("resident for each Deployment that no canary names", 0.3, other / _KIB, "KiB")
    yield Row("page of /metrics, not compressed", 4, seen.page / 1e6, "MB")
    yield Row("scrape, CPU", 0.3, seen.scrape_seconds, "s")
    yield Row("event of a Deployment that no canary names", 0.6, seen.unrelated_event, _TIMES)
    yield Row("event of a canary's Deployment, at rest", 60, seen.own_event_seconds * 1e6, "µs")


def writes(seen: Seen) -> int:
    """Return how many requests changed something."""
    return sum(count for what, count in seen.requests.items() if not what.startswith("GET"))


def table(found: Sequence[Row]) -> str:
    """Return a table in Markdown, and what does not hold."""
    lines = ["| what | required | measured |", "| --- | --- | --- |"]
    lines += [f"| {row.what} | {row.required:g} {row.unit} | {row.measured:.2f} {row.unit} |" for row in found]
    broken = [f"{row.what}: {row.measured:.2f} {row.unit}, not {row.required:g}" for row in found if not row.holds]
    return "\n".join([*lines, "", *(broken or ["Every requirement holds."])])


def as_json(found: Sequence[Row]) -> str:
    """Return the same as JSON."""
    return json.dumps(
        [{"what": r.what, "required": r.required, "measured": r.measured, "unit": r.unit} for r in found], indent=2
    )
