"""Scripts for people: the local sandbox, the real control plane, the demonstration. Imported by no package."""
