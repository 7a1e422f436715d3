"""After everything else: what the controllers were allowed to do is what they did, no less and no more."""

from pathlib import Path

import yaml

from tests.e2e.environments import audited, is_refused

ROOT = Path(__file__).parents[3]

ABOUT_ONESELF = {("create", "selfsubjectreviews"), ("create", "selfsubjectaccessreviews")}
"""What everybody may ask without a role: ``flagger check`` does."""

WITHOUT_A_STORY = {"functions"}
"""Optional kinds that the control plane does not serve."""


def granted() -> set[tuple[str, str]]:
    """Return what the manifests allow, as (verb, resource)."""
    kinds = sorted(path for path in (ROOT / "artifacts/kinds").glob("*.yaml") if path.stem not in WITHOUT_A_STORY)
    files = [ROOT / "artifacts/flagger/account.yaml", *kinds]
    objects = [obj for file in files for obj in yaml.safe_load_all(file.read_text())]
    roles = [obj for obj in objects if obj["kind"] in {"Role", "ClusterRole"}]
    assert len(roles) == 2 + len(kinds)
    rules = [rule for role in roles for rule in role["rules"]]
    return {(verb, resource) for rule in rules for resource in rule["resources"] for verb in rule["verbs"]}


def test_every_permission_is_used_and_none_is_missing(cluster):
    requests = [request for user, request in audited(cluster.audit_log) if user.endswith(":flagger")]
    assert [request for request in requests if is_refused(request)] == []
    used = {(request.verb, request.resource) for request in requests if not request.resource.startswith("/")}
    assert used - ABOUT_ONESELF == granted()
