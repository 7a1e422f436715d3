"""Which canary is looked at next, when, and by whom: a queue, its delays and limits, and the worker threads."""
