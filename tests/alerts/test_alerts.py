"""The alerts: each is explained, tested, and made of metrics that there are. promtool itself runs in make e2e."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
GROUPS = yaml.safe_load((ROOT / "charts" / "flagger" / "files" / "alerts.yaml").read_text())["groups"]
RULES = [rule for group in GROUPS for rule in group["rules"]]
CASES = yaml.safe_load((Path(__file__).parent / "alerts_test.yaml").read_text())["tests"]
NAMES = [rule["alert"] for rule in RULES]


def test_each_alert_is_explained_with_its_severity():
    page = (ROOT / "docs" / "alerts.md").read_text()
    assert re.findall(r'^\| <a id="\w+"></a>`(\w+)` \| (\w+) \|', page, re.MULTILINE) == [
        (rule["alert"], rule["labels"]["severity"]) for rule in RULES
    ]


@pytest.mark.parametrize("name", NAMES)
def test_each_alert_is_seen_to_be_raised(name):
    expected = [test for case in CASES for test in case["alert_rule_test"] if test["alertname"] == name]
    assert any(test["exp_alerts"] for test in expected)


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_alerts_are_made_of_documented_metrics(rule):
    page = (ROOT / "docs" / "metrics.md").read_text()
    documented = set(re.findall(r"^\| `(\w+)`", page, re.MULTILINE))
    used = re.findall(r"\b(?:flagger|workqueue|leader_election)_\w+", rule["expr"])
    assert used
    assert {name.removesuffix("_bucket") for name in used} <= documented


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_each_alert_says_what_happened_and_what_to_do(rule):
    summary, description = rule["annotations"]["summary"], rule["annotations"]["description"]
    assert len(re.sub(r"\{\{.*?\}\}", "", summary)) < 100  # as it is read
    assert not summary.endswith(".")
    assert description.endswith((".", "?"))
