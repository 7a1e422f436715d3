"""Prometheus has too little to say: scraped as seldom as a window is long, asked about few requests (20, 21)."""

from datetime import timedelta

from tests.e2e.beginnings import AT_ONCE, windows
from tests.e2e.stage import QUICK

SCRAPE = timedelta(seconds=1)


def too_short(on, prometheus):
    """Return what ``flagger check`` says of the windows, and how to fix it."""
    found = [finding for finding in on.checked(prometheus.url) if finding["reason"] == "WindowTooShort"]
    return [(finding["what"], finding["fix"]) for finding in found]


def test_situation_20_a_window_as_long_as_the_scrape_interval(on):
    prometheus = on.environment.prometheus(scrape=SCRAPE)
    with on.controller(prometheus_url=prometheus.url):
        on.add_canary(lambda obj: windows(obj, "1s"), **AT_ONCE, inconclusiveLimit=2)
        on.until_state("failed")
        on.until(lambda: len(too_short(on, prometheus)) == 2)
        for index, (what, fix) in enumerate(too_short(on, prometheus)):
            assert what.startswith("Its window of 1s for istio_request")
            assert what.endswith(" never holds the two scrapes of Prometheus that a reading needs")
            field = f"spec.canaryAnalysis.metrics[{index}].interval"
            windows_said = {
                f"Set {field} to {window}, four scrapes or more, or scrape more often." for window in ("4s", "8s")
            }
            assert fix in windows_said  # the longer one where a scrape of the last windows was missed
        fixed = on.get("canaries", "podinfo")
        windows(fixed, "4s")
        on.patch("canaries", "podinfo", {"spec": fixed["spec"]})
        on.ask("retry")
        on.until_state("finished")
    on.tells("scraped-seldom", revision=on.status()["canaryRevision"])
    assert too_short(on, prometheus) == []


def test_situation_21_a_quiet_canary(on):
    on.send(4, burst_seconds=1)
    with on.controller():
        on.add_canary(lambda obj: windows(obj, "3s"), **{**QUICK, "interval": "3s"}, inconclusiveLimit=1)
        on.until_state("finished")
    on.tells("quick")
