"""An HTTP API server that a client cannot tell from a real one, as far as this project's clients look."""
