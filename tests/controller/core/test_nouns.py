"""What sentences call kinds and workloads, and what kubectl does."""

import pytest

from controller.core.canary import InvalidSpec
from controller.core.nouns import canary_label, noun, primary_label, resource
from tests.controller.core.builders import canary, world


@pytest.mark.parametrize(
    ("kind", "word", "plural"),
    [
        ("Deployment", "deployment", "deployments"),
        ("VirtualService", "virtual service", "virtualservices"),
        ("HTTPRoute", "HTTP route", "httproutes"),
        ("Ec2Instance", "ec2 instance", "ec2instances"),
    ],
)
def test_kind_in_words_and_for_kubectl(kind, word, plural):
    assert (noun(kind), resource(kind)) == (word, plural)


def test_workloads_have_their_own_names_and_without_a_spec_those_that_are_known():
    assert (canary_label(world()), primary_label(world())) == ("podinfo-canary.test", "podinfo.test")
    unknown = world(canary=canary(spec=InvalidSpec("x")))
    assert (canary_label(unknown), primary_label(unknown)) == ("podinfo.test", "the primary")
