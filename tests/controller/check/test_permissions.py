"""What the controller may do has one truth."""

from pathlib import Path

import yaml

from controller.check.facts import Permission
from controller.check.permissions import NEEDED, NEEDED_TO_LEAD, for_dry_run, optional
from controller.kinds import BUILT_IN

PARTS, OPTIONAL = BUILT_IN.parts, optional(BUILT_IN)
ARTIFACTS = Path(__file__).parents[3] / "artifacts"


def granted(kind, file="flagger/account.yaml"):
    """Return what the role of that kind in the manifests allows."""
    (role,) = [obj for obj in yaml.safe_load_all((ARTIFACTS / file).read_text()) if obj["kind"] == kind]
    found = [
        Permission(verb, group, resource, name)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for name in rule.get("resourceNames", [""])
    ]
    assert len(set(found)) == len(found)
    return set(found)


def test_manifests_grant_what_is_checked_and_nothing_else():
    assert granted("ClusterRole") == set(NEEDED)
    assert granted("Role") == set(NEEDED_TO_LEAD)


def test_manifests_of_a_kind_grant_what_it_needs_and_nothing_else():
    assert {path.stem for path in (ARTIFACTS / "kinds").iterdir()} == {PARTS[kind].api.plural for kind in OPTIONAL}
    for kind, needed in OPTIONAL.items():
        assert granted("ClusterRole", f"kinds/{PARTS[kind].api.plural}.yaml") == set(needed)


def test_dry_run_needs_to_look_only():
    assert {p.verb for p in for_dry_run(NEEDED)} == {"list", "watch"}
    assert {p.resource for p in for_dry_run(NEEDED)} == {"canaries", "deployments", "virtualservices", "services"}
