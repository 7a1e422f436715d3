"""Asks Prometheus for the series that Istio has and that the canaries need, with the controller's own client."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from controller.check.facts import CheckAnswers, Metrics, OwnAnswer
from controller.check.judge_metrics import METRICS, REQUESTS
from controller.core.canary import CanarySpec
from controller.core.world import World
from metrics.promql import (
    count_of,
    count_of_other_reporters,
    count_of_workloads,
    largest_bucket,
    samples_in_two_windows,
)
from metrics.templates import rendered
from metrics.types import DESTINATION, AnyCheck, MetricsObserver, NoData, OwnCheck, Reading, Target, Unavailable


def ask_metrics(observer: MetricsObserver, worlds: Sequence[World]) -> Metrics | Unavailable:
    """Return what Prometheus answers; ``Unavailable`` if it does not answer the first, simplest question."""
    (hello,) = observer.ask(["vector(1)"])
    if isinstance(hello, Unavailable):
        return hello
    reporters = _reporters(worlds)
    counts = iter(observer.ask([count_of(name, reporter) for reporter in reporters for name in METRICS]))
    others = observer.ask([count_of_other_reporters(REQUESTS, reporter) for reporter in reporters])
    asked = {(world.canary.namespace, world.canary.name): _questions(world) for world in worlds}
    readings = _answers_to(observer, [question for checks in asked.values() for question in checks])
    return Metrics(
        series={reporter: {name: next(counts) for name in METRICS} for reporter in reporters},
        others=dict(zip(reporters, others, strict=True)),
        of_canaries={key: [_answers(readings, question) for question in checks] for key, checks in asked.items()},
    )


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked about one check."""

    check: AnyCheck
    queries: Sequence[str]  # none if the check cannot be asked

    @property
    def address(self) -> str:
        return self.check.address if isinstance(self.check, OwnCheck) else ""


def _answers_to(observer: MetricsObserver, questions: Sequence[_Question]) -> Iterator[Reading]:
    """Return a reading per query in their order; what goes to one server is asked side by side."""
    by_server = {
        address: iter(
            observer.ask(
                [q for question in questions if question.address == address for q in question.queries], address=address
            )
        )
        for address in dict.fromkeys(question.address for question in questions)
    }
    return iter([next(by_server[question.address]) for question in questions for _ in question.queries])


def _reporters(worlds: Sequence[World]) -> Sequence[str]:
    """Return whose numbers the canaries are judged by; the usual one if there are none yet."""
    specs = (world.canary.spec for world in worlds)
    return tuple(dict.fromkeys(spec.reporter for spec in specs if isinstance(spec, CanarySpec))) or (DESTINATION,)


def _questions(world: World) -> list[_Question]:
    spec, canary = world.canary.spec, world.canary
    if not isinstance(spec, CanarySpec):
        return []
    targets = [Target(canary.namespace, side.name, spec.reporter, canary.name) for side in (spec.primary, spec.canary)]
    return [_Question(check, _queries(check, targets)) for check in spec.checks]


def _queries(check: AnyCheck, targets: Sequence[Target]) -> list[str]:
    if isinstance(check, OwnCheck):
        variables = dict(check.variables)
        return [] if check.problem else [rendered(check.query, targets[-1], check.interval, variables)]
    series = count_of_workloads(check.name, targets, check.protocol)
    queries = [series, samples_in_two_windows(check.name, targets, check.interval)]
    return [*queries, largest_bucket(check.name, targets)] if check.name != REQUESTS else queries


def _answers(readings: Iterator[Reading], question: _Question) -> CheckAnswers | OwnAnswer:
    if isinstance(question.check, OwnCheck):
        if not question.queries:
            return OwnAnswer("", Unavailable(question.check.problem))
        return OwnAnswer(question.queries[0], next(readings))
    series, samples, *buckets = (next(readings) for _ in question.queries)
    return CheckAnswers(series, samples, largest_bucket=buckets[0] if buckets else NoData())
