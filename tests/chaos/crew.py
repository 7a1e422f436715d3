"""Several processes that play scenarios; one that is stuck, or dies, costs its own scenario and no other.

A pool of the standard library cannot end one of its workers, and is broken as a whole when one dies.
"""

import faulthandler
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any, Self

from tests.chaos.scenario import played, quiet

Played = tuple[str, list[str], int]
"""A scenario, what is broken, and how many requests it took."""

ABORT_SECONDS = 5.0
_SPAWN = get_context("spawn")


class Worker:
    """One process, which plays one scenario at a time."""

    def __init__(self, play: Any = played) -> None:
        self._pipe, its_end = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=_work, args=(its_end, play))
        self._process.start()
        its_end.close()
        self._scenario = ""
        self._began = 0.0

    def __str__(self) -> str:
        return self._scenario

    def fileno(self) -> int:
        """Return what can be waited for."""
        return self._pipe.fileno()

    def begin(self, scenario: str) -> None:
        if not self._scenario:
            self._pipe.recv()  # it is there: what it takes to start is no time of the scenario
        self._scenario, self._began = scenario, time.monotonic()
        self._pipe.send(scenario)

    def answer(self) -> Played | None:
        """Return what became of the scenario, or None if the process died of it."""
        try:
            found: Played = self._pipe.recv()
        except (EOFError, ConnectionError):
            return None
        return found

    def left(self, seconds: float) -> float:
        """Return how much of so many seconds is left to the scenario."""
        return self._began + seconds - time.monotonic()

    def end(self, *, abort: bool = False) -> int | None:
        """End the process and all that it started; return its exit code.

        Args:
            abort: have it print where its threads are.
        """
        if abort:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid or 0, signal.SIGABRT)
            self._process.join(ABORT_SECONDS)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid or 0, signal.SIGKILL)
        self._process.kill()
        self._process.join()
        self._pipe.close()
        return self._process.exitcode


class Crew:
    """Plays scenarios on several processes. A context manager, which leaves none of them running."""

    def __init__(self, count: int, *, within: float, play: Any = played) -> None:
        """Take the bounds.

        Args:
            count: how many processes.
            within: seconds after which a scenario counts as stuck.
            play: what plays one; a function of a module.
        """
        self._within = within
        self._play = play
        self._idle = [Worker(play) for _ in range(count)]
        self._busy: list[Worker] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in (*self._idle, *self._busy):
            worker.end()

    def play(self, order: Iterator[str], *, until: float = float("inf")) -> Iterator[Played]:
        """Yield what became of each scenario, in the order in which they end.

        Args:
            order: the scenarios.
            until: the time (monotonic) from which on none is begun.
        """
        while True:
            while self._idle and time.monotonic() < until and (scenario := next(order, None)) is not None:
                worker = self._idle.pop()
                self._busy.append(worker)
                worker.begin(scenario)
            if not self._busy:
                return
            yield from self._ended()

    def _ended(self) -> Iterator[Played]:
        first = min(worker.left(self._within) for worker in self._busy)
        told = wait(self._busy, max(0.0, first))  # type: ignore[arg-type]  # anything with a fileno
        for worker in tuple(self._busy):
            answer = worker.answer() if worker in told else None
            if answer is not None:
                self._busy.remove(worker)
                self._idle.append(worker)
                yield answer
            elif worker in told:
                yield self._lost(worker, "its process ended with", abort=False)
            elif worker.left(self._within) <= 0:
                yield self._lost(worker, f"stuck for {self._within:g}s; its process ended with", abort=True)

    def _lost(self, worker: Worker, what: str, *, abort: bool) -> Played:
        self._busy.remove(worker)
        code = worker.end(abort=abort)
        self._idle.append(Worker(self._play))
        return str(worker), [f"{what} {code}"], 0


def _work(pipe: Connection, play: Any) -> None:
    os.setsid()  # an interrupt of the terminal is for the runner, and what is started here can be ended at once
    faulthandler.enable()  # at SIGABRT: where every thread is
    quiet()
    pipe.send("ready")
    while True:
        try:
            scenario = pipe.recv()
        except (EOFError, ConnectionError):
            sys.exit()
        pipe.send(play(scenario))
