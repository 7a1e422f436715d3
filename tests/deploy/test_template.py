"""What a promotion copies, and what stays."""

import copy

import jsonpatch
import pytest

from deploy.revision import fingerprint
from deploy.template import copy_operations, promoted_labels, template_of, would_change_nothing
from deploy.types import PROMOTED_ANNOTATION
from tests.deploy.deployment_objects import deployment

STAMP = "123@2018-10-10T12:00:00+00:00"


def promoted(source, target):
    return jsonpatch.apply_patch(copy.deepcopy(target), list(copy_operations(source, target, STAMP)))


def test_template_is_known_by_its_fingerprints_labels_and_selector():
    obj = deployment(annotations={"a": "b"})
    template = obj["spec"]["template"]
    found = template_of(obj)
    assert found.labels == (("app", "podinfo-canary"), ("tier", "web"))
    assert found.selector == ("app",)
    assert found.revision == fingerprint(template)
    assert found.body == fingerprint({"spec": template["spec"], "annotations": {"a": "b"}})


def test_keys_of_match_expressions_are_identity_too():
    obj = deployment()
    obj["spec"]["selector"]["matchExpressions"] = [{"key": "tier", "operator": "Exists"}]
    assert template_of(obj).selector == ("app", "tier")


def test_template_without_metadata_has_no_labels():
    obj = deployment()
    obj["spec"]["template"]["metadata"] = None
    obj["spec"]["selector"] = {"matchLabels": None, "matchExpressions": None}
    assert (template_of(obj).labels, template_of(obj).selector) == ((), ())


@pytest.mark.parametrize("part", ["template", "selector"])
def test_deployment_without_a_part_raises(part):
    obj = deployment()
    del obj["spec"][part]
    with pytest.raises(KeyError):
        template_of(obj)


def test_labels_are_copied_but_for_those_of_either_selector():
    source, target = deployment("podinfo-canary"), deployment("podinfo")
    source["spec"]["selector"]["matchLabels"]["side"] = "canary"
    source["spec"]["template"]["metadata"]["labels"] = {"app": "podinfo-canary", "side": "canary", "version": "2"}
    target["spec"]["template"]["metadata"]["labels"] = {"app": "podinfo", "side": "primary", "old": "gone"}
    assert promoted_labels(template_of(source), template_of(target)) == (
        ("app", "podinfo"),
        ("side", "primary"),
        ("version", "2"),
    )


@pytest.mark.parametrize(
    ("change", "nothing"),
    [
        ({}, True),
        ({"annotations": {"a": "b"}}, False),
        ({"labels": {"app": "podinfo-canary", "tier": "db"}}, False),
        ({"labels": {"app": "anything", "tier": "web"}}, True),
        ({"labels": {"app": "podinfo-canary"}}, False),
    ],
    ids=["alike", "another annotation", "another label", "another label of the selector", "one label fewer"],
)
def test_promotion_changes_nothing_if_what_is_copied_is_the_same(change, nothing):
    source, target = template_of(deployment(**change)), template_of(deployment("podinfo"))
    assert would_change_nothing(source, target) is nothing


def test_another_image_changes_something():
    assert not would_change_nothing(template_of(deployment(image="x")), template_of(deployment("podinfo")))


def test_copy_carries_spec_annotations_and_labels_and_leaves_the_rest():
    source = deployment(image="podinfo:2", annotations={"a": "b"}, unknown="of the source")
    source["spec"]["template"]["spec"]["unknown"] = None
    target = deployment("podinfo", annotations={"old": "gone"}, unknown="of the target")
    target["metadata"]["annotations"] = {"mine": "kept"}
    after = promoted(source, target)
    assert after["spec"]["template"]["spec"] == source["spec"]["template"]["spec"]
    assert after["spec"]["template"]["metadata"] == {
        "labels": {"app": "podinfo", "tier": "web"},
        "annotations": {"a": "b"},
        "unknown": "of the target",
    }
    assert after["metadata"]["annotations"] == {"mine": "kept", PROMOTED_ANNOTATION: STAMP}
    for path in ("replicas", "selector"):
        assert after["spec"][path] == target["spec"][path]
    assert after["status"] == target["status"]


def test_stamp_is_one_annotation_beside_those_of_others():
    target = deployment("podinfo")
    target["metadata"]["annotations"] = {"mine": "kept"}
    assert copy_operations(deployment(), target, STAMP)[-1] == {
        "op": "add",
        "path": "/metadata/annotations/flagger.app~1promoted",
        "value": STAMP,
    }


@pytest.mark.parametrize("annotations", [None, {}], ids=["null", "empty"])
def test_stamp_is_written_where_there_were_no_annotations(annotations):
    target = deployment("podinfo")
    target["metadata"]["annotations"] = annotations
    assert promoted(deployment(), target)["metadata"]["annotations"] == {PROMOTED_ANNOTATION: STAMP}


def test_copy_works_without_template_metadata():
    source, target = deployment(), deployment("podinfo")
    source["spec"]["template"]["metadata"] = None
    target["spec"]["template"].pop("metadata")
    assert promoted(source, target)["spec"]["template"]["metadata"] == {"labels": {}, "annotations": {}}


@pytest.mark.parametrize(("field", "value"), [("resourceVersion", "another")])
def test_copy_fails_if_the_target_has_changed(field, value):
    source, target = deployment(), deployment("podinfo")
    operations = copy_operations(source, target, STAMP)
    target["metadata"][field] = value
    with pytest.raises(jsonpatch.JsonPatchTestFailed):
        jsonpatch.apply_patch(target, list(operations))
