"""The decision core: pure functions from a gathered ``World`` to a ``Plan``. No I/O, clock, threads or logging."""
