"""``flagger check``: what is missing before the first rollout. Gather facts, judge them, print; nothing is written."""
