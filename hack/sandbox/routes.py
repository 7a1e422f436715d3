"""What the proxies of a mesh know of its VirtualServices: what these were some time ago.

A change of a route takes a while from the API server to the last proxy; pods that go are known of much sooner. What is
between the two is where requests are lost, so the mesh must be able to lag behind.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

Json = dict[str, Any]
Key = tuple[str, str]  # namespace, name

_ALWAYS = datetime.min.replace(tzinfo=UTC)


class LaggingRoutes:
    """The routes that were seen, as far back as somebody may still go by them. Not thread-safe."""

    def __init__(self) -> None:
        self._seen: dict[Key, list[tuple[datetime, Json | None]]] = {}  # when its spec became what; None: deleted

    def known(
        self, virtual_services: Sequence[Json], now: datetime, lag: Callable[[str], timedelta]
    ) -> Iterator[tuple[str, Json]]:
        """Yield the namespace and spec of each VirtualService that proxies know now.

        Args:
            virtual_services: all that there are.
            now: the time; changes are as old as the call that was the first to see them.
            lag: from a change until proxies know of it, by namespace.
        """
        specs: dict[Key, Json | None] = dict.fromkeys(self._seen)
        specs |= {(o["metadata"]["namespace"], o["metadata"]["name"]): o.get("spec") or {} for o in virtual_services}
        for key, spec in specs.items():
            seen = self._seen.setdefault(key, [])
            if not seen or seen[-1][1] != spec:
                seen.append((now, spec))
            learned = [index for index, (since, _) in enumerate(seen) if since + lag(key[0]) <= now]
            if not learned:
                continue
            del seen[: learned[-1]]
            current = seen[0][1]
            seen[0] = (_ALWAYS, current)  # what was learned is not forgotten when the lag grows
            if current is not None:
                yield key[0], current
            elif len(seen) == 1:
                del self._seen[key]
