"""What the proxies of a mesh know of its routes: what these were some time ago.

A change of a route takes a while from the API server to the last proxy; pods that go are known of much sooner. What is
between the two is where requests are lost, so the mesh must be able to lag behind.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

Json = dict[str, Any]
Key = tuple[str, str, str]  # kind, namespace, name

_ALWAYS = datetime.min.replace(tzinfo=UTC)


def as_virtual_service(http_route: Json) -> Json:
    """Return an HTTPRoute of the Gateway API as the VirtualService that sends requests to the same services."""
    namespace = http_route["metadata"]["namespace"]
    rules = (http_route.get("spec") or {}).get("rules") or ()
    return {
        "kind": "HTTPRoute",
        "metadata": http_route["metadata"],
        "spec": {
            "http": [
                {"route": [_destination(ref, namespace) for ref in rule.get("backendRefs") or ()]} for rule in rules
            ]
        },
    }


def _destination(ref: Json, namespace: str) -> Json:
    host = f"{ref['name']}.{ref.get('namespace') or namespace}"
    return {"destination": {"host": host}, "weight": ref.get("weight", 1)}


def _key(route: Json) -> Key:
    return route.get("kind") or "VirtualService", route["metadata"]["namespace"], route["metadata"]["name"]


class LaggingRoutes:
    """The routes that were seen, as far back as somebody may still go by them. Not thread-safe."""

    def __init__(self) -> None:
        self._seen: dict[Key, list[tuple[datetime, Json | None]]] = {}  # when its spec became what; None: deleted

    def known(
        self, routes: Sequence[Json], now: datetime, lag: Callable[[str], timedelta]
    ) -> Iterator[tuple[str, Json]]:
        """Yield the namespace and spec of each route that proxies know now.

        Args:
            routes: all that there are, as VirtualServices.
            now: the time; changes are as old as the call that was the first to see them.
            lag: from a change until proxies know of it, by namespace.
        """
        specs: dict[Key, Json | None] = dict.fromkeys(self._seen)
        specs |= {_key(route): route.get("spec") or {} for route in routes}
        for key, spec in specs.items():
            seen = self._seen.setdefault(key, [])
            if not seen or seen[-1][1] != spec:
                seen.append((now, spec))
            learned = [index for index, (since, _) in enumerate(seen) if since + lag(key[1]) <= now]
            if not learned:
                continue
            del seen[: learned[-1]]
            current = seen[0][1]
            seen[0] = (_ALWAYS, current)  # what was learned is not forgotten when the lag grows
            if current is not None:
                yield key[1], current
            elif len(seen) == 1:
                del self._seen[key]
