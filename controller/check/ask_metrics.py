"""Asks Prometheus for the series that Istio has and that the canaries need, with the controller's own client."""

from collections.abc import Iterator, Sequence

from controller.check.facts import CheckAnswers, Metrics, OwnAnswer
from controller.check.judge_metrics import METRICS, REQUESTS
from controller.core.canary import CanarySpec
from controller.core.world import World
from metrics.prometheus import PrometheusObserver
from metrics.promql import (
    count_of,
    count_of_other_reporters,
    count_of_workloads,
    largest_bucket,
    samples_in_two_windows,
)
from metrics.templates import rendered
from metrics.types import DESTINATION, AnyCheck, NoData, OwnCheck, Reading, Target, Unavailable


def ask_metrics(observer: PrometheusObserver, worlds: Sequence[World]) -> Metrics | Unavailable:
    """Return what Prometheus answers; ``Unavailable`` if it does not answer the first, simplest question."""
    (hello,) = observer.ask(["vector(1)"])
    if isinstance(hello, Unavailable):
        return hello
    reporters = _reporters(worlds)
    counts = iter(observer.ask([count_of(name, reporter) for reporter in reporters for name in METRICS]))
    others = observer.ask([count_of_other_reporters(REQUESTS, reporter) for reporter in reporters])
    asked = {(world.canary.namespace, world.canary.name): _queries_of(world) for world in worlds}
    readings = iter(observer.ask([query for checks in asked.values() for queries in checks for query in queries]))
    return Metrics(
        series={reporter: {name: next(counts) for name in METRICS} for reporter in reporters},
        others=dict(zip(reporters, others, strict=True)),
        of_canaries={key: [_answers(readings, queries) for queries in checks] for key, checks in asked.items()},
    )


def _reporters(worlds: Sequence[World]) -> Sequence[str]:
    """Return whose numbers the canaries are judged by; the usual one if there are none yet."""
    specs = (world.canary.spec for world in worlds)
    return tuple(dict.fromkeys(spec.reporter for spec in specs if isinstance(spec, CanarySpec))) or (DESTINATION,)


def _queries_of(world: World) -> list[list[str]]:
    spec, namespace = world.canary.spec, world.canary.namespace
    if not isinstance(spec, CanarySpec):
        return []
    targets = [Target(namespace, side.name, spec.reporter) for side in (spec.primary, spec.canary)]
    return [_queries(check, targets) for check in spec.checks]


def _queries(check: AnyCheck, targets: Sequence[Target]) -> list[str]:
    if isinstance(check, OwnCheck):
        return [rendered(check.query, targets[-1], check.interval)]
    series = count_of_workloads(check.name, targets, check.protocol)
    queries = [series, samples_in_two_windows(check.name, targets, check.interval)]
    return [*queries, largest_bucket(check.name, targets)] if check.name != REQUESTS else queries


def _answers(readings: Iterator[Reading], queries: Sequence[str]) -> CheckAnswers | OwnAnswer:
    if len(queries) == 1:  # only a check of the user's own asks one question
        return OwnAnswer(queries[0], next(readings))
    series, samples, *buckets = (next(readings) for _ in queries)
    return CheckAnswers(series, samples, largest_bucket=buckets[0] if buckets else NoData())
