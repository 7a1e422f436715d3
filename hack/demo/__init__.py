"""What ``make run`` shows: a promotion and a roll back by the real controller, on the sandbox."""
