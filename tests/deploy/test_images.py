"""Versions as people say them."""

import pytest

from deploy.images import images_in, images_of, version

DIGEST = "sha256:0123456789abcdef0123456789abcdef"
OTHER = "sha256:fedcba9876543210fedcba9876543210"


def one(image):
    return (("app", image),)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        pytest.param("podinfo:1.4.0", "podinfo:1.5.0", "1.4.0 → 1.5.0", id="the tags"),
        pytest.param("podinfo:1.4.0", "podinfo:1.4.0", "1.4.0", id="one tag if they are the same"),
        pytest.param("registry:5000/podinfo", "registry:5000/podinfo:1", "latest → 1", id="no tag, and a port"),
        pytest.param(f"podinfo@{DIGEST}", "podinfo:1", "sha256:0123456789ab → 1", id="a digest is shortened"),
        pytest.param(
            f"podinfo:1@{DIGEST}",
            f"podinfo:1@{OTHER}",
            "1@sha256:0123456789ab → 1@sha256:fedcba987654",
            id="a tag that moved",
        ),
        pytest.param("a/podinfo:1", "a/podinfo-next:1", "podinfo:1 → podinfo-next:1", id="another image, same tag"),
        pytest.param(
            f"a/podinfo@{DIGEST}",
            f"a/other@{DIGEST}",
            "podinfo@sha256:0123456789ab → other@sha256:0123456789ab",
            id="another image, same digest",
        ),
        pytest.param("a/podinfo:1", "b/podinfo:1", "a/podinfo:1 → b/podinfo:1", id="another registry"),
        pytest.param("podinfo@latest", "podinfo:1", "latest → 1", id="a digest that is none"),
    ],
)
def test_version_of_one_container(before, after, told):
    assert version(one(before), one(after)) == told


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        pytest.param((), (), "", id="nothing is known"),
        pytest.param(one("a:1"), (), "1", id="only the primary is known"),
        pytest.param((), one("a:2"), "2", id="only the canary is known"),
        pytest.param(
            (("app", "a:1"), ("proxy", "p:7")), (("app", "a:2"), ("proxy", "p:7")), "app 1 → 2", id="one of two"
        ),
        pytest.param(
            (("app", "a:1"), ("proxy", "p:7")),
            (("app", "a:2"), ("proxy", "p:8")),
            "app 1 → 2, proxy 7 → 8",
            id="both of two",
        ),
        pytest.param(
            (("app", "a:1"), ("proxy", "p:7")), (("app", "a:1"), ("proxy", "p:7")), "app 1, proxy 7", id="at rest"
        ),
        pytest.param(one("a:1"), (("app", "a:1"), ("new", "n:1")), "new 1", id="a container more"),
        pytest.param(
            tuple((f"c{n}", "a:1") for n in range(5)),
            tuple((f"c{n}", "a:2") for n in range(5)),
            "c0 1 → 2, c1 1 → 2, c2 1 → 2 and 2 more",
            id="too many to name",
        ),
    ],
)
def test_version_of_several_containers(before, after, told):
    assert version(before, after) == told


def test_version_is_bounded():
    told = version(tuple((f"c{n}", f"a:{'1' * 90}") for n in range(9)), tuple((f"c{n}", "a:2") for n in range(9)))
    assert len(told) == 120
    assert told.endswith("… and 6 more")


def test_images_of_a_pod_are_those_of_its_containers_first():
    pod = {
        "initContainers": [{"name": "init", "image": "i:1"}],
        "containers": [{"name": "app", "image": "a:1"}, {"name": "injected"}, "odd", {"image": "b:1"}],
    }
    assert images_of(pod) == (("app", "a:1"), ("init", "i:1"))
    assert images_of({"containers": {}}) == images_of(None) == ()


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        pytest.param({"spec": {"image": "fn:1", "handler": "x"}}, (("image", "fn:1"),), id="a function"),
        pytest.param(
            {"spec.values": {"image": {"repository": "podinfo", "tag": "6.0"}, "replicaCount": 2}},
            (("image", "podinfo:6.0"),),
            id="the values of a chart",
        ),
        pytest.param(
            {"spec.values": {"backend": {"image": {"tag": 7}}, "web": {"image": "w:1"}}},
            (("backend", ":7"), ("web", "w:1")),
            id="several images, by where they stand",
        ),
        pytest.param(
            {"spec.chart": {"spec": {"chart": "./charts/podinfo", "version": "6.1.0"}}},
            (("chart", "podinfo:6.1.0"),),
            id="the version of a chart",
        ),
        pytest.param({"spec.values": {"image": {"pullPolicy": "Always"}}}, (), id="no tag"),
        pytest.param({"spec.values": None, "spec.size": 3}, (), id="nothing of the kind"),
        pytest.param(
            {"v": {"a": {"b": {"c": {"d": {"e": {"f": {"g": {"image": "x:1"}}}}}}}}}, (), id="too deep to be meant"
        ),
    ],
)
def test_images_of_what_a_custom_resource_releases(fields, found):
    assert images_in(fields) == found
