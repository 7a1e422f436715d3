"""What goes into the image besides the packages, and its build without an engine."""
