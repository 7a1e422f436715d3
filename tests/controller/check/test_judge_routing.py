"""Whether requests can go where the weights say."""

from dataclasses import replace

import pytest

from controller.check.facts import NoApi, Objects, Unlisted
from controller.core.canary import InvalidSpec
from informers.types import Unreadable
from router.types import Backend, Route, Weights
from tests.controller.check.facts_builders import api, bad, facts, world
from tests.controller.core import builders

LABELS = (("app", "podinfo"), ("side", "primary"))
OTHERS = (("app", "podinfo"), ("side", "canary"))


def with_labels(workload, labels, **changes):
    return replace(workload, template=replace(workload.template, labels=labels, **changes))


PRIMARY, CANARY = with_labels(builders.primary(), LABELS), with_labels(builders.workload(), OTHERS)
UNKNOWN = with_labels(builders.primary(), (), shows_labels=False)
BOTH = Backend(None, selector=(("app", "podinfo"),))
OWN = {"primary_backend": Backend(None, selector=LABELS), "canary_backend": Backend(None, selector=OTHERS)}
SAID = (
    "problem",
    "ServiceSelectsBoth",
    (
        "Service podinfo selects app=podinfo, which pods of podinfo and podinfo-canary have: "
        "requests to either host reach both versions, whatever the weights are"
    ),
)


def said(*, unlisted=(), **changes):
    defaults = {"primary": PRIMARY, "canary_workload": CANARY, **OWN}
    look = world(**{**defaults, **changes})
    found = bad(facts(api=api(objects=Objects((look,), unlisted))))
    return [finding for finding in found if finding[1] in {"ServiceSelectsBoth", "HostsNotAsked"}]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        pytest.param({}, [], id="each selects its own"),
        pytest.param({"primary_backend": BOTH}, [SAID], id="one selects both"),
        pytest.param({"primary_backend": Backend(None, selector=None)}, [], id="a selector that is not known"),
        pytest.param({"primary_backend": Backend(None, selector=())}, [], id="no selector"),
        pytest.param({"primary_backend": BOTH, "primary": UNKNOWN}, [], id="labels that are not known"),
        pytest.param({"primary_backend": BOTH, "primary": None}, [], id="no primary"),
        pytest.param(
            {"primary_backend": BOTH, "canary_workload": Unreadable("test", "podinfo-canary", "", "", "why")},
            [],
            id="a canary that cannot be read",
        ),
        pytest.param(
            {"primary_backend": BOTH, "unlisted": (Unlisted("Service", "services", "", ""),)},
            [],
            id="services that were not seen",
        ),
    ],
)
def test_services_that_lead_to_both_sides(changes, found):
    assert said(**changes) == found


def test_route_for_hosts_that_nobody_in_the_mesh_asks_for():
    route = Route(Weights(100, 0), only_for=("podinfo.example.com",))
    assert said(route=route) == [
        (
            "warning",
            "HostsNotAsked",
            (
                "The route podinfo is for podinfo.example.com and names no gateway: "
                "callers within the mesh ask for podinfo, and their requests are not split"
            ),
        )
    ]
    assert said(route=None) == said(route=Route(Weights(100, 0))) == []


def test_nothing_is_said_of_what_cannot_be_known_or_is_on_its_way_out():
    route = Route(Weights(100, 0), only_for=("podinfo.example.com",))
    look = world(route=route)
    for canary in (replace(look.canary, deleting=True), replace(look.canary, spec=InvalidSpec("odd"))):
        found = bad(facts(api=api(objects=Objects((replace(look, canary=canary),)))))
        assert "HostsNotAsked" not in {reason for _, reason, _ in found}
    assert "HostsNotAsked" not in {reason for _, reason, _ in bad(facts(api=NoApi("away", refused=False)))}
