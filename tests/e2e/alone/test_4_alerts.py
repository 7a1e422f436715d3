"""The alerts, in a real Prometheus with a real Alertmanager that is configured as docs/alerts.md says."""

import json
import re
import subprocess
from pathlib import Path

import httpx
import yaml

from testbed.cluster.alerting import Alertmanager, Listener
from testbed.cluster.monitoring import ALERTS, Prometheus, scrape
from tests.e2e.stage import QUICK

ROOT = Path(__file__).parents[3]


def example() -> str:
    """Return the example of docs/alerts.md."""
    (found,) = re.findall(r"^```yaml\n(route:.*?)^```", (ROOT / "docs/alerts.md").read_text(), re.DOTALL | re.MULTILINE)
    return found


def heard_by(listener: Listener) -> str:
    """Return the example with receivers that listen, and nobody waiting for company."""
    config = yaml.safe_load(example())
    config["route"]["group_wait"] = "1s"
    config["receivers"] = [
        {"name": receiver["name"], "webhook_configs": [{"url": f"{listener.url}/{receiver['name']}"}]}
        for receiver in config["receivers"]
    ]
    return yaml.safe_dump(config)


def hurried(rules: Path, directory: Path) -> Path:
    """Return the rules with a second for every ``for``; promtool tests how long it really is."""
    path = directory / "alerts.yaml"
    path.write_text(re.sub(r"for: \S+", "for: 1s", rules.read_text()))
    return path


def promtool(cluster, *arguments: str, given: str = "") -> str:
    """Run promtool and return what it prints; it must be content."""
    command = [f"{cluster.places['binaries']}/promtool", *arguments]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_rules_are_what_their_cases_say(cluster):
    assert "12 rules found" in promtool(cluster, "check", "rules", "--lint=all", str(ALERTS))
    promtool(cluster, "test", "rules", str(ROOT / "tests" / "alerts" / "alerts_test.yaml"))


def test_alertmanager_takes_the_example_as_it_stands(cluster, tmp_path):
    with Alertmanager(Path(cluster.places["binaries"]), tmp_path, example()) as alertmanager:
        config = httpx.get(f"{alertmanager.url}/api/v2/status").json()["config"]["original"]
    assert [receiver["name"] for receiver in yaml.safe_load(config)["receivers"]] == ["team", "deployments", "on-call"]


def test_alerts_come_to_whom_the_example_sends_them(on, cluster, tmp_path):
    binaries, mesh = Path(cluster.places["binaries"]), cluster.places["admin"].removeprefix("http://")
    with Listener() as listener, Alertmanager(binaries, tmp_path / "alertmanager", heard_by(listener)) as alertmanager:
        rules = hurried(ALERTS, tmp_path)
        prometheus = Prometheus(
            binaries, tmp_path / "prometheus", mesh, rules=rules, alertmanager=alertmanager.url.removeprefix("http://")
        )
        prometheus.start()
        with on.controller() as controller:
            port = json.loads(controller.wait_for_lines(1)[0])["port"]
            scrape(prometheus.targets, "flagger", port)
            on.add_canary(threshold=1, **QUICK)
            on.until_state("finished")
            told = f"Canary podinfo.{on.namespace} 1.2.1 was promoted"
            on.until(lambda: ("deployments", "FlaggerRolloutSucceeded", told) in listener.heard())
            on.push("1.3.0")
            on.until_said("New revision detected")
            on.behave(rate=50)
            on.until_state("failed")
            told = f"Canary podinfo.{on.namespace} 1.2.1 → 1.3.0 was rolled back (FailedChecks)"
            on.until(lambda: ("team", "FlaggerRolloutFailed", told) in listener.heard())
            page = httpx.get(f"http://127.0.0.1:{port}/metrics").text
        on.until(lambda: ("on-call", "FlaggerDown", "No controller is scraped") in listener.heard())
        prometheus.stop()
    assert {name for _, name, _ in listener.heard()} == {
        "FlaggerRolloutSucceeded",
        "FlaggerRolloutFailed",
        "FlaggerDown",
    }
    assert_clean(cluster, page)


def assert_clean(cluster, page: str) -> None:
    """Check what was scraped with promtool, which dislikes one name that dashboards of Flagger read."""
    command = [f"{cluster.places['binaries']}/promtool", "check", "metrics"]
    done = subprocess.run(command, input=page, capture_output=True, text=True, check=False)
    complaints = (done.stdout + done.stderr).strip().splitlines()
    assert complaints == ['flagger_canary_total non-counter metrics should not have "_total" suffix']
