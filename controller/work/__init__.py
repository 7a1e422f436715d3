"""Which canary is reconciled next, when, and by whom: a queue, its delays and limits, and the worker threads."""
