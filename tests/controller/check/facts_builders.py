"""Facts with defaults under which every check passes: a test names only what matters to it."""

from dataclasses import replace

from controller.check.facts import Access, Api, CheckAnswers, Facts, Metrics, Objects, Served, Version
from controller.check.judge import judge
from controller.check.judge_metrics import METRICS
from controller.check.permissions import NEEDED
from controller.core.canary import State
from metrics.types import NoData, Value
from tests.controller.core import builders

USER = "system:serviceaccount:istio-system:flagger"
SOME = Value(3.0)
NONE = NoData()


KINDS = {"Canary": Served("flagger.app/v1beta1"), "VirtualService": Served("networking.istio.io/v1")}


def access(*denied, namespace="", needed=NEEDED):
    """Return what is allowed: everything but what is denied, as (verb, resource)."""
    return tuple(Access(p, namespace, (p.verb, p.resource) not in denied) for p in needed)


def world(**changes):
    """Return a canary at rest, with all its parts."""
    the_canary = replace(
        builders.canary(finalizers=()), status=builders.at_rest(state=changes.pop("state", State.FINISHED))
    )
    return builders.world(**{"canary": the_canary, **changes})


def api(**changes):
    default = Api(
        version=Version(1, 32, "v1.32.0"),
        user=USER,
        missing_namespaces=(),
        kinds=KINDS,
        missing_fields=(),
        access=access(),
        objects=Objects(looks=(world(),)),
    )
    return replace(default, **changes)


def answers(series=SOME, **changes):
    """Return what Prometheus answers about one check: four scrapes a window, and buckets up to 10,000."""
    return replace(CheckAnswers(series=series, samples=Value(8.0), largest_bucket=Value(10_000.0)), **changes)


def metrics(**changes):
    default = Metrics(
        series={"destination": dict.fromkeys(METRICS, SOME)},
        others={"destination": NONE},
        of_canaries={("test", "podinfo"): (answers(), answers())},
    )
    return replace(default, **changes)


def facts(**changes):
    default = Facts(
        api=api(),
        metrics=metrics(),
        namespaces=(),
        api_server="https://10.0.0.1",
        metrics_server="http://prometheus:9090",
    )
    return replace(default, **changes)


def bad(the_facts):
    """Return what there is to say besides that all is well, as (level, reason, sentence)."""
    return [(str(f.level), str(f.reason), f.what) for f in judge(the_facts) if f.level != "ok"]
