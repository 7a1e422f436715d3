"""``flagger abort|promote|retry|hold|resume``: what people ask of a rollout. Read the object, decide, annotate it."""
