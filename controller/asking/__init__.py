"""Readings for all canaries: who asks for them is given them later, and waits nowhere."""
