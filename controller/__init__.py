"""The shell: threads, queue, events, status, flags, HTTP. What is decided, is decided in ``controller.core``."""

__version__ = "0.1.0"
