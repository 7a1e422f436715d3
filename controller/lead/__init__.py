"""Which of several replicas leads: a Lease, and who holds it."""
