"""What a world makes of the templates that its canary names."""

from dataclasses import replace

import pytest

from controller.core.gates import TEMPLATES, first_closed
from controller.core.world import NOTHING_REMEMBERED, Unseen, WhyUnseen
from controller.gather import Adapters, Gatherer, kinds_of, parts_keys
from metrics.metric_template import MetricTemplate
from metrics.types import Limits, OwnCheck
from router.types import Backend
from tests.controller.core.builders import MINUTE, NOW, SUCCESS, canary, spec
from tests.fakes.caches import FakeCache
from tests.fakes.parts import FakeDeployer, FakeRouter

CHECK = OwnCheck("checkout errors", "", Limits(high=1.0), "1m", template="checkout")
FOUND = MetricTemplate("test", "checkout", "u", "1", "vector(1)")
NAMING = canary(spec=spec(checks=(SUCCESS, CHECK)))


def gathered(*templates, unseen=None, the_canary=NAMING):
    gatherer = Gatherer(
        FakeCache([the_canary], indexes={"overlap": lambda _canary: ()}, orders={"overlap": lambda _canary: 0}),
        lambda _namespace, _host: Backend(None),
        Adapters({"Deployment": FakeDeployer()}, {"VirtualService": FakeRouter()}),
        lambda: NOW,
        MINUTE,
        FakeCache(templates),
        frozenset(),
        unseen=lambda kind, _namespace: unseen if kind == "MetricTemplate" else None,
    )
    return gatherer.gather(the_canary, NOTHING_REMEMBERED)


def problem(world):
    closed = first_closed(world, TEMPLATES)
    return closed.what if closed else None


def test_canary_that_names_a_template_is_made_of_it_and_no_other_is():
    assert kinds_of(NAMING.spec) == ("Deployment", "VirtualService", "MetricTemplate")
    assert "MetricTemplate/test/checkout" in parts_keys(NAMING)
    assert kinds_of(spec()) == ("Deployment", "VirtualService")


def test_checks_have_the_query_of_their_template():
    world = gathered(FOUND)
    assert world.canary.spec.checks == (SUCCESS, replace(CHECK, query="vector(1)"))
    assert problem(world) is None


def test_world_without_templates_is_as_it_was():
    plain = canary(spec=spec())
    assert gathered(the_canary=plain).canary is plain


def test_template_that_is_missing_closes_the_gate_and_leaves_the_other_checks_alone():
    world = gathered()
    assert problem(world) == "metric template checkout.test: not found, create it or correct templateRef.name"
    assert world.canary.spec.checks[0] == SUCCESS


@pytest.mark.parametrize("why", [WhyUnseen.NOT_SERVED, WhyUnseen.FORBIDDEN])
def test_kind_that_cannot_be_seen_is_a_matter_of_the_check_and_not_of_the_whole_canary(why):
    world = gathered(FOUND, unseen=Unseen("MetricTemplate", why, "grant it"))
    assert problem(world) == "metric template checkout.test: grant it"
    assert world.unseen == ()


def test_nothing_is_decided_while_templates_are_being_listed():
    assert gathered(unseen=Unseen("MetricTemplate", WhyUnseen.NOT_LISTED_YET)).is_incomplete
