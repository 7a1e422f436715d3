"""From facts to findings. Read the tuple: it is the order in which a person would fix things.

A new check is one function and one place in it. A check that depends on what an earlier one has found missing says
nothing: what is wrong is said once.
"""

from collections.abc import Callable, Iterator

from controller.check import (
    judge_canaries,
    judge_cluster,
    judge_leader,
    judge_metrics,
    judge_pacing,
    judge_queries,
    judge_routing,
)
from controller.check.facts import Facts
from controller.check.findings import Finding

CHECKS: tuple[Callable[[Facts], Iterator[Finding]], ...] = (
    judge_cluster.api_server,
    judge_cluster.identity,
    judge_cluster.namespaces,
    judge_cluster.kinds,
    judge_cluster.permissions,
    judge_leader.leader,
    judge_metrics.prometheus,
    judge_metrics.istio_series,
    judge_canaries.canaries,
    judge_routing.routing,
    judge_pacing.pacing,
    judge_metrics.canary_series,
    judge_queries.own_queries,
)


def judge(facts: Facts) -> tuple[Finding, ...]:
    """Return what all checks have found, in their order."""
    return tuple(finding for check in CHECKS for finding in check(facts))
