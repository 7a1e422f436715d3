"""Rules of the route: what keeps its weights right, within bounds, and away from a side that cannot answer.

``decide.py`` says in which order they are asked. Each returns a plan, or None to let the next one speak.
"""

from controller.core import pacing, rounds, steps
from controller.core.canary import Stage
from controller.core.plan import Plan
from controller.core.traffic import ALL_TO_CANARY
from controller.core.world import Rollout
from router.types import Weights


def send_all_to_the_only_side_that_serves(r: Rollout) -> Plan | None:
    """No request goes to a primary without pods while the canary has some."""
    route = r.world.route
    if r.world.at_rest or not r.world.only_the_canary_serves or route is None or route.problem:
        return None
    there = route.weights == ALL_TO_CANARY and r.weight == ALL_TO_CANARY.canary
    return None if there else steps.divert(r)


def take_traffic_off_what_cannot_serve(r: Rollout) -> Plan | None:
    """A canary with traffic and no available pod, or no service that leads to one, is not waited for.

    Source: behaviour 7, 14.
    """
    return None if r.world.at_rest or not r.weight or r.world.canary_serves else rounds.cannot_serve(r)


def put_the_route_right(r: Rollout) -> Plan | None:
    """While running, the recorded weight is authoritative; a step of ours that was interrupted is finished.

    Source: behaviour 13.
    """
    route = r.world.route
    wanted = Weights.to_canary(r.weight)
    if route is None or route.problem or route.weights == wanted:
        return steps.count_from_the_route(r)
    interrupted = route.weights == Weights.to_canary(r.world.canary.status.previous_weight)
    if interrupted and pacing.arrived_at(r.world) is None:
        return steps.advance_again(r)
    return rounds.corrected(r, str(route.weights.canary) if route.weights else "uneven")


def keep_within_the_maximum(r: Rollout) -> Plan | None:
    """A weight above what is allowed is reduced at once: the maximum was lowered, or the primary is back.

    Source: behaviour 18.
    """
    allowed = 0 if r.stage is Stage.STARTING else r.spec.max_weight
    usable = r.world.route is not None and r.world.route.problem is None
    if r.weight <= allowed or not usable or r.world.only_the_canary_serves:
        return None
    return steps.reduce(r, allowed)
