"""``flagger get``, ``watch``, ``history`` and ``wait``: what a person sees of a rollout. Reads, and never writes."""
