"""Asks Prometheus for the series that Istio has and that the canaries need, with the controller's own client."""

from collections.abc import Sequence

from controller.check.facts import Metrics
from controller.check.judge_metrics import METRICS, REQUESTS
from controller.core.canary import CanarySpec
from controller.core.world import World
from metrics.prometheus import PrometheusObserver
from metrics.promql import count_of, count_of_other_reporters
from metrics.types import Target, Unavailable


def ask_metrics(observer: PrometheusObserver, worlds: Sequence[World]) -> Metrics | Unavailable:
    """Return what Prometheus answers; ``Unavailable`` if it does not answer the first, simplest question."""
    (hello,) = observer.ask(["vector(1)"])
    if isinstance(hello, Unavailable):
        return hello
    *counts, others = observer.ask([*map(count_of, METRICS), count_of_other_reporters(REQUESTS)])
    queries = {(world.canary.namespace, world.canary.name): _queries(world) for world in worlds}
    readings = iter(observer.ask([query for of_one in queries.values() for query in of_one]))
    return Metrics(
        series=dict(zip(METRICS, counts, strict=True)),
        others=others,
        of_canaries={key: [next(readings) for _ in of_one] for key, of_one in queries.items()},
    )


def _queries(world: World) -> list[str]:
    spec, namespace = world.canary.spec, world.canary.namespace
    if not isinstance(spec, CanarySpec):
        return []
    targets = [Target(namespace, side.name) for side in (spec.primary, spec.canary)]
    return [count_of(check.name, targets) for check in spec.checks]
