"""Where the weights live: finds the route of a canary and shifts traffic on it."""
