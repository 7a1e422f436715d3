"""The metrics observer: which checks there are, how they are asked, and what their answers mean."""
