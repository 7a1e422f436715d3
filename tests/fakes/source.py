"""A list/watch source that follows a script, and a clock whose waits cost nothing."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from informers.errors import ApiError
from informers.source import Page, WatchEvent
from informers.stop import Stop

Json = dict[str, Any]


@dataclass(frozen=True)
class Thing:
    """View of a fake object."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    labels: tuple[str, ...] = ()


def thing(name: str, version: int | str = 1, *, uid: str = "", namespace: str = "test", **more: Any) -> Json:
    meta = {"namespace": namespace, "name": name, "uid": uid or f"{name}-uid", "resourceVersion": str(version)}
    return {"kind": "Thing", "metadata": meta, **more}


def build(obj: Json, _previous: Thing | None) -> Thing:
    meta = obj["metadata"]
    labels = tuple(obj.get("labels", ()))
    return Thing(meta["namespace"], meta["name"], meta["uid"], meta["resourceVersion"], labels)


def added(name: str, version: int | str = 1, **more: Any) -> WatchEvent:
    return WatchEvent("ADDED", thing(name, version, **more))


def modified(name: str, version: int | str, **more: Any) -> WatchEvent:
    return WatchEvent("MODIFIED", thing(name, version, **more))


def deleted(name: str, version: int | str, **more: Any) -> WatchEvent:
    return WatchEvent("DELETED", thing(name, version, **more))


def bookmark(version: int | str) -> WatchEvent:
    return WatchEvent("BOOKMARK", {"kind": "Thing", "metadata": {"resourceVersion": str(version)}})


def error(code: int, reason: str) -> WatchEvent:
    return WatchEvent("ERROR", {"kind": "Status", "code": code, "reason": reason, "message": reason})


@dataclass
class Listed:
    """Answer to a list."""

    items: list[Json]
    version: int | str = 10
    token: str = ""


@dataclass
class ScriptedSource:
    """Fulfils ``informers.source.Source``; when the script is over it sets ``over``, with which the reader runs.

    A list's answer is a ``Listed`` or an error; a watch's is a list of events (or calls, made in their turn), or an
    error.
    """

    lists: list[Listed | ApiError] = field(default_factory=list)
    watches: list[list[Any] | ApiError] = field(default_factory=list)
    name: str = "things"
    kind: str = "Thing"
    listed: list[tuple[str, int, str]] = field(default_factory=list)  # version, limit, token
    watched: list[tuple[str, int]] = field(default_factory=list)  # version, timeout
    seconds: float = 100.0  # the clock
    watch_takes: float = 30.0  # seconds that each watch lasts
    waits: list[float] = field(default_factory=list)
    over: Stop = field(default_factory=Stop)

    def list(self, *, resource_version, limit, continue_token, take, stop):
        self.listed.append((resource_version, limit, continue_token))
        if not self.lists:
            self.over.set()
            return Page(resource_version or "1", "")
        answer = self.lists.pop(0)
        if isinstance(answer, ApiError):
            raise answer
        for item in answer.items:
            take(item)
        return Page(str(answer.version), answer.token)

    @contextmanager
    def watch(self, *, resource_version, timeout_seconds, stop):
        self.watched.append((resource_version, timeout_seconds))
        if not self.watches:
            self.over.set()
            yield iter(())
            return
        answer = self.watches.pop(0)
        if isinstance(answer, ApiError):
            raise answer
        yield self._play(answer)

    def _play(self, script: Iterable[Any]) -> Iterator[WatchEvent]:
        for step in script:
            if isinstance(step, WatchEvent):
                yield step
            else:
                step()
        self.seconds += self.watch_takes

    def monotonic(self) -> float:
        return self.seconds

    def random(self) -> float:
        return 0.5

    def wait(self, stop: Stop, seconds: float) -> bool:
        self.waits.append(seconds)
        self.seconds += seconds
        return stop.is_set()
