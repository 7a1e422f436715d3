"""What became of a caller's requests: shares per weight, and failures by when they came."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

SIGMAS = 4


@dataclass(frozen=True, slots=True)
class Request:
    """One request of a caller."""

    time: float  # unix seconds when its answer was there
    status: int  # 0: none
    pod: str
    oldest: float  # when the oldest request was sent that had no answer then

    @property
    def failed(self) -> bool:
        """Whether the caller got no good answer."""
        return self.status != 200  # OK


@dataclass(frozen=True, slots=True)
class Share:
    """How many requests reached the canary while a weight held."""

    weight: int
    requests: int
    canary: int

    @property
    def fits(self) -> bool:
        """Whether that is what the weight says, but for chance."""
        expected = self.requests * self.weight / 100
        sigma = math.sqrt(expected * (1 - self.weight / 100))
        return abs(self.canary - expected) <= SIGMAS * max(sigma, 1.0)

    def __str__(self) -> str:
        """Return a line for people."""
        percent = 100 * self.canary / self.requests if self.requests else math.nan
        return f"weight {self.weight:3}: {percent:6.2f} % of {self.requests}"


def parse(text: str) -> list[Request]:
    """Return the requests that a caller has printed; a last line that is not whole is left out."""
    found = []
    for line in text.splitlines()[:-1] if not text.endswith("\n") else text.splitlines():
        time, status, pod, oldest = line.split(" ")
        found.append(Request(float(time), int(status), pod, float(oldest)))
    return found


def shares(requests: Sequence[Request], weights: Sequence[tuple[float, int]], *, settle: float) -> list[Share]:
    """Return the share of the canary for each weight.

    Args:
        requests: of a caller.
        weights: since when (unix seconds) which weight held, in order; the last one is left out.
        settle: seconds that the proxies have to learn of a weight; those requests don't count.
    """
    found = []
    for (since, weight), (until, _) in pairwise(weights):
        pods = [request.pod for request in requests if since + settle <= request.time < until and not request.failed]
        found.append(Share(weight, len(pods), sum(pod.startswith("podinfo-canary-") for pod in pods)))
    return found


def failures(requests: Sequence[Request], since: float, until: float = math.inf) -> list[Request]:
    """Return the requests that failed within a time."""
    return [request for request in requests if request.failed and since <= request.time < until]
