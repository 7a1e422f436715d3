"""``make run``: a version is promoted, another is rolled back, by the real controller on a cluster of its own.

With ``--stay`` (``make sandbox``) the cluster is left running for you to play with.
"""

import argparse
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import httpx

from controller.show.reader import Reader
from hack.demo.acts import BAD_IMAGE, BAD_VERSION, CANARY, GOOD_VERSION, Act, problems
from hack.demo.describe import describe
from hack.demo.processes import controller, metrics_address, sandbox
from hack.demo.screen import Screen
from hack.demo.user import NAMESPACE, Snapshot, User, version_of
from informers.client import KubeClient
from informers.credentials import find_login
from testbed.claims import claim_first_free, claimed
from testbed.processes import Process, ProcessError, pause

Json = dict[str, Any]

ARTIFACTS = Path(__file__).parents[2] / "artifacts"
OBJECTS = (
    "namespaces/test",
    "workloads/primary-deployment",
    "workloads/primary-service",
    "workloads/primary-hpa",
    "workloads/canary-deployment",
    "workloads/canary-service",
    "workloads/canary-hpa",
    "workloads/virtual-service",
)
ROLLOUT = "rollouts/podinfo"
DIRECTORY = Path(".sandbox")
INTERVAL = "1500ms"
WINDOW = "1s"  # of the queries, which have to be filled before a version is judged
DRAIN_SECONDS = 2
LOOK_SECONDS = 0.2
PATIENCE_SECONDS = 90.0


class DemoError(Exception):
    """An act did not come out as it should; the message says how."""


def main() -> int:
    """Return 0 if both rollouts came out as they should."""
    parser = argparse.ArgumentParser(prog="python -m hack.demo", description=__doc__)
    parser.add_argument("--stay", action="store_true", help="leave the cluster and the controller running")
    parser.add_argument("--directory", type=Path, help="for logs and the kubeconfig; by default the first free one")
    options = parser.parse_args()
    screen = Screen()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        with ExitStack() as stack:
            who = "make sandbox" if options.stay else "make run"
            (stay if options.stay else play)(stack, screen, _directory(stack, options.directory, who))
    except (DemoError, ProcessError, httpx.HTTPError) as error:
        screen.say("", f"FAILED: {error}")
        return 1
    except KeyboardInterrupt:
        screen.say("", "Stopped.")
        return 130
    return 0


def _directory(stack: ExitStack, asked: Path | None, who: str) -> Path:
    """Return a directory that no other run uses: the one that was asked for, or the first that is free."""
    found = stack.enter_context(claimed(asked, who)) if asked else claim_first_free(stack, DIRECTORY, who)
    found.mkdir(parents=True, exist_ok=True)
    return found


def play(stack: ExitStack, screen: Screen, directory: Path) -> None:
    """Show both acts; DemoError if one does not come out as it should."""
    began = time.monotonic()
    user, processes, addresses = raise_cluster(stack, screen, directory)
    screen.title("1. Podinfo 1.2.1 is released while 1.2.0 serves. On the way it becomes slow, then faulty.")
    stage = Stage(user, reader(stack, addresses), screen, processes)
    stage.perform(GOOD_VERSION, lambda: create_canary(user))
    screen.title("2. Podinfo 1.3.0 is released. It does well until it gets more traffic.")
    stage.perform(BAD_VERSION, lambda: user.set_image(CANARY, BAD_IMAGE))
    screen.say(
        "",
        f"Both came out as they should, in {time.monotonic() - began:.0f}s. "
        f"The controller's log is in {directory / 'controller.log'}.",
        "Try it yourself with: make sandbox",
    )


def stay(stack: ExitStack, screen: Screen, directory: Path) -> None:
    """Leave everything running and say what to type, until Ctrl-C."""
    user, processes, addresses = raise_cluster(stack, screen, directory)
    create_canary(user)
    screen.say(*_what_to_type(addresses, metrics_address(processes[1]), directory))
    while True:
        pause(1.0)
        for process in processes:
            process.check()


def raise_cluster(
    stack: ExitStack, screen: Screen, directory: Path
) -> tuple[User, Sequence[Process], Mapping[str, str]]:
    """Start sandbox and controller and create the objects but for the canary."""
    screen.say("Starting a cluster in a process, with Prometheus, a mesh and a service to release ...")
    cluster, addresses = sandbox(directory)
    stack.enter_context(cluster)
    user = User(addresses["api"], addresses["admin"])
    stack.callback(user.close)
    for name in OBJECTS:
        user.create(ARTIFACTS / f"{name}.yaml")
    screen.say(
        f"Starting the controller (rounds of {INTERVAL} over windows of {WINDOW}, so that you need not wait) ..."
    )
    running = stack.enter_context(controller(directory, addresses, interval=INTERVAL))
    running.wait_for_lines(2)
    return user, (cluster, running), addresses


def reader(stack: ExitStack, addresses: Mapping[str, str]) -> Reader:
    """Return what ``flagger watch`` sees with."""
    client = KubeClient(find_login(addresses["kubeconfig"], None), user_agent="flagger-demo", pool_size=1)
    stack.callback(client.close)
    return Reader(client, lambda: datetime.now(UTC))  # noqa: TID251  # a script for people


def create_canary(user: User) -> None:
    """Create the canary object of the artifacts, with short windows and a short drain."""
    user.create(ARTIFACTS / f"{ROLLOUT}.yaml", _hurried)


def _hurried(canary: Json) -> None:
    analysis = canary["spec"]["canaryAnalysis"]
    analysis["drainSeconds"] = DRAIN_SECONDS
    for metric in analysis["metrics"]:
        metric["interval"] = WINDOW


@dataclass(frozen=True, slots=True)
class Stage:
    """Where acts are performed: the user at the cluster, and the screen."""

    user: User
    reader: Reader
    screen: Screen
    processes: Sequence[Process]

    def perform(self, act: Act, begin: Callable[[], None]) -> None:
        """Play an act: show what happens, do what its cues say; DemoError if it does not end as it should."""
        before = max((version_of(event) for event in self.user.events()), default=0)
        begin()
        last = self._follow(act, before)
        self.screen.keep()
        events = [event for event in last.events if version_of(event) > before]
        now = datetime.now(UTC)  # noqa: TID251  # a script for people
        self.screen.say("", "$ kubectl -n test describe canary/podinfo", "", *describe(last.status, events, now))
        found = problems(act, last, events)
        if found:
            raise DemoError("; ".join(found))

    def _follow(self, act: Act, seen: int) -> Snapshot:
        """Show each change until the end of the act is reached; return how things stand then."""
        cues, over = list(act.cues), False
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            for process in self.processes:
                process.check()
            snapshot = self.user.look()
            new = [event for event in snapshot.events if version_of(event) > seen]
            self.screen.show(new, self.reader.snapshot(NAMESPACE, "podinfo", events=False))
            for event in new:
                seen = version_of(event)
                if cues and cues[0].after in event["message"]:
                    cue = cues.pop(0)
                    cue.act(self.user)
                    if cue.note:
                        self.screen.say(f"            ({cue.note})")
                over = over or event["message"].startswith(act.texts[-1])
            if over and not snapshot.canary["metadata"].get("finalizers"):
                return snapshot
            pause(LOOK_SECONDS)
        raise DemoError(f"the rollout was not {act.state} within {PATIENCE_SECONDS:g}s, see {self.processes[1].output}")


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """End as Ctrl-C does, so that no process is left behind."""
    raise KeyboardInterrupt


def _what_to_type(addresses: Mapping[str, str], metrics: str, directory: Path) -> list[str]:
    admin = addresses["admin"]
    return [
        "",
        "A cluster is running, and version 1.2.1 is being promoted there. In another terminal:",
        "",
        f"  export KUBECONFIG={addresses['kubeconfig']}",
        "  kubectl -n test get canaries -w",
        "  kubectl -n test describe canary/podinfo",
        "  flagger watch podinfo -n test           # the picture of make run; also get, history and wait",
        "",
        "Push another version; those named :errors and :slow are rolled back, :broken never becomes ready:",
        "",
        f"  kubectl -n test set image deployment/{CANARY} podinfod=quay.io/stefanprodan/podinfo:1.3.0",
        f"  kubectl -n test set image deployment/{CANARY} podinfod=quay.io/stefanprodan/podinfo:errors",
        "",
        "Make the canary answer with errors, or slowly, while it is analysed:",
        "",
        f"""  curl -X PUT {admin}/mesh/test/{CANARY} -d '{{"errorRatio": 0.2, "latencyMs": 900}}'""",
        f"  curl -X DELETE {admin}/mesh/test/{CANARY}",
        f"  curl {admin}/          # everything else that can be made to go wrong",
        "",
        f"  tail -f {directory / 'controller.log'}",
        f"  curl {metrics}",
        "",
        "Ctrl-C ends everything.",
    ]


if __name__ == "__main__":
    sys.exit(main())
