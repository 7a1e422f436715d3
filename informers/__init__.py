"""List-watch informers, their caches, and the one client that talks to the API server."""
