"""Scripts for people, and the clusters that tests run on: sandbox, control plane, mesh. Nothing shipped imports it."""
