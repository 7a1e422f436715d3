"""What the answer to a query of the user's own means: can it judge a canary, and what would it say now? Pure."""

from collections.abc import Iterator
from dataclasses import replace

from controller.check.facts import Facts, OwnAnswer
from controller.check.findings import Finding, Reason, problem, told, warning
from controller.core.canary import CanarySpec
from informers.keys import key_of
from metrics.types import NoData, OwnCheck, Unavailable, Verdict
from metrics.verdicts import judge, within


def own_queries(facts: Facts) -> Iterator[Finding]:
    """Each of them can be answered; what it would say now is told beside it."""
    if isinstance(facts.metrics, Unavailable):
        return
    for world in facts.worlds:
        canary = world.canary
        asked = facts.metrics.of_canaries.get((canary.namespace, canary.name), ())
        if not isinstance(canary.spec, CanarySpec):
            continue
        for found in zip(canary.spec.checks, asked, strict=False):
            match found:
                case OwnCheck(problem="") as check, OwnAnswer() as answer:  # else a gate has said why
                    finding = _judged(check, answer, key_of(canary.namespace, canary.name))
                    yield replace(finding, query=answer.query)


def _judged(check: OwnCheck, answer: OwnAnswer, about: str) -> Finding:
    reading = answer.reading
    if isinstance(reading, Unavailable):
        said = f"Its query for {check.name} is not answered: {reading.reason}"
        return problem("canaries", Reason.QUERY_NOT_ANSWERED, said, "Correct the query; try it in Prometheus.", about)
    if isinstance(reading, NoData):
        said = f"Its query for {check.name} has no data now: a round without data does not advance the canary"
        fix = "Send requests to the canary, or end the query with `or vector(0)` if nothing means zero."
        return warning("canaries", Reason.QUERY_WITHOUT_DATA, said, fix, about)
    judgement = judge(check, reading)
    if judgement.verdict is Verdict.PASS:
        said = f"Its query for {check.name} answers {within(check, reading.number)}: it passes now"
        return told("canaries", Reason.QUERY_ANSWERED, said, about)
    fix = "Nothing, if that is right for what the canary runs now; else correct the query or its thresholdRange."
    return warning("canaries", Reason.QUERY_FAILS, f"Its query fails now: {judgement.text}", fix, about)
