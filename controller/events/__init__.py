"""Events of Kubernetes: combined, counted, and sent in the order in which they happened to an object."""
