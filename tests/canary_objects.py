"""Good and bad Canary objects: the same go to the schema and to the code, which must agree."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Json = dict[str, Any]

SEED_FILE = Path(__file__).parent / "seed.yaml"  # the example of the first README, byte for byte
RATE = "istio_requests_total"
SECONDS = "istio_request_duration_seconds_bucket"


@dataclass(frozen=True)
class Case:
    """A change of the example."""

    id: str
    change: Callable[[Json, Json], object]  # takes spec and canaryAnalysis
    problem: str = ""  # what the code says of it; "" for a good one

    def object(self) -> Json:
        """Return the object."""
        obj = seed()
        self.change(obj["spec"], obj["spec"]["canaryAnalysis"])
        return obj


def seed() -> Json:
    """Return the example."""
    return copy.deepcopy(yaml.safe_load(SEED_FILE.read_text()))


def metric(name: object = RATE, threshold: object = 99, **more: object) -> Json:
    return {"name": name, "threshold": threshold, **more}


def query(name: object = "checkout errors", **more: object) -> Json:
    return {"name": name, "query": "vector(0)", "thresholdRange": {"max": 1}, **more}


def template(name: object = "checkout", **more: object) -> Json:
    return {"name": "checkout errors", "templateRef": {"name": name}, "thresholdRange": {"max": 1}, **more}


def in_namespace(namespace: str) -> Json:
    return template(templateRef={"name": "checkout", "namespace": namespace})


ERRORS = 'sum(rate(errors_total{namespace="{{ namespace }}",pod=~"{{ workload }}-.*"}[{{ interval }}]))'

GOOD = [
    Case("the example", lambda s, a: None),
    Case("no kind", lambda s, a: s.pop("targetKind")),
    Case("only what is required", lambda s, a: (a.clear(), a.update(metrics=[]))),
    Case("pod health only", lambda s, a: a.update(metrics=[])),
    Case("lowest numbers", lambda s, a: a.update(threshold=1, maxWeight=1, stepWeight=1, inconclusiveLimit=0)),
    Case("highest numbers", lambda s, a: a.update(maxWeight=100, stepWeight=100)),
    Case("whole number with a point", lambda s, a: a.update(threshold=10.0)),
    Case("interval in parts", lambda s, a: a.update(interval="1h2m3.5s")),
    Case("shortest interval", lambda s, a: a.update(interval="1s")),
    Case("interval in milliseconds", lambda s, a: a.update(interval="1500ms")),
    Case("longest interval", lambda s, a: a.update(interval="24h")),
    Case("newer duration", lambda s, a: a.update(metrics=[metric("istio_request_duration_milliseconds_bucket", 1.5)])),
    Case("shortest duration", lambda s, a: a.update(metrics=[metric(SECONDS, 1)])),
    Case("shortest window", lambda s, a: a.update(metrics=[metric(interval="1s")])),
    Case("longest window", lambda s, a: a.update(metrics=[metric(interval="1440m")])),
    Case("metric without interval", lambda s, a: a.update(metrics=[metric()])),
    Case("percent of 0", lambda s, a: a.update(metrics=[metric(threshold=0)])),
    Case("percent just above a ratio", lambda s, a: a.update(metrics=[metric(threshold=1.01)])),
    Case("percent of 100", lambda s, a: a.update(metrics=[metric(threshold=100)])),
    Case("quantile", lambda s, a: a.update(metrics=[metric(SECONDS, 500, quantile=0.95)])),
    Case("lowest quantile", lambda s, a: a.update(metrics=[metric(SECONDS, 500, quantile=0.001)])),
    Case("requests by HTTP status", lambda s, a: a.update(metrics=[metric(protocol="http")])),
    Case("requests by gRPC status", lambda s, a: a.update(metrics=[metric(protocol="grpc")])),
    *(
        Case(f"numbers of the {reporter}", lambda s, a, reporter=reporter: a.update(reporter=reporter))
        for reporter in ("destination", "source", "waypoint")
    ),
    Case("query", lambda s, a: a.update(metrics=[query()])),
    Case("query with variables", lambda s, a: a.update(metrics=[query(query=ERRORS)])),
    Case("query with a unit", lambda s, a: a.update(metrics=[query(unit="%")])),
    Case("query with a unit of several words", lambda s, a: a.update(metrics=[query(unit="messages/s")])),
    Case("query with both limits", lambda s, a: a.update(metrics=[query(thresholdRange={"min": -1, "max": -1})])),
    Case("query with a lower limit", lambda s, a: a.update(metrics=[query(thresholdRange={"min": 0.5})])),
    Case("query with a window", lambda s, a: a.update(metrics=[query(interval="5m")])),
    Case("query of the shortest name", lambda s, a: a.update(metrics=[query("q")])),
    Case("query beside a built-in check", lambda s, a: a.update(metrics=[metric(), query()])),
    Case("template", lambda s, a: a.update(metrics=[template()])),
    Case("template of the same namespace", lambda s, a: a.update(metrics=[in_namespace("test")])),
    Case("template with variables", lambda s, a: a.update(metrics=[template(templateVariables={"code": "5.."})])),
    Case("template with a unit", lambda s, a: a.update(metrics=[template(unit="%", interval="5m")])),
    Case("no drain", lambda s, a: a.update(drainSeconds=0)),
    Case("longest drain", lambda s, a: a.update(drainSeconds=3600)),
    Case("traffic that returns at once", lambda s, a: a.update(promotion="atOnce")),
    Case("traffic that returns in steps", lambda s, a: a.update(promotion="stepped")),
    Case(
        "route of the Gateway API",
        lambda s, a: s.update(routeRef={"kind": "HTTPRoute", "name": "podinfo"}) or s.pop("virtualService"),
    ),
    Case(
        "route of Istio by reference",
        lambda s, a: s.update(routeRef={"kind": "VirtualService", "name": "podinfo"}) or s.pop("virtualService"),
    ),
    Case("full host", lambda s, a: s["primary"].update(host="podinfo.test.svc.cluster.local")),
    Case("host of two parts", lambda s, a: s["canary"].update(host="podinfo-canary.test")),
    Case("host with a dot at its end", lambda s, a: s["primary"].update(host="podinfo.test.svc.cluster.local.")),
    Case("host in capital letters", lambda s, a: s["primary"].update(host="Podinfo")),
    Case("longest part of a host", lambda s, a: s["primary"].update(host="a" * 63)),
    Case("unknown fields", lambda s, a: (s.update(x=1), a.update(y=None))),
]

_WHERE = "spec.canaryAnalysis"
BAD = [
    Case("no route", lambda s, a: s.pop("virtualService"), "spec.virtualService or spec.routeRef is required"),
    Case(
        "two routes",
        lambda s, a: s.update(routeRef={"kind": "HTTPRoute", "name": "podinfo"}),
        "spec.virtualService and spec.routeRef exclude each other",
    ),
    Case(
        "unknown kind of route",
        lambda s, a: s.update(routeRef={"kind": "Ingress", "name": "podinfo"}) or s.pop("virtualService"),
        "spec.routeRef.kind 'Ingress' is not supported, use HTTPRoute or VirtualService",
    ),
    Case(
        "route without a name",
        lambda s, a: s.update(routeRef={"kind": "HTTPRoute"}) or s.pop("virtualService"),
        "spec.routeRef.name is required",
    ),
    Case("null primary", lambda s, a: s.update(primary=None), "spec.primary must be an object, not None"),
    Case("text for an object", lambda s, a: s.update(canary="podinfo"), "spec.canary must be an object, not 'podinfo'"),
    Case("no analysis", lambda s, a: s.pop("canaryAnalysis"), f"{_WHERE} must be an object, not None"),
    Case("no route name", lambda s, a: s["virtualService"].clear(), "spec.virtualService.name is required"),
    Case(
        "empty name",
        lambda s, a: s["primary"].update(name=""),
        "spec.primary.name is required and must be a name, not ''",
    ),
    Case(
        "number for a name",
        lambda s, a: s["primary"].update(name=7),
        "spec.primary.name is required and must be a name, not 7",
    ),
    Case("no host", lambda s, a: s["canary"].pop("host"), "spec.canary.host is required"),
    Case(
        "capital letters",
        lambda s, a: s["primary"].update(name="Podinfo"),
        "spec.primary.name 'Podinfo' cannot be the name",
    ),
    Case("name that is too long", lambda s, a: s["primary"].update(name="a" * 254), "cannot be the name of an object"),
    *(
        Case(
            f"host {name}",
            lambda s, a, host=host: s["primary"].update(host=host),
            f"spec.primary.host {host!r} cannot be the name of a service: use a DNS name without a port",
        )
        for name, host in {
            "with a port": "podinfo:9898",
            "with a scheme": "http://podinfo",
            "that is a pattern": "*.test",
            "with escapes of a terminal": "\x1b[2Jpodinfo",
            "with a line of its own": "podinfo\nPROBLEM",
            "with a space": "pod info",
            "that is written from right to left": "podinfo\u202e",
            "with an underscore": "pod_info",
            "with an empty part": "podinfo..svc",
            "that begins with a dash": "-podinfo",
            "with a part that is too long": "a" * 64,
            "that is too long": ".".join(["a" * 63] * 4),
        }.items()
    ),
    Case(
        "kind in lower case",
        lambda s, a: s.update(targetKind="deployments"),
        "spec.targetKind must be a kind such as Deployment, not 'deployments'",
    ),
    Case(
        "list of kinds",
        lambda s, a: s.update(targetKind=["Deployment"]),
        "spec.targetKind must be a kind such as Deployment, not ['Deployment']",
    ),
    Case(
        "same names",
        lambda s, a: s["canary"].update(name="podinfo"),
        "spec.primary.name and spec.canary.name must differ, both are 'podinfo'",
    ),
    Case(
        "same hosts",
        lambda s, a: s["canary"].update(host="podinfo"),
        "spec.primary.host and spec.canary.host must differ, both are 'podinfo'",
    ),
    Case("threshold of 0", lambda s, a: a.update(threshold=0), f"{_WHERE}.threshold must be at least 1, not 0"),
    Case(
        "threshold in words",
        lambda s, a: a.update(threshold="ten"),
        f"{_WHERE}.threshold must be a whole number at least 1",
    ),
    Case("threshold of true", lambda s, a: a.update(threshold=True), f"{_WHERE}.threshold must be a whole number"),
    Case(
        "half a step",
        lambda s, a: a.update(stepWeight=0.5),
        f"{_WHERE}.stepWeight must be a whole number between 1 and 100, not 0.5",
    ),
    Case("step of 0", lambda s, a: a.update(stepWeight=0), f"{_WHERE}.stepWeight must be between 1 and 100, not 0"),
    Case(
        "step over 100",
        lambda s, a: a.update(stepWeight=101),
        f"{_WHERE}.stepWeight must be between 1 and 100, not 101",
    ),
    Case("weight of 0", lambda s, a: a.update(maxWeight=0), f"{_WHERE}.maxWeight must be between 1 and 100, not 0"),
    Case(
        "weight over 100",
        lambda s, a: a.update(maxWeight=150),
        f"{_WHERE}.maxWeight must be between 1 and 100, not 150",
    ),
    Case(
        "negative limit",
        lambda s, a: a.update(inconclusiveLimit=-1),
        f"{_WHERE}.inconclusiveLimit must be at least 0, not -1",
    ),
    Case(
        "negative drain",
        lambda s, a: a.update(drainSeconds=-1),
        f"{_WHERE}.drainSeconds must be between 0 and 3600, not -1",
    ),
    Case(
        "drain over an hour",
        lambda s, a: a.update(drainSeconds=3601),
        f"{_WHERE}.drainSeconds must be between 0 and 3600, not 3601",
    ),
    Case(
        "drain as a duration",
        lambda s, a: a.update(drainSeconds="30s"),
        f"{_WHERE}.drainSeconds must be a whole number between 0 and 3600, not '30s'",
    ),
    Case(
        "drain of half a second",
        lambda s, a: a.update(drainSeconds=0.5),
        f"{_WHERE}.drainSeconds must be a whole number between 0 and 3600, not 0.5",
    ),
    Case(
        "unknown way to promote",
        lambda s, a: a.update(promotion="slowly"),
        f"{_WHERE}.promotion must be atOnce or stepped, not 'slowly'",
    ),
    Case(
        "promotion in lower case",
        lambda s, a: a.update(promotion="atonce"),
        f"{_WHERE}.promotion must be atOnce or stepped, not 'atonce'",
    ),
    Case(
        "promotion of true",
        lambda s, a: a.update(promotion=True),
        f"{_WHERE}.promotion must be atOnce or stepped, not True",
    ),
    Case(
        "promotion as a list",
        lambda s, a: a.update(promotion=["stepped"]),
        f"{_WHERE}.promotion must be atOnce or stepped, not ['stepped']",
    ),
    Case(
        "interval without unit",
        lambda s, a: a.update(interval="60"),
        f"{_WHERE}.interval: '60' is not a duration such as 30s",
    ),
    Case("interval as number", lambda s, a: a.update(interval=60), f"{_WHERE}.interval: '60' is not a duration"),
    Case("empty interval", lambda s, a: a.update(interval=""), f"{_WHERE}.interval: '' is not a duration"),
    Case("interval of a day", lambda s, a: a.update(interval="1d"), f"{_WHERE}.interval: '1d' is not a duration"),
    Case(
        "short interval",
        lambda s, a: a.update(interval="999ms"),
        f"{_WHERE}.interval: '999ms' is not between 1s and 24h",
    ),
    Case(
        "long interval",
        lambda s, a: a.update(interval="24h1s"),
        f"{_WHERE}.interval: '24h1s' is not between 1s and 24h",
    ),
    Case(
        "interval that is too long to be computed",
        lambda s, a: a.update(interval="99999999999h"),
        f"{_WHERE}.interval: '99999999999h' is too long",
    ),
    Case(
        "no metrics",
        lambda s, a: a.pop("metrics"),
        f"{_WHERE}.metrics must be a list of checks ([] for pod health only), not None",
    ),
    Case("metrics as object", lambda s, a: a.update(metrics={}), f"{_WHERE}.metrics must be a list of checks"),
    Case(
        "null metric",
        lambda s, a: a.update(metrics=[None]),
        f"{_WHERE}.metrics[0] must be an object with name and threshold, not None",
    ),
    Case(
        "misspelt metric",
        lambda s, a: a.update(metrics=[metric("istio_request_total")]),
        f"{_WHERE}.metrics[0]: name 'istio_request_total' is not a built-in check",
    ),
    Case(
        "metric without threshold",
        lambda s, a: a.update(metrics=[{"name": RATE}]),
        f"{_WHERE}.metrics[0].threshold must be a number, not None",
    ),
    Case(
        "threshold of a metric in words",
        lambda s, a: a.update(metrics=[metric(threshold="99%")]),
        f"{_WHERE}.metrics[0].threshold must be a number, not '99%'",
    ),
    Case(
        "threshold of a metric of true",
        lambda s, a: a.update(metrics=[metric(threshold=True)]),
        f"{_WHERE}.metrics[0].threshold must be a number, not True",
    ),
    Case(
        "metric without name",
        lambda s, a: a.update(metrics=[{"threshold": 1}]),
        f"{_WHERE}.metrics[0].name is required",
    ),
    Case(
        "template and query",
        lambda s, a: a.update(metrics=[template(query="vector(0)")]),
        f"{_WHERE}.metrics[0].query and {_WHERE}.metrics[0].templateRef exclude each other",
    ),
    Case(
        "template and threshold",
        lambda s, a: a.update(metrics=[template(threshold=1)]),
        f"{_WHERE}.metrics[0].threshold is for the built-in checks",
    ),
    Case(
        "template without limits",
        lambda s, a: a.update(metrics=[{"name": "q", "templateRef": {"name": "q"}}]),
        f"{_WHERE}.metrics[0].thresholdRange must be an object, not None",
    ),
    Case(
        "template under the name of a built-in check",
        lambda s, a: a.update(metrics=[{**template(), "name": RATE}]),
        f"{_WHERE}.metrics[0]: name {RATE} is that of a built-in check",
    ),
    Case(
        "template without a name",
        lambda s, a: a.update(metrics=[template(templateRef={})]),
        f"{_WHERE}.metrics[0].templateRef.name is required",
    ),
    Case(
        "template as text",
        lambda s, a: a.update(metrics=[template(templateRef="checkout")]),
        f"{_WHERE}.metrics[0].templateRef must be an object, not 'checkout'",
    ),
    Case(
        "template of no possible name",
        lambda s, a: a.update(metrics=[template("Checkout!")]),
        f"{_WHERE}.metrics[0].templateRef.name 'Checkout!' cannot be the name",
    ),
    Case(
        "variables of a query",
        lambda s, a: a.update(metrics=[query(templateVariables={"code": "5.."})]),
        f"{_WHERE}.metrics[0].templateVariables is for a templateRef",
    ),
    Case(
        "variable as a number",
        lambda s, a: a.update(metrics=[template(templateVariables={"code": 500})]),
        f"{_WHERE}.metrics[0].templateVariables must be an object of strings",
    ),
    Case(
        "too many variables",
        lambda s, a: a.update(metrics=[template(templateVariables={f"v{n}": "" for n in range(17)})]),
        f"{_WHERE}.metrics[0].templateVariables may hold 16 strings of at most 256 characters",
    ),
    Case(
        "variable that is too long",
        lambda s, a: a.update(metrics=[template(templateVariables={"code": "5" * 257})]),
        f"{_WHERE}.metrics[0].templateVariables may hold 16 strings of at most 256 characters",
    ),
    *(
        Case(
            f"quantile of {quantile}",
            lambda s, a, quantile=quantile: a.update(metrics=[metric(SECONDS, 500, quantile=quantile)]),
            f"{_WHERE}.metrics[0]: quantile {quantile:g} of {SECONDS} must be between 0 and 1: 0.95, not 95",
        )
        for quantile in (0, 1, 95, -0.5)
    ),
    Case(
        "quantile as text",
        lambda s, a: a.update(metrics=[metric(SECONDS, 500, quantile="P95")]),
        f"{_WHERE}.metrics[0].quantile must be a number, not 'P95'",
    ),
    Case(
        "quantile of a rate",
        lambda s, a: a.update(metrics=[metric(quantile=0.5)]),
        f"{_WHERE}.metrics[0]: quantile is for durations, not for {RATE}",
    ),
    Case(
        "quantile of a query",
        lambda s, a: a.update(metrics=[query(quantile=0.5)]),
        f"{_WHERE}.metrics[0].quantile is for the built-in checks",
    ),
    Case(
        "protocol of a duration",
        lambda s, a: a.update(metrics=[metric(SECONDS, 500, protocol="grpc")]),
        f"{_WHERE}.metrics[0]: protocol is for {RATE}, not for {SECONDS}",
    ),
    Case(
        "protocol of a query",
        lambda s, a: a.update(metrics=[query(protocol="grpc")]),
        f"{_WHERE}.metrics[0].protocol is for the built-in checks",
    ),
    Case(
        "unknown protocol",
        lambda s, a: a.update(metrics=[metric(protocol="tcp")]),
        f"{_WHERE}.metrics[0]: protocol 'tcp' must be http or grpc",
    ),
    Case(
        "protocol as a number",
        lambda s, a: a.update(metrics=[metric(protocol=2)]),
        f"{_WHERE}.metrics[0].protocol must be a string, not 2",
    ),
    Case(
        "unknown reporter",
        lambda s, a: a.update(reporter="server"),
        f"{_WHERE}.reporter must be destination or source or waypoint, not 'server'",
    ),
    Case(
        "list of reporters",
        lambda s, a: a.update(reporter=["source"]),
        f"{_WHERE}.reporter must be destination or source or waypoint, not ['source']",
    ),
    Case(
        "query and threshold",
        lambda s, a: a.update(metrics=[query(threshold=1)]),
        f"{_WHERE}.metrics[0].threshold is for the built-in checks",
    ),
    Case(
        "query without limits",
        lambda s, a: a.update(metrics=[{"name": "q", "query": "vector(0)"}]),
        f"{_WHERE}.metrics[0].thresholdRange must be an object, not None",
    ),
    Case(
        "limits without a query",
        lambda s, a: a.update(metrics=[{"name": "q", "thresholdRange": {"max": 1}}]),
        f"{_WHERE}.metrics[0].query must be a string, not None",
    ),
    Case(
        "neither limit",
        lambda s, a: a.update(metrics=[query(thresholdRange={})]),
        f"{_WHERE}.metrics[0]: thresholdRange of checkout errors needs min or max, or both",
    ),
    Case(
        "limit as text",
        lambda s, a: a.update(metrics=[query(thresholdRange={"max": "1%"})]),
        f"{_WHERE}.metrics[0].thresholdRange.max must be a number, not '1%'",
    ),
    Case(
        "limits that nothing is within",
        lambda s, a: a.update(metrics=[query(thresholdRange={"min": 2, "max": 1})]),
        f"{_WHERE}.metrics[0]: thresholdRange of checkout errors: min 2 is above max 1",
    ),
    Case(
        "query under the name of a built-in check",
        lambda s, a: a.update(metrics=[query(RATE)]),
        f"{_WHERE}.metrics[0]: name {RATE} is that of a built-in check",
    ),
    Case(
        "query as a number",
        lambda s, a: a.update(metrics=[query(query=1)]),
        f"{_WHERE}.metrics[0].query must be a string, not 1",
    ),
    Case("empty query", lambda s, a: a.update(metrics=[query(query="")]), f"{_WHERE}.metrics[0]: query is empty"),
    Case(
        "longest query and one more",
        lambda s, a: a.update(metrics=[query(query="x" * 4097)]),
        f"{_WHERE}.metrics[0]: query has 4097 characters, at most 4096 are allowed",
    ),
    Case(
        "name that no label can hold",
        lambda s, a: a.update(metrics=[query("é")]),
        f"{_WHERE}.metrics[0]: name 'é' must be letters",
    ),
    Case(
        "longest name and one more",
        lambda s, a: a.update(metrics=[query("q" * 64)]),
        f"{_WHERE}.metrics[0]: name '{'q' * 64}' must be letters",
    ),
    Case(
        "unit that is no word",
        lambda s, a: a.update(metrics=[query(unit="<b>")]),
        f"{_WHERE}.metrics[0]: unit '<b>' must be a word",
    ),
    Case(
        "unit as a number",
        lambda s, a: a.update(metrics=[query(unit=1)]),
        f"{_WHERE}.metrics[0].unit must be a string, not 1",
    ),
    Case(
        "window with a wrong unit",
        lambda s, a: a.update(metrics=[metric(interval="1d")]),
        f"{_WHERE}.metrics[0]: interval '1d' is not a Prometheus duration",
    ),
    Case(
        "percent over 100",
        lambda s, a: a.update(metrics=[metric(threshold=101)]),
        f"{_WHERE}.metrics[0]: threshold 101 of {RATE} must be a percentage",
    ),
    Case(
        "ratio for a percent",
        lambda s, a: a.update(metrics=[metric(threshold=0.99)]),
        f"{_WHERE}.metrics[0]: threshold 0.99 of {RATE} is a percentage: 99, not 0.99",
    ),
    Case(
        "ratio of 1",
        lambda s, a: a.update(metrics=[metric(threshold=1)]),
        f"{_WHERE}.metrics[0]: threshold 1 of {RATE} is a percentage: 100, not 1",
    ),
    Case(
        "duration of 0",
        lambda s, a: a.update(metrics=[metric(), metric(SECONDS, 0)]),
        f"{_WHERE}.metrics[1]: threshold 0 of {SECONDS} must be milliseconds, at least 1",
    ),
    Case(
        "seconds for milliseconds",
        lambda s, a: a.update(metrics=[metric(), metric(SECONDS, 0.5)]),
        f"{_WHERE}.metrics[1]: threshold 0.5 of {SECONDS} is in milliseconds: 500, not 0.5",
    ),
    Case(
        "window of 0",
        lambda s, a: a.update(metrics=[metric(interval="0m")]),
        f"{_WHERE}.metrics[0]: interval 0m is not between 1s and 24h",
    ),
    Case(
        "window over a day",
        lambda s, a: a.update(metrics=[metric(interval="25h")]),
        f"{_WHERE}.metrics[0]: interval 25h is not between 1s and 24h",
    ),
    Case(
        "window that is too long to be computed",
        lambda s, a: a.update(metrics=[metric(interval="99999999999h")]),
        f"{_WHERE}.metrics[0]: interval 99999999999h is not between 1s and 24h",
    ),
    Case(
        "metric twice",
        lambda s, a: a.update(metrics=[metric(), metric()]),
        f"{_WHERE}.metrics names {RATE} twice",
    ),
]
