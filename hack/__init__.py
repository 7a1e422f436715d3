"""Scripts for people: the local sandbox, the demonstration, benchmarks. Imported by no package."""
